//! A room's ledger: all that its mixer was given, so that what anybody heard can be made again, sample by sample.
//!
//! The mixer works in whole numbers, and the same frames in the same order always make the same mix. So no mix has to be kept:
//! the sound of each member as it came out of its jitter buffer, who entered and left, gains and mutes, and the rounds in
//! which sums were drawn are enough. A [`Ledger`] is told of each as it happens and turns it into bytes; it writes to no disk.
//! [`replay`] reads the bytes of a whole life, a piece at a time, and hands on, round by round, what one member heard: "what did
//! Bob hear at 10:42?" is that number of rounds after the first.
//!
//! A ledger begins with its room, before the first member: what a mixer remembers is not written down anew later.

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::ControlFlow;

use super::{Gain, Hears, Mixer, Rules, Seat};
use crate::frame::Rate;

/// What each ledger begins with, and the version of its letters.
const TITLE: &[u8; 8] = b"PCROOM\x01\n";
/// Bytes that wait to be fetched. Ten seconds of a large room; a ledger that nobody fetches is given up.
const MOST_WAITING: usize = 16 << 20;
/// The most samples of a frame or a sum in the letters.
const MOST_SAMPLES: usize = crate::frame::MAX_SAMPLES;
/// Sums and announcements of a round: a part on each thread of a large machine.
const MOST_SUMS: usize = 64;
/// The largest value of a sum: all talkers of a part at their loudest.
const LARGEST_SUM: u32 = (super::MAX_TALKERS as u32) << 16;

/// Bytes of a ledger that are read at once; an hour of ten members has half a gigabyte.
const PIECE: usize = 1 << 20;
/// No entry is longer: a letter, numbers, and a frame of sums.
const LONGEST: usize = 1 + 3 * NUMBER + MOST_SAMPLES * 4;

