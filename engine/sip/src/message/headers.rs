//! The headers of a message: every line verbatim, found by name.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::index::{Index, Names, OfNumber, Slot};
use super::memo::Memo;
use super::name::OTHER;
use super::scan::{Commas, find_outside};
use super::{Fault, Name};
use crate::uri::Parts;

/// What requests and responses have in common: the header lines and the body.
///
/// A clone shares the bytes and the index. Values come as they were written, blanks at both ends cut off and folds
/// turned into blanks. Values that are no UTF-8 are passed over by everything that gives text; [`fields`](Self::fields)
/// and [`raw`](Self::raw) still give their bytes.
#[derive(Clone, Debug)]
pub struct Headers {
    bytes: Bytes,
    index: Arc<Index>,
}

impl Headers {
    pub(super) fn new(bytes: Bytes, index: Index) -> Self {
        Self { bytes, index: Arc::new(index) }
    }

    pub(super) fn memo(&self) -> &Memo {
        &self.index.memo
    }

    /// Reads once what everybody will ask for: for whoever owns a message alone, before it is handed about. Does nothing
    /// to a message of which there are clones.
    pub(super) fn remember(&mut self, request_uri: Option<Parts>) {
        let memo = Memo::of(self, request_uri);
        if let Some(index) = Arc::get_mut(&mut self.index) {
            index.memo = memo;
        }
    }

    pub(super) fn flaw(&self) -> Option<Fault> {
        self.index.flaw
    }

    /// The whole message as it came, but for folded lines, which are joined.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The body, as long as the Content-Length rule says.
    pub fn body(&self) -> Bytes {
        let (start, end) = self.index.body;
        self.bytes.slice(start as usize..end as usize)
    }

    /// The body without taking a share of the message.
    pub fn body_bytes(&self) -> &[u8] {
        let (start, end) = self.index.body;
        &self.bytes[start as usize..end as usize]
    }

    /// Start line and headers, with the empty line behind them.
    pub fn head(&self) -> &[u8] {
        &self.bytes[..self.index.body.0 as usize]
    }

    /// The value of the first line with this name.
    pub fn get(&self, name: Name<'_>) -> Option<&str> {
        self.text(self.slots(name).next()?)
    }

    /// The value of the first line with this name, whatever its bytes.
    pub fn raw(&self, name: Name<'_>) -> Option<&[u8]> {
        self.raw_all(name).next()
    }

    /// The same for a known name.
    pub(super) fn first(&self, name: Name<'static>) -> Option<&[u8]> {
        self.index.first_of(name).map(|slot| slot.value(&self.bytes))
    }

    /// The first line of a known name with its end, when it stands there as we would write it: the long form of its name,
    /// a blank behind the colon, and no line end but its own.
    pub(super) fn first_as_ours(&self, name: Name<'static>) -> Option<&[u8]> {
        let slot = self.index.first_of(name).filter(|_| self.is_plain())?;
        let (start, value) = (slot.name_start(), slot.value_span());
        let (before, behind) = (self.bytes.get(start..value.start)?, self.bytes.get(value.end..value.end + 2)?);
        let is_ours = before.strip_suffix(b": ") == Some(name.as_str().as_bytes()) && behind == b"\r\n";
        is_ours.then(|| &self.bytes[start..value.end + 2])
    }

    /// Whether there is a line of a known name.
    pub(super) fn has_known(&self, name: Name<'static>) -> bool {
        self.index.first_of(name).is_some()
    }

    /// Whether no value has a line end in it, as a lone carriage return is for some.
    pub(super) fn is_plain(&self) -> bool {
        self.index.is_plain
    }

    /// Whether there is a line with this name.
    pub fn has(&self, name: Name<'_>) -> bool {
        self.raw(name).is_some()
    }

