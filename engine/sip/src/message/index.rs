//! Where everything is in a message: one pass over the head, one slot per header line.
//!
//! Nothing here looks into a value. Folded lines are joined by blanks of the same length, so every slot is one slice.

use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;
use memchr::{memchr, memchr2};

use super::memo::Memo;
use super::name::{self, KNOWN, OTHER};
use super::{Fault, Name, length, scan};

/// Most header lines of a message: four times what a request with a thousand Via lines needs, and a bound on the
/// memory that a message of colons can claim.
pub const MAX_LINES: usize = 4096;

const TOO_MANY_LINES: Fault = Fault::bad("Too many header lines");

/// The lines that a usual message has; the index starts with room for them.
const USUAL_LINES: usize = 24;

/// No slot.
const NONE: u16 = u16::MAX;

/// One header line. 20 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    name_start: u32,
    value_start: u32,
    value_len: u32,
    name_len: u16,
    /// The next line of the same known name.
    next: u16,
    number: u8,
}

/// The map of one message, shared by all clones of it.
#[derive(Debug)]
pub(super) struct Index {
    slots: Vec<Slot>,
    first: [u16; KNOWN],
    /// The first thing wrong with the framing of the head or the body; `check` reports it.
    pub(super) flaw: Option<Fault>,
    pub(super) body: (u32, u32),
    /// Start line and headers, when all of them are text.
    pub(super) text: Option<ByteString>,
    /// Whether no line has a carriage return but before its line feed.
    pub(super) is_plain: bool,
    /// The known names that more than one line has.
    pub(super) repeated: Names,
    pub(super) memo: Memo,
}

/// A set of known names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names(u128);

const _: () = assert!(KNOWN <= 128, "a set of names has a bit for each");

impl Names {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn with(self, name: Name<'_>) -> Self {
        Self(self.0 | 1 << name.number())
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Index {
    /// Reads the lines from `start`, just behind the start line. Gives the bytes back, unfolded where needed.
    pub(super) fn read(bytes: Bytes, start: usize, flaw: Option<Fault>) -> (Bytes, Self) {
        let (mut index, folds, body) = Self::of_lines(&bytes, start);
        index.flaw = flaw.or(index.flaw);
        index.find_body(&bytes, body);
        let bytes = unfold(bytes, &folds);
        index.text = ByteString::try_from(bytes.slice(..body)).ok();
        (bytes, index)
    }

    /// The index, where lines are folded, and where the body starts.
    fn of_lines(head: &[u8], start: usize) -> (Self, Vec<u32>, usize) {
        let mut reading = Reading {
            head,
            last: [NONE; KNOWN],
            folds: Vec::new(),
            open: false,
            index: Self {
                slots: Vec::with_capacity(USUAL_LINES),
                first: [NONE; KNOWN],
                flaw: None,
                body: (0, 0),
                text: None,
                is_plain: true,
                repeated: Names::NONE,
                memo: Memo::default(),
            },
        };
        let body = reading.lines(start);
        (reading.index, reading.folds, body)
    }

    fn find_body(&mut self, bytes: &[u8], start: usize) {
        let said = length::declared(self.of(Name::ContentLength).map(|slot| slot.value(bytes)));
        let available = bytes.len() - start;
        let length = said.and_then(|said| length::body(said, available)).unwrap_or_else(|fault| {
            self.note(fault);
            available
        });
        self.body = (start as u32, (start + length) as u32);
    }

    fn note(&mut self, fault: Fault) {
        self.flaw.get_or_insert(fault);
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The lines of a name, in order.
    pub(super) fn of<'a>(&'a self, name: Name<'_>) -> OfNumber<'a> {
        let number = name.settled();
        let next = self.first.get(usize::from(number)).copied().unwrap_or(NONE);
        OfNumber { index: self, next }
    }

    /// The first line of a known name.
    #[inline]
    pub(super) fn first_of(&self, name: Name<'static>) -> Option<&Slot> {
        let place = *self.first.get(usize::from(name.number()))?;
        self.slots.get(usize::from(place))
    }
}

/// What the Content-Length lines of a head say, start line included. For those who must know before they have the body.
pub(crate) fn declared_length(head: &[u8]) -> Result<Option<usize>, Fault> {
    let start = memchr(b'\n', head).map_or(head.len(), |end| end + 1);
    let (index, ..) = Index::of_lines(head, start);
    match length::declared(index.of(Name::ContentLength).map(|slot| slot.value(head))) {
        // It may stand among the lines that are too many.
        Ok(None) if index.slots.len() == MAX_LINES => Err(TOO_MANY_LINES),
        said => said,
    }
}

/// The lines of one known name.
#[derive(Clone, Debug)]
pub(super) struct OfNumber<'a> {
    index: &'a Index,
    next: u16,
}

impl<'a> Iterator for OfNumber<'a> {
    type Item = &'a Slot;

    fn next(&mut self) -> Option<&'a Slot> {
        let slot = self.index.slots.get(usize::from(self.next))?;
        self.next = slot.next;
        Some(slot)
    }
}

impl Slot {
    pub(super) fn number(&self) -> u8 {
        self.number
    }

