//! Takes the secrets out of a SIP message's text, line by line.
//!
//! It reads no SIP: a message with mistakes keeps its secrets in the same places, so each line is looked at for what it
//! begins with, in head and body alike. What may be shown of a digest is listed; whatever else stands there is not shown.
//! Masking a masked text changes nothing.

/// What stands where something was taken out.
const MASK: &str = "…";

/// What stands for each key of a telephone that nobody may read: keys of an INFO may be a PIN, and the message says nothing of that.
pub const SECRET_KEY: &str = "•";

/// The type of a body that is one key and nothing else.
const KEY_ALONE: &str = "application/dtmf";

/// Headers that prove who somebody is, or ask for it.
const PROOFS: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "www-authenticate",
    "proxy-authenticate",
    "authentication-info",
    "proxy-authentication-info",
];

/// Parameters of those that are no secret and that somebody who looks for a fault needs to see.
const SHOWN: [&str; 11] =
    ["realm", "username", "uri", "algorithm", "qop", "nc", "stale", "domain", "charset", "userhash", "error"];

/// Lines of a session description that carry keys, and how much of them is shown.
const KEYS: [(&str, Shown); 4] = [
    ("a=crypto:", Shown::BeforeInline),
    ("a=ice-pwd:", Shown::Name),
    ("a=key-mgmt:", Shown::Name),
    ("k=", Shown::Name),
];

#[derive(Clone, Copy)]
enum Shown {
    /// The beginning of the line alone.
    Name,
    /// Tag and suite, up to the key.
    BeforeInline,
}

/// `text` without its secrets; `bodies` says whether a MESSAGE keeps what it says.
pub fn masked(text: &str, bodies: bool) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let private = !bodies && starts_with(text.trim_start_matches(['\r', '\n']), "message ");
    let is_info = starts_with(text.trim_start_matches(['\r', '\n']), "info ");
    let (mut in_body, mut is_key) = (false, false);
    // Whether the line before was of a header whose value is masked: what is folded under it goes with it.
    let mut secret = false;
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\r', b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let (line, more) = rest.split_at(end);
        let breaks = more.len() - more.trim_start_matches(['\r', '\n']).len();
        let (gap, more) = more.split_at(breaks);
        let key = if is_info { key_in(line, in_body, is_key) } else { None };
        match key {
            Some(before) => {
                out.push_str(before);
                out.push_str(SECRET_KEY);
                secret = false;
            }
            None => secret = write_line(&mut out, line, secret),
        }
        out.push_str(gap);
        rest = more;
        is_key |= is_info && !in_body && is_of_key(line);
        in_body |= !line.is_empty() && gap.matches('\n').count().max(gap.matches('\r').count()) > 1;
        // Two line ends, and a head stood before them.
        if private && !line.is_empty() && gap.matches('\n').count().max(gap.matches('\r').count()) > 1 {
            if !rest.is_empty() {
                out.push_str(MASK);
            }
            break;
        }
    }
    out
}

/// Whether a header says that the body of an INFO is one key alone.
fn is_of_key(line: &str) -> bool {
    let header = line.split_once(':').map(|(name, value)| (name.trim_end(), value.trim()));
    header.is_some_and(|(name, value)| {
        let is_type = name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("c");
        let kind = value.split([';', ' ']).next().unwrap_or_default();
        is_type && kind.eq_ignore_ascii_case(KEY_ALONE)
    })
}

/// What stands before the key in a line of the body of an INFO, where it has one.
fn key_in(line: &str, in_body: bool, is_key: bool) -> Option<&str> {
    if !in_body || line.is_empty() {
        return None;
    }
    let signal = line.find(['=', ':']).filter(|at| line[..*at].trim().eq_ignore_ascii_case("signal"));
    signal.map(|at| &line[..=at]).or(is_key.then_some(""))
}

/// Writes one line; gives back whether a folded line behind it is secret.
fn write_line(out: &mut String, line: &str, secret: bool) -> bool {
    if line.starts_with([' ', '\t']) && secret {
        out.push_str(&line[..1]);
        out.push_str(MASK);
        return true;
    }
    match line.as_bytes().first().map(u8::to_ascii_lowercase) {
        Some(b'a' | b'p' | b'w') => {
            if let Some((name, value)) = line.split_once(':')
                && PROOFS.iter().any(|proof| proof.eq_ignore_ascii_case(name.trim_end()))
            {
                out.push_str(name);
                out.push(':');
                write_proof(out, value);
                return true;
            }
            write_key(out, line);
        }
        Some(b'k') => write_key(out, line),
        _ => write_addresses(out, line),
    }
    false
}

