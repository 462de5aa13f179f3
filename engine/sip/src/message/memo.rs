//! What was read once: where the parts of From, To and the top Via stand.
//!
//! Everybody on the way of a message asks for these three, a dozen times together, and reading an address costs more than
//! all the rest of an answer. So the first who asks leaves marks, and whoever comes later cuts along them. The marks hold
//! no text, so that a message still is one piece of bytes.

use std::sync::OnceLock;

use super::params::Params;
use super::{Fault, NameAddr, Via};

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

    /// Cuts the piece out again.
    pub(crate) fn cut(self, whole: &str) -> &str {
        let start = usize::from(self.start);
        whole.get(start..start + usize::from(self.len)).unwrap_or("")
    }

    /// The same for parameters.
    pub(crate) fn params(self, whole: &str) -> Params<'_> {
        Params::behind(self.cut(whole))
    }
}

/// The marks of one message.
#[derive(Debug, Default)]
pub(super) struct Memo {
    pub from: Marked<super::address::Marks>,
    pub to: Marked<super::address::Marks>,
    pub top_via: Marked<super::via::Marks>,
}

/// Marks that are there once somebody has asked.
#[derive(Debug)]
pub(super) struct Marked<M>(OnceLock<M>);

impl<M> Default for Marked<M> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl Marked<super::address::Marks> {
    /// The address in `value`, which is the same text every time.
    pub fn address<'a>(&self, value: &'a str) -> Result<NameAddr<'a>, Fault> {
        if let Some(marks) = self.0.get() {
            return Ok(marks.cut(value));
        }
        let address = NameAddr::parse(value)?;
        self.0.get_or_init(|| super::address::Marks::of(value, &address));
        Ok(address)
    }

    /// The tag of the address in `value`.
    pub fn tag<'a>(&self, value: &'a str) -> Result<Option<&'a str>, Fault> {
        match self.0.get() {
            Some(marks) => Ok(marks.tag(value)),
            None => self.address(value).map(|address| address.tag()),
        }
    }
}

impl Marked<super::via::Marks> {
    /// The first entry of `line`, which is the same text every time.
    pub fn via<'a>(&self, line: &'a str, first: impl FnOnce(&'a str) -> &'a str) -> Result<Via<'a>, Fault> {
        if let Some(marks) = self.0.get() {
            return Ok(marks.cut(line));
        }
        let via = Via::parse(first(line))?;
        self.0.get_or_init(|| super::via::Marks::of(line, &via));
        Ok(via)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_the_same_the_second_time() {
        for value in [
            r#" "A \"b\" <c>" <sips:alice:pw@[2001:db8::1]:5070;lr;x=1?Subject=x> ;tag=1; q = "a;b" "#,
            "<sip:h>",
            "Jörg <sip:jörg@h;a=ü>;tag=ö",
            "sip:x@h;tag=1",
            "tel:+49-30-1;ext=2",
            "<urn:x:y>;tag=2",
        ] {
            let memo = Marked::default();
            let first = format!("{:?}", memo.address(value));
            assert!(memo.0.get().is_some(), "{value}");
            assert_eq!(format!("{:?}", memo.address(value)), first);
        }
    }

    #[test]
    fn a_via_reads_the_same_the_second_time() {
        for line in ["SIP / 2.0 / UDP h : 5070 ; branch = z9hG4bK1;rport , SIP/2.0/TCP x", "SIP/2.0/UDP [::1]"] {
            let memo = Marked::default();
            let first = |line: &'static str| line.split(',').next().unwrap_or(line);
            let once = format!("{:?}", memo.via(line, first));
            assert!(memo.0.get().is_some(), "{line}");
            assert_eq!(format!("{:?}", memo.via(line, first)), once);
        }
    }

    #[test]
    fn what_cannot_be_read_cannot_be_read_the_second_time_either() {
        let memo = Marked::default();
        for _ in 0..2 {
            assert_eq!(memo.address("<sip:x@h").map_err(Fault::status).err(), Some(400));
        }
    }
}