    pub(super) fn name_start(&self) -> usize {
        self.name_start as usize
    }

    pub(super) fn name<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.name_start as usize;
        &bytes[start..start + usize::from(self.name_len)]
    }

    pub(super) fn value<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.value_span()]
    }

    pub(super) fn value_span(&self) -> Range<usize> {
        let start = self.value_start as usize;
        start..start + self.value_len as usize
    }
}

struct Reading<'a> {
    head: &'a [u8],
    last: [u16; KNOWN],
    /// Where the line end of each folded line starts.
    folds: Vec<u32>,
    /// Whether the line before became a slot, so that a continuation has something to go on with.
    open: bool,
    index: Index,
}

impl Reading<'_> {
    /// Walks the lines; answers where the body starts.
    fn lines(&mut self, mut at: usize) -> usize {
        let head = self.head;
        while at < head.len() {
            let Some((end, next)) = self.line_end(at) else {
                self.index.note(Fault::bad("Head without an end"));
                return head.len();
            };
            if end == at {
                return next;
            }
            if scan::is_blank(head[at]) {
                self.continuation(at, end);
            } else {
                self.line(at, end);
            }
            at = next;
        }
        // A datagram that ends with its last header line is whole enough; RFC 5118 has such messages.
        head.len()
    }

    /// Where the line that starts at `at` ends, and where the next one starts.
    fn line_end(&mut self, at: usize) -> Option<(usize, usize)> {
        let mut end = at + memchr2(b'\r', b'\n', &self.head[at..])?;
        while self.head[end] == b'\r' {
            if self.head.get(end + 1) == Some(&b'\n') {
                return Some((end, end + 2));
            }
            self.index.is_plain = false;
            end += 1 + memchr2(b'\r', b'\n', &self.head[end + 1..])?;
        }
        Some((end, end + 1))
    }

    fn line(&mut self, start: usize, end: usize) {
        self.open = false;
        let line = &self.head[start..end];
        let name_len = scan::count(line, scan::is_token_byte);
        let colon = match line.get(name_len) {
            Some(b':') => name_len,
            _ => name_len + scan::count(&line[name_len..], scan::is_blank),
        };
        if name_len == 0 || line.get(colon) != Some(&b':') {
            return self.index.note(Fault::bad("Header line without a name"));
        }
        if self.index.slots.len() == MAX_LINES {
            return self.index.note(TOO_MANY_LINES);
        }
        let (value_start, value_end) = trimmed(self.head, start + colon + 1, end);
        // A name beyond 64 KiB cannot be: the message is no larger.
        let number = name::number_of(&line[..name_len]);
        self.open = true;
        let place = self.index.slots.len() as u16;
        self.index.slots.push(Slot {
            name_start: start as u32,
            value_start: value_start as u32,
            value_len: (value_end - value_start) as u32,
            name_len: name_len as u16,
            next: NONE,
            number,
        });
        if number != OTHER {
            let number = usize::from(number);
            match self.last[number] {
                NONE => self.index.first[number] = place,
                before => {
                    self.index.slots[usize::from(before)].next = place;
                    self.index.repeated.0 |= 1 << number;
                }
            }
            self.last[number] = place;
        }
    }

    /// A line that opens with a blank goes on with the value before it (RFC 3261 §7.3.1).
    fn continuation(&mut self, start: usize, end: usize) {
        let Some(slot) = self.index.slots.last_mut().filter(|_| self.open) else {
            return self.index.note(Fault::bad("Continuation of no header"));
        };
        let line_end = if self.head[start - 2] == b'\r' { start - 2 } else { start - 1 };
        self.folds.push(line_end as u32);
        let (begin, end) = match trimmed(self.head, start, end) {
            (begin, end) if begin == end => return,
            (begin, end) if slot.value_len == 0 => (begin, end),
            (_, end) => (slot.value_start as usize, end),
        };
        slot.value_start = begin as u32;
        slot.value_len = (end - begin) as u32;
    }
}

fn trimmed(bytes: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    while start < end && scan::is_blank(bytes[start]) {
        start += 1;
    }
    while end > start && scan::is_blank(bytes[end - 1]) {
        end -= 1;
    }
    (start, end)
}

/// Puts blanks in place of the line ends inside folded values. The only copy a parse may make, and a rare one.
fn unfold(bytes: Bytes, folds: &[u32]) -> Bytes {
    if folds.is_empty() {
        return bytes;
    }
    let mut copy = bytes.to_vec();
    for &fold in folds {
        for byte in &mut copy[fold as usize..][..2] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
    }
    copy.into()
}