/// A value of a digest: the scheme and what is listed in [`SHOWN`].
fn write_proof(out: &mut String, value: &str) {
    let trimmed = value.trim_start();
    out.push_str(&value[..value.len() - trimmed.len()]);
    // Without a scheme it is Authentication-Info, which has only parameters.
    let scheme = trimmed.find([' ', '\t']).map_or("", |end| &trimmed[..end]);
    let (scheme, parameters) = match scheme.contains(['=', ',', '"']) {
        true => ("", trimmed),
        false => (scheme, &trimmed[scheme.len()..]),
    };
    out.push_str(scheme);
    if !(scheme.is_empty() || scheme.eq_ignore_ascii_case("digest")) {
        out.push(' ');
        out.push_str(MASK);
        return;
    }
    let mut rest = parameters;
    loop {
        let (parameter, more) = rest.split_at(end_of_parameter(rest));
        match parameter.split_once('=') {
            Some((name, _)) if SHOWN.iter().any(|shown| shown.eq_ignore_ascii_case(name.trim())) => {
                out.push_str(parameter);
            }
            Some((name, _)) => {
                out.push_str(name);
                out.push('=');
                out.push_str(MASK);
            }
            None if parameter.trim().is_empty() => out.push_str(parameter),
            None => {
                // What parts it from the scheme stays, or nobody would see the scheme again.
                out.push_str(&parameter[..parameter.len() - parameter.trim_start().len()]);
                out.push_str(MASK);
            }
        }
        match more.strip_prefix(',') {
            Some(more) => {
                out.push(',');
                rest = more;
            }
            None => return,
        }
    }
}

/// Where the comma is that ends a parameter; one in quotes does not.
fn end_of_parameter(text: &str) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// A line that may carry a key of the sound.
fn write_key(out: &mut String, line: &str) {
    let Some((name, shown)) = KEYS.iter().find(|(name, _)| starts_with(line, name)) else {
        return write_addresses(out, line);
    };
    let shown = match shown {
        Shown::Name => name.len(),
        Shown::BeforeInline => find(line, "inline:").map_or(name.len(), |at| at + "inline:".len()),
    };
    out.push_str(&line[..shown]);
    out.push_str(MASK);
}

/// Any other line: only an address may carry a password (`sip:user:password@host`).
fn write_addresses(out: &mut String, line: &str) {
    let mut rest = line;
    while let Some(at) = find(rest, "sip") {
        let (before, address) = rest.split_at(at);
        out.push_str(before);
        let scheme = if starts_with(address, "sips:") { 5 } else { 4 };
        if !starts_with(address, "sip:") && scheme == 4 {
            out.push_str(&address[..3]);
            rest = &address[3..];
            continue;
        }
        let (scheme, address) = address.split_at(scheme);
        out.push_str(scheme);
        let end = address.find(['@', '>', '<', '"', ' ', '\t']).unwrap_or(address.len());
        rest = match (address[..end].split_once(':'), address[end..].starts_with('@')) {
            (Some((user, _)), true) => {
                out.push_str(user);
                out.push(':');
                out.push_str(MASK);
                &address[end..]
            }
            _ => address,
        };
    }
    out.push_str(rest);
}

fn starts_with(text: &str, lower: &str) -> bool {
    text.as_bytes().get(..lower.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower.as_bytes()))
}

