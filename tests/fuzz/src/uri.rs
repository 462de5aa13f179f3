//! Two addresses on two lines, alone and as part of a header.

use patchcord_sip::uri::{escape_header, escape_user, unescape};
use patchcord_sip::{Contact, NameAddr, Uri, Via};

/// Reads the lines as addresses and compares them.
pub fn uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (first, second) = text.split_once('\n').unwrap_or((text, text));
    for text in [first, second] {
        if let Ok(uri) = Uri::parse(text) {
            alone(&uri);
        }
        in_headers(text);
        for escaped in [escape_user(text), escape_header(text)] {
            assert_eq!(unescape(&escaped), text, "escaping is undone by unescaping");
        }
    }
    if let (Ok(first), Ok(second)) = (Uri::parse(first), Uri::parse(second)) {
        assert_eq!(first.equivalent(&second), second.equivalent(&first), "equivalence is mutual");
        assert!(first.equivalent(&first) && second.equivalent(&second));
    }
}

fn alone(uri: &Uri<'_>) {
    assert_eq!(uri.to_string(), uri.as_str());
    let _ = (uri.scheme(), uri.scheme_text().len(), uri.is_sips(), uri.port(), uri.address(), uri.password());
    let _ = (uri.transport(), uri.is_loose(), uri.param("maddr"), uri.headers().count());
    if let (Some(user), Some(plain)) = (uri.user(), uri.user_text()) {
        assert!(!user.is_empty() && !plain.is_empty());
    }
    assert!(uri.host().is_none_or(|host| !host.is_empty()));
    // An address in brackets is the address itself.
    let bracketed = format!("<{uri}>;tag=1");
    let address = NameAddr::parse(&bracketed).expect("an address that stands alone stands in brackets");
    assert_eq!((address.uri.as_str(), address.tag()), (uri.as_str(), Some("1")));
}

fn in_headers(text: &str) {
    if let Ok(address) = NameAddr::parse(text) {
        let _ = (address.display().len(), address.q(), address.expires(), address.instance(), address.reg_id());
        assert!(text.contains(address.uri.as_str()));
    }
    if let Ok(Contact::Addr(contact)) = Contact::parse(text) {
        assert!(contact.q().is_none_or(|q| q <= 1000));
    }
    if let Ok(via) = Via::parse(text) {
        let _ = (via.received(), via.rport(), via.address());
        assert!(!via.host().is_empty());
    }
}
