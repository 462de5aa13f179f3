//! What was read once: where the parts of the headers stand that everybody asks for.
//!
//! The check, the fingerprint, the dialog, the door and the reply all read From, To, the top Via, CSeq and Contact, and
//! reading an address costs more than all the rest of an answer. So whoever owns a message alone has it
//! [remember](super::Headers::remember) these before handing it about; they are cut along the marks from then on. The
//! marks hold no text, so that a message still is one piece of bytes, and what could not be read is read again by
//! whoever asks, who then hears why it cannot be.

use super::index::Names;
use super::typed::read_cseq;
use super::{Fault, Headers, Name, NameAddr, Via, address, via};
use crate::uri::Parts;

/// Where a piece stands in the value that it is a part of. A value is shorter than a message, which has 64 KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    start: u16,
    len: u16,
}

impl Mark {
    /// Marks `part`, which is a piece of `whole` or empty.
    pub(crate) fn of(whole: &str, part: &str) -> Self {
        if part.is_empty() {
            return Self::default();
        }
        let start = part.as_ptr() as usize - whole.as_ptr() as usize;
        debug_assert!(start + part.len() <= whole.len(), "the part is no piece of the whole");
        Self { start: start as u16, len: part.len() as u16 }
    }

    /// Where it ends.
    pub(crate) fn end(self) -> u16 {
        self.start + self.len
    }

    /// Cuts the piece out again.
    pub(crate) fn cut(self, whole: &str) -> &str {
        let start = usize::from(self.start);
        whole.get(start..start + usize::from(self.len)).unwrap_or("")
    }
}

/// The marks of one message. Each stands for the first line of its name.
#[derive(Debug, Default)]
pub(super) struct Memo {
    pub from: Option<address::Marks>,
    pub to: Option<address::Marks>,
    /// Only where the message names one contact, and that is an address.
    pub contact: Option<address::Marks>,
    pub top_via: Option<via::Marks>,
    /// Whether that is all there is of Via.
    pub is_only_via: bool,
    /// The number, and the method where it stands.
    pub cseq: Option<(u32, Mark)>,
    /// The address in the request line.
    pub uri: Option<Parts>,
    /// Whether the Call-ID is one.
    pub has_call_id: bool,
}

impl Memo {
    /// Reads what can be read.
    pub fn of(headers: &Headers, uri: Option<Parts>) -> Self {
        let first = |name| headers.value(name).ok().flatten();
        let address = |name| address::Marks::of(first(name)?).ok();
        let cseq = || {
            let value = first(Name::CSeq)?;
            let (number, method) = read_cseq(value).ok()?;
            Some((number, Mark::of(value, method)))
        };
        let line = first(Name::Via);
        let top_via = line.and_then(|line| via::Marks::of_first(line).ok());
        let is_only_via = top_via.zip(line).is_some_and(|(via, line)| via.is_all_of(line))
            && !headers.repeats(Names::NONE.with(Name::Via));
        Self {
            from: address(Name::From),
            to: address(Name::To),
            contact: headers.only(Name::Contact).and_then(|contact| address::Marks::of(contact).ok()),
            top_via,
            is_only_via,
            cseq: cseq(),
            uri,
            has_call_id: headers.call_id().is_ok(),
        }
    }
}

/// The address in `value`, by its marks where there are some.
pub(super) fn name_addr<'a>(marks: Option<address::Marks>, value: &'a str) -> Result<NameAddr<'a>, Fault> {
    match marks {
        Some(marks) => Ok(marks.cut(value)),
        None => NameAddr::parse(value),
    }
}

/// The first entry of `line`, by its marks where there are some.
pub(super) fn first_via<'a>(marks: Option<via::Marks>, line: &'a str) -> Result<Via<'a>, Fault> {
    match marks {
        Some(marks) => Ok(marks.cut(line)),
        None => via::Marks::of_first(line).map(|marks| marks.cut(line)),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::message::{Message, Request};

    fn both(text: &str) -> [Request; 2] {
        let read = || match Message::parse(Bytes::copy_from_slice(text.as_bytes())) {
            Ok(Message::Request(request)) => request,
            _ => panic!("not a request: {text}"),
        };
        let mut remembers = read();
        remembers.remember();
        [read(), remembers]
    }

    #[test]
    fn an_address_reads_the_same_the_second_time() {
        for value in [
            r#" "A \"b\" <c>" <sips:alice:pw@[2001:db8::1]:5070;lr;x=1?Subject=x> ;tag=1; q = "a;b" "#,
            "<sip:h>",
            "Jörg <sip:jörg@h;a=ü>;tag=ö",
            "sip:x@h;tag=1",
            "tel:+49-30-1;ext=2",
            "<urn:x:y>;tag=2",
            "<sip:x@h",
        ] {
            let [first, again] =
                both(&format!("INFO {value} SIP/2.0\r\nFrom: {value}\r\nt:{value}\r\nm: {value}\r\n\r\n"));
            assert_eq!(again.headers.memo().from.is_some(), value != "<sip:x@h");
            assert_eq!(format!("{:?}", again.from()), format!("{:?}", first.from()));
            assert_eq!(format!("{:?}", again.to()), format!("{:?}", first.to()));
            assert_eq!(again.to_tag(), first.to_tag());
            assert_eq!(format!("{:?}", again.contact()), format!("{:?}", first.contact()));
            assert_eq!(format!("{:?}", again.uri()), format!("{:?}", first.uri()));
        }
    }

    #[test]
    fn a_via_reads_the_same_the_second_time() {
        for line in ["SIP / 2.0 / UDP h : 5070 ; branch = z9hG4bK1;rport , SIP/2.0/TCP x", "SIP/2.0/UDP [::1]", "h"] {
            let [first, again] = both(&format!("INFO sip:h SIP/2.0\r\nVia: {line}\r\n\r\n"));
            assert_eq!(again.headers.memo().top_via.is_some(), line != "h");
            assert_eq!(format!("{:?}", again.top_via()), format!("{:?}", first.top_via()));
        }
    }

    #[test]
    fn only_a_contact_that_is_alone_is_remembered() {
        for (lines, count) in [("m: <sip:a>\r\nm: <sip:b>", 2), ("m: <sip:a>, <sip:b>", 2), ("m: *", 1), ("x: y", 0)] {
            let [first, again] = both(&format!("INFO sip:h SIP/2.0\r\n{lines}\r\n\r\n"));
            assert!(again.headers.memo().contact.is_none());
            assert_eq!((first.contacts().count(), again.contacts().count()), (count, count));
        }
    }
}