/// Where `lower` stands in `text`, in either case.
fn find(text: &str, lower: &str) -> Option<usize> {
    let (first, bytes) = (lower.as_bytes()[0], text.as_bytes());
    let places = memchr::memchr2_iter(first, first.to_ascii_uppercase(), bytes);
    places.into_iter().find(|at| starts_with(&text[*at..], lower))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> String {
        masked(text, true)
    }

    #[test]
    fn a_digest_shows_who_and_how_and_nothing_that_proves_it() {
        assert_eq!(
            line(
                "Authorization: Digest username=\"alice, \\\"the\\\" first\", realm=\"example.org\", nonce=\"abc\", \
                 uri=\"sip:example.org\", response=\"0123\", cnonce=\"x,y\", qop=auth, nc=00000001, opaque=\"o\""
            ),
            "Authorization: Digest username=\"alice, \\\"the\\\" first\", realm=\"example.org\", nonce=…, \
             uri=\"sip:example.org\", response=…, cnonce=…, qop=auth, nc=00000001, opaque=…"
        );
        assert_eq!(
            line("WWW-authenticate :Digest realm=\"x\",nonce=\"n\",algorithm=MD5\r\n"),
            "WWW-authenticate :Digest realm=\"x\",nonce=…,algorithm=MD5\r\n"
        );
        assert_eq!(line("Proxy-Authorization: Bearer s3cret"), "Proxy-Authorization: Bearer …");
        assert_eq!(line("Authorization: s3cret"), "Authorization: …");
        assert_eq!(line("Authorization: Digest s3cret"), "Authorization: Digest …");
        assert_eq!(
            line("Authentication-Info: nextnonce=\"n\", rspauth=\"r\""),
            "Authentication-Info: nextnonce=…, rspauth=…"
        );
    }

    #[test]
    fn a_folded_secret_is_one_all_the_same() {
        assert_eq!(
            line("Authorization: Digest realm=\"x\",\r\n nonce=\"n\",\n\tresponse=\"r\"\r\nSubject: a\r\n b"),
            "Authorization: Digest realm=\"x\",\r\n …\n\t…\r\nSubject: a\r\n b"
        );
    }

    #[test]
    fn keys_of_the_sound_are_not_shown_and_their_suite_is() {
        assert_eq!(
            line(
                "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abcd|2^20\r\na=ice-pwd:pw\r\nk=base64:zz\r\na=sendrecv"
            ),
            "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:…\r\na=ice-pwd:…\r\nk=…\r\na=sendrecv"
        );
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        assert_eq!(
            line("Contact: \"sip\" <SIP:alice:s3:cret@host:5060;transport=tcp>, <sips:bob@h>"),
            "Contact: \"sip\" <SIP:alice:…@host:5060;transport=tcp>, <sips:bob@h>"
        );
        assert_eq!(line("INVITE sip:host:5060 SIP/2.0"), "INVITE sip:host:5060 SIP/2.0");
    }

    #[test]
    fn what_people_write_to_each_other_is_kept_only_where_the_setting_says_so() {
        let message = "MESSAGE sip:bob@h SIP/2.0\r\nSubject: hello\r\n\r\nmeet me\r\n\r\nat six";
        assert_eq!(masked(message, true), message);
        assert_eq!(masked(message, false), "MESSAGE sip:bob@h SIP/2.0\r\nSubject: hello\r\n\r\n…");
        let invite = "INVITE sip:bob@h SIP/2.0\r\n\r\nv=0\r\n";
        assert_eq!(masked(invite, false), invite);
    }

    #[test]
    fn keys_of_a_telephone_are_not_shown_and_how_long_they_were_held_is() {
        let info = |kind: &str, body: &str| format!("INFO sip:a@h SIP/2.0\r\nContent-Type: {kind}\r\n\r\n{body}");
        let relay = info("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n");
        assert_eq!(line(&relay), info("application/dtmf-relay", "Signal=•\r\nDuration=160\r\n"));
        assert_eq!(line(&info("application/dtmf", "5")), info("application/dtmf", "•"));
        assert_eq!(line(&info("text/plain", "5")), info("text/plain", "5"));
        assert_eq!(line("INVITE sip:a@h SIP/2.0\r\n\r\nSignal=5"), "INVITE sip:a@h SIP/2.0\r\n\r\nSignal=5");
    }

    fn hostile() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "Authorization",
            "a=crypto:",
            "inline:",
            "k=",
            "MESSAGE ",
            "INFO ",
            "Signal",
            "c:application/dtmf",
            ":",
            "=",
            ",",
            "\"",
            "\\",
            "\r\n",
            "\n",
            "\r",
            " ",
            "Digest ",
            "nonce",
            "sip:",
            "sips:",
            "@",
            "<",
            "…",
            "☎",
            "realm",
            "x",
        ]);
        prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn masking_again_changes_nothing(text in hostile(), bodies: bool) {
            let once = masked(&text, bodies);
            prop_assert_eq!(masked(&once, bodies), once);
        }

        #[test]
        fn a_nonce_never_comes_through(before in hostile(), after in "[a-z=,\" ]{0,20}") {
            let text = format!("{before}\r\nAuthorization: Digest nonce=\"s3cr3t\"{after}\r\na=crypto:1 X inline:k3y\r\n");
            let shown = masked(&text, true);
            prop_assert!(!shown.contains("s3cr3t") && !shown.contains("k3y"), "{}", shown);
        }
    }
}