/// What happened to a mixer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    Rated(Rate),
    Ruled(Rules),
    Entered(Seat),
    Named(Seat, u64),
    Left(Seat),
    Louder(Seat, Gain),
    Muted(Seat, bool),
    Deafened(Seat, bool),
    Paired(Seat, Seat, Gain),
    GuestPaired(u64, Seat, Gain),
    Heard(Seat, Cow<'a, [i16]>),
    HeardGuest(u64, Cow<'a, [i16]>),
    Announced(Cow<'a, [i16]>),
    Summed(Cow<'a, [i32]>),
    Mixed,
    DrewShared,
    DrewOwn(Seat),
    /// A round is over: which.
    Cleared(u64),
}

/// See the file.
#[derive(Debug)]
pub(super) struct Ledger {
    bytes: Vec<u8>,
    /// The round at hand.
    pub round: u64,
    is_given_up: bool,
}

impl Ledger {
    pub fn new(rate: Rate, rules: Rules) -> Self {
        let mut ledger = Self { bytes: TITLE.to_vec(), round: 0, is_given_up: false };
        ledger.note(&Entry::Rated(rate));
        ledger.note(&Entry::Ruled(rules));
        ledger
    }

    /// Something happened.
    pub fn note(&mut self, entry: &Entry<'_>) {
        if self.bytes.len() >= MOST_WAITING {
            // A ledger with a hole proves nothing.
            self.is_given_up = true;
        }
        if !self.is_given_up {
            entry.write(&mut self.bytes);
        }
    }

    /// Puts what was noted since the last time behind `out`; false when it was given up.
    pub fn fetch(&mut self, out: &mut Vec<u8>) -> bool {
        out.append(&mut self.bytes);
        !self.is_given_up
    }
}

impl Mixer {
    /// Keeps a ledger from now on, of a mixer in which nobody has sat yet; whether it does.
    pub fn keep_ledger(&mut self) -> bool {
        let is_new = self.members.is_empty();
        if is_new {
            self.ledger = Some(Box::new(Ledger::new(self.rate, self.rules)));
        }
        is_new
    }

    /// Who sits there, and which round comes: what a ledger is asked by.
    pub fn name(&mut self, seat: Seat, who: u64) {
        self.note(|| Entry::Named(seat, who));
    }

    /// The round that comes; the next ones are counted from it.
    pub fn begin_round(&mut self, round: u64) {
        if let Some(ledger) = &mut self.ledger {
            ledger.round = round;
        }
    }

    /// Puts what the ledger noted since the last time behind `out`; false where there is none, or it had to be given up because
    /// nobody fetched it.
    pub fn fetch_ledger(&mut self, out: &mut Vec<u8>) -> bool {
        self.ledger.as_mut().is_some_and(|ledger| ledger.fetch(out))
    }

    /// Keeps no ledger any more.
    pub fn drop_ledger(&mut self) {
        self.ledger = None;
    }
}

/// Why a ledger cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Torn {
    /// It is something else, or of another version.
    #[error("it does not begin as a ledger of a room does")]
    Title,
    /// Bytes that mean nothing, or an end in the middle.
    #[error("it cannot be read on at byte {0}: what was heard before stands")]
    At(usize),
    /// The disk does not give it.
    #[error("the disk does not give it: {0}")]
    Unreadable(io::ErrorKind),
    /// It tells of something that happens in no room.
    #[error("it tells at byte {0} of what happens in no room")]
    Strange(usize),
}

/// Hands `hear` what that member heard: how many rounds after the ledger's first one, the rate and the frame, for each round in
/// which it sat there, until it says that it has heard enough. A member that was told nothing heard silence. The seats of a
/// room that has been left and entered again are named anew.
///
/// # Errors
/// When the ledger cannot be read to its end; what was handed on until then is right.
pub fn replay(ledger: impl Read, who: u64, hear: impl FnMut(u64, Rate, &[i16]) -> ControlFlow<()>) -> Result<(), Torn> {
    replay_part(ledger, who, Rounds { first: None, until: u64::MAX }, hear)
}

/// Which rounds of a ledger are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    /// From which on they are counted: for a further part of a room the [`first_round`] of the room's first ledger; `None`: from
    /// the ledger's own first one.
    pub first: Option<u64>,
    /// Before which it is over.
    pub until: u64,
}

/// The same of some rounds, which may be counted from those of another part of the room.
///
/// # Errors
/// As of [`replay`].
pub fn replay_part(
    ledger: impl Read,
    who: u64,
    Rounds { first, until }: Rounds,
    mut hear: impl FnMut(u64, Rate, &[i16]) -> ControlFlow<()>,
) -> Result<(), Torn> {
    let mut pieces = Pieces::open(ledger)?;
    let mut again = Again { first, until, ..Again::empty() };
    loop {
        let mut rest = pieces.look()?;
        let length = rest.len();
        if length == 0 {
            return Ok(());
        }
        let entry = Entry::read(&mut rest);
        let read = length - rest.len();
        let at = pieces.before + pieces.at;
        match again.follow(&entry.ok_or(Torn::At(at))?, who, &mut hear).ok_or(Torn::Strange(at))? {
            ControlFlow::Continue(()) => pieces.at += read,
            ControlFlow::Break(()) => return Ok(()),
        }
    }
}

/// The number of a ledger's first round, as its media thread counts them; none where it has not come to one. The media threads of
/// a process count alike, to a round.
///
/// # Errors
/// When the ledger cannot be read up to there.
pub fn first_round(ledger: impl Read) -> Result<Option<u64>, Torn> {
    let mut pieces = Pieces::open(ledger)?;
    loop {
        let mut rest = pieces.look()?;
        let length = rest.len();
        if length == 0 {
            return Ok(None);
        }
        match Entry::read(&mut rest) {
            Some(Entry::Cleared(round)) => return Ok(Some(round)),
            Some(_) => pieces.at += length - rest.len(),
            None => return Err(Torn::At(pieces.before + pieces.at)),
        }
    }
}

/// A ledger as it comes from a disk.
struct Pieces<R> {
    ledger: R,
    bytes: Vec<u8>,
    /// How many of the bytes were read on, and how many there were before them.
    at: usize,
    before: usize,
    is_over: bool,
}

impl<R: Read> Pieces<R> {
    /// Behind its title.
    fn open(ledger: R) -> Result<Self, Torn> {
        let mut pieces = Self { ledger, bytes: Vec::new(), at: 0, before: 0, is_over: false };
        if !pieces.look()?.starts_with(TITLE) {
            return Err(Torn::Title);
        }
        pieces.at = TITLE.len();
        Ok(pieces)
    }

    /// What comes: a whole entry at least, where there is one.
    fn look(&mut self) -> Result<&[u8], Torn> {
        if self.bytes.len() - self.at < LONGEST && !self.is_over {
            self.bytes.drain(..self.at);
            self.before += std::mem::take(&mut self.at);
            let more = (PIECE - self.bytes.len()) as u64;
            let read = self.ledger.by_ref().take(more).read_to_end(&mut self.bytes);
            self.is_over = read.map_err(|error| Torn::Unreadable(error.kind()))? < more as usize;
        }
        Ok(&self.bytes[self.at..])
    }
}

/// A mixer to which the same happens again.
struct Again {
    mixer: Mixer,
    /// Where the member sits whom it is about.
    seat: Option<Seat>,
    /// What all heard in this round, and what the member alone did, if anything.
    shared: Vec<i16>,
    frame: Vec<i16>,
    own: bool,
    others: Vec<i16>,
    /// Sums that came from elsewhere in this round.
    sums: usize,
    /// The number of the first round, and which one after it is wanted no more.
    first: Option<u64>,
    until: u64,
}

impl Again {
    fn empty() -> Self {
        let mixer = Mixer::new(Rate::Narrow, Rules::default());
        Self {
            mixer,
            seat: None,
            shared: Vec::new(),
            frame: Vec::new(),
            own: false,
            others: Vec::new(),
            sums: 0,
            first: None,
            until: u64::MAX,
        }
    }

    fn follow(
        &mut self,
        entry: &Entry<'_>,
        who: u64,
        hear: &mut impl FnMut(u64, Rate, &[i16]) -> ControlFlow<()>,
    ) -> Option<ControlFlow<()>> {
        let mut goes_on = ControlFlow::Continue(());
        let mixer = &mut self.mixer;
        if matches!(entry, Entry::Announced(_) | Entry::Summed(_)) {
            self.sums += 1;
            (self.sums <= MOST_SUMS).then_some(())?;
        }
        match entry {
            Entry::Rated(rate) => mixer.set_rate(*rate),
            Entry::Ruled(rules) => mixer.set_rules(*rules),
            Entry::Entered(seat) => (mixer.enter().ok()? == *seat).then_some(())?,
            Entry::Named(seat, name) if *name == who => self.seat = Some(*seat),
            Entry::Named(seat, _) => self.seat = self.seat.filter(|known| known != seat),
            Entry::Left(seat) => {
                mixer.leave(*seat);
                self.seat = self.seat.filter(|known| known != seat);
            }
            Entry::Louder(seat, gain) => mixer.set_gain(*seat, *gain),
            Entry::Muted(seat, is) => mixer.mute(*seat, *is),
            Entry::Deafened(seat, is) => mixer.deafen(*seat, *is),
            Entry::Paired(speaker, listener, gain) => mixer.pair(*speaker, *listener, *gain).ok()?,
            Entry::GuestPaired(guest, listener, gain) => mixer.pair_guest(*guest, *listener, *gain).ok()?,
            Entry::Heard(seat, sound) => mixer.hear(*seat, sound),
            Entry::HeardGuest(guest, sound) => mixer.hear_guest(*guest, sound),
            Entry::Announced(sound) => mixer.announce(sound),
            Entry::Summed(sums) => mixer.add_partial(sums),
            Entry::Mixed => mixer.mix(),
            Entry::DrewShared => mixer.shared(&mut self.shared),
            Entry::DrewOwn(seat) if Some(*seat) == self.seat => {
                mixer.own(*seat, &mut self.frame);
                self.own = true;
            }
            Entry::DrewOwn(seat) => mixer.own(*seat, &mut self.others),
            Entry::Cleared(round) => {
                goes_on = self.tell(*round, hear);
                self.mixer.clear();
                (self.own, self.sums) = (false, 0);
            }
        }
        Some(goes_on)
    }

    fn tell(&mut self, round: u64, hear: &mut impl FnMut(u64, Rate, &[i16]) -> ControlFlow<()>) -> ControlFlow<()> {
        let round = round.saturating_sub(*self.first.get_or_insert(round));
        if round >= self.until {
            return ControlFlow::Break(());
        }
        let Some(seat) = self.seat else { return ControlFlow::Continue(()) };
        let rate = self.mixer.rate();
        let samples = rate.samples();
        if self.own {
            return hear(round, rate, &self.frame);
        }
        let is_shared = !self.mixer.is_deaf(seat) && self.mixer.hears(seat) != Hears::Nothing;
        if is_shared && self.shared.len() == samples {
            return hear(round, rate, &self.shared);
        }
        self.frame.clear();
        self.frame.resize(samples, 0);
        hear(round, rate, &self.frame)
    }
}

impl Entry<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut letter = |letter: u8, numbers: &[u64]| {
            out.push(letter);
            numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()[..NUMBER]));
        };
        let seat = |seat: &Seat| u64::from(seat.0);
        match self {
            Self::Rated(rate) => letter(b'R', &[u64::from(rate.hz())]),
            Self::Ruled(rules) => letter(b'r', &[rules.most_talkers as u64, u64::from(rules.automatic_gain)]),
            Self::Entered(at) => letter(b'E', &[seat(at)]),
            Self::Named(at, name) => letter(b'N', &[seat(at), *name]),
            Self::Left(at) => letter(b'L', &[seat(at)]),
            Self::Louder(at, gain) => letter(b'G', &[seat(at), gain.0.into()]),
            Self::Muted(at, is) => letter(b'M', &[seat(at), u64::from(*is)]),
            Self::Deafened(at, is) => letter(b'D', &[seat(at), u64::from(*is)]),
            Self::Paired(speaker, listener, gain) => letter(b'P', &[seat(speaker), seat(listener), gain.0.into()]),
            Self::GuestPaired(guest, listener, gain) => letter(b'p', &[*guest, seat(listener), gain.0.into()]),
            Self::Heard(at, sound) => {
                letter(b'H', &[seat(at), sound.len() as u64]);
                put(sound, out);
            }
            Self::HeardGuest(guest, sound) => {
                letter(b'h', &[*guest, sound.len() as u64]);
                put(sound, out);
            }
            Self::Announced(sound) => {
                letter(b'A', &[sound.len() as u64]);
                put(sound, out);
            }
            Self::Summed(sums) => {
                letter(b'S', &[sums.len() as u64]);
                sums.iter().for_each(|sum| out.extend_from_slice(&sum.to_le_bytes()));
            }
            Self::Mixed => letter(b'X', &[]),
            Self::DrewShared => letter(b's', &[]),
            Self::DrewOwn(at) => letter(b'o', &[seat(at)]),
            Self::Cleared(round) => letter(b'C', &[*round]),
        }
    }

    fn read(rest: &mut &[u8]) -> Option<Entry<'static>> {
        let (letter, behind) = rest.split_first()?;
        *rest = behind;
        let mut number = || {
            let (bytes, behind) = rest.split_at_checked(NUMBER)?;
            *rest = behind;
            let mut all = [0; 8];
            all[..NUMBER].copy_from_slice(bytes);
            Some(u64::from_le_bytes(all))
        };
        let gain = |number: u64| Some(Gain(number.try_into().ok()?));
        let seat = |number: u64| Some(Seat(number.try_into().ok()?));
        Some(match letter {
            b'R' => {
                let hz = number()?;
                Entry::Rated(
                    [Rate::Narrow, Rate::Wide, Rate::Full].into_iter().find(|rate| u64::from(rate.hz()) == hz)?,
                )
            }
            b'r' => {
                let most_talkers = number()?.try_into().ok()?;
                Entry::Ruled(Rules { most_talkers, automatic_gain: number()? == 1 })
            }
            b'E' => Entry::Entered(seat(number()?)?),
            b'N' => Entry::Named(seat(number()?)?, number()?),
            b'L' => Entry::Left(seat(number()?)?),
            b'G' => Entry::Louder(seat(number()?)?, gain(number()?)?),
            b'M' => Entry::Muted(seat(number()?)?, number()? == 1),
            b'D' => Entry::Deafened(seat(number()?)?, number()? == 1),
            b'P' => Entry::Paired(seat(number()?)?, seat(number()?)?, gain(number()?)?),
            b'p' => Entry::GuestPaired(number()?, seat(number()?)?, gain(number()?)?),
            b'H' => {
                let (at, length) = (seat(number()?)?, number()?);
                Entry::Heard(at, take(rest, length, i16::from_le_bytes)?)
            }
            b'h' => {
                let (guest, length) = (number()?, number()?);
                Entry::HeardGuest(guest, take(rest, length, i16::from_le_bytes)?)
            }
            b'A' => {
                let length = number()?;
                Entry::Announced(take(rest, length, i16::from_le_bytes)?)
            }
            b'S' => {
                let length = number()?;
                let sums = take(rest, length, i32::from_le_bytes)?;
                Entry::Summed(Some(sums).filter(|sums| sums.iter().all(|sum| sum.unsigned_abs() <= LARGEST_SUM))?)
            }
            b'X' => Entry::Mixed,
            b's' => Entry::DrewShared,
            b'o' => Entry::DrewOwn(seat(number()?)?),
            b'C' => Entry::Cleared(number()?),
            _ => return None,
        })
    }
}

/// Bytes of a number: enough for a port's name and for the rounds of a hundred years.
const NUMBER: usize = 6;

fn put(sound: &[i16], out: &mut Vec<u8>) {
    sound.iter().for_each(|sample| out.extend_from_slice(&sample.to_le_bytes()));
}

/// So many values of as many bytes as they have.
fn take<const N: usize, T: Clone>(rest: &mut &[u8], length: u64, value: fn([u8; N]) -> T) -> Option<Cow<'static, [T]>> {
    let length = usize::try_from(length).ok().filter(|length| *length <= MOST_SAMPLES)?;
    let (bytes, behind) = rest.split_at_checked(length * N)?;
    *rest = behind;
    Some(Cow::Owned(bytes.as_chunks::<N>().0.iter().map(|bytes| value(*bytes)).collect()))
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