    /// The value of each line with this name.
    pub fn all<'a>(&'a self, name: Name<'a>) -> impl Iterator<Item = &'a str> + Clone + 'a {
        self.slots(name).filter_map(|slot| self.text(slot))
    }

    /// The value of each line with this name, whatever its bytes.
    pub fn raw_all<'m, 'n>(&'m self, name: Name<'n>) -> Lines<'m, 'n> {
        Lines(self.slots(name))
    }

    fn slots<'m, 'n>(&'m self, name: Name<'n>) -> Slots<'m, 'n> {
        let way = match name.settled() {
            OTHER => Way::Search { name: name.as_str(), rest: self.index.slots().iter() },
            _ => Way::Chain(self.index.of(name)),
        };
        Slots { bytes: &self.bytes, way }
    }

    /// The value of a line. Nearly always the whole head is text, which is looked at once; else each value for itself.
    fn text(&self, slot: &Slot) -> Option<&str> {
        match &self.index.text {
            Some(text) => text.get(slot.value_span()),
            None => std::str::from_utf8(slot.value(&self.bytes)).ok(),
        }
    }

    /// A piece of the start line.
    pub(super) fn piece(&self, span: Range<usize>) -> Option<&str> {
        match &self.index.text {
            Some(text) => text.get(span),
            None => std::str::from_utf8(&self.bytes[span]).ok(),
        }
    }

    /// Whether the start line and all headers are text.
    pub(super) fn is_text(&self) -> bool {
        self.index.text.is_some()
    }

    /// Whether a line of one of these names stands there twice.
    pub(super) fn repeats(&self, names: Names) -> bool {
        self.index.repeated.meets(names)
    }

    /// The values of all lines with this name, split at commas outside quotes and angle brackets.
    ///
    /// For headers that are lists; a Date or a display name in From is not one.
    pub fn list<'a>(&'a self, name: Name<'a>) -> impl Iterator<Item = &'a str> + Clone + 'a {
        self.all(name).flat_map(Commas::new)
    }

    /// Name and value of each line that is text, names as they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.index.slots().iter().filter_map(|slot| {
            let field = Field { bytes: &self.bytes, slot: *slot };
            Some((field.name_text(), self.text(slot)?))
        })
    }

    /// Each line.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field<'_>> + Clone {
        self.index.slots().iter().map(|&slot| Field { bytes: &self.bytes, slot })
    }

    /// The value of a list, if that is one line with one value.
    pub(super) fn only(&self, name: Name<'static>) -> Option<&str> {
        let mut lines = self.slots(name);
        let line = self.text(lines.next()?)?;
        (lines.next().is_none() && find_outside(line, b',', true).is_none()).then_some(line)
    }

    /// The value of the first line with this name: an answer for those who must tell absent from unreadable.
    pub(super) fn value(&self, name: Name<'static>) -> Result<Option<&str>, Fault> {
        match self.index.first_of(name) {
            None => Ok(None),
            Some(slot) => self.text(slot).map(Some).ok_or(Fault::bad("Header is not UTF-8")),
        }
    }
}

/// One header line.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    bytes: &'a [u8],
    slot: Slot,
}

impl<'a> Field<'a> {
    /// Its name.
    pub fn name(&self) -> Name<'a> {
        Name::numbered(self.slot.number()).unwrap_or(Name::Other(self.name_text()))
    }

    /// Its name as it was written, perhaps the compact form.
    pub fn name_text(&self) -> &'a str {
        // Only tokens become names, and tokens are ASCII.
        std::str::from_utf8(self.slot.name(self.bytes)).unwrap_or("")
    }

    /// Its value.
    pub fn value(&self) -> &'a [u8] {
        self.slot.value(self.bytes)
    }
}

/// See [`Headers::raw_all`].
#[derive(Clone, Debug)]
pub struct Lines<'m, 'n>(Slots<'m, 'n>);

impl<'m> Iterator for Lines<'m, '_> {
    type Item = &'m [u8];

    fn next(&mut self) -> Option<&'m [u8]> {
        let bytes = self.0.bytes;
        Some(self.0.next()?.value(bytes))
    }
}

/// The lines of one name.
#[derive(Clone, Debug)]
struct Slots<'m, 'n> {
    bytes: &'m [u8],
    way: Way<'m, 'n>,
}

#[derive(Clone, Debug)]
enum Way<'m, 'n> {
    Chain(OfNumber<'m>),
    Search { name: &'n str, rest: std::slice::Iter<'m, Slot> },
}

impl<'m> Iterator for Slots<'m, '_> {
    type Item = &'m Slot;

    fn next(&mut self) -> Option<&'m Slot> {
        let bytes = self.bytes;
        match &mut self.way {
            Way::Chain(chain) => chain.next(),
            Way::Search { name, rest } => {
                rest.find(|slot| slot.number() == OTHER && slot.name(bytes).eq_ignore_ascii_case(name.as_bytes()))
            }
        }
    }
}
