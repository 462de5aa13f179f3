//! The arithmetic of a room: everybody hears everybody else.
//!
//! A [`Mixer`] is given a frame of each member's sound at the room's rate, chooses who is heard, sums them up once, and makes
//! of the sum what each member hears: the same for all who are silent, the sum without themselves for those who speak. It
//! works in whole numbers only, so that the same frames always make the same mix. It owns no sockets, encodes nothing and
//! resamples nothing, and knows of time only that a frame follows the other.
//!
//! hear, hear, … ──▶ mix ──▶ shared, for all who are silent
//!                     ├───▶ own, for each who speaks or hears somebody louder or softer than others do
//!                     └───▶ partial, for the same room elsewhere
//!
//! | file | what it knows |
//! |---|---|
//! | `member` | one seat: its sound, its loudness, what it hears |
//! | `voice` | whether somebody speaks |
//! | `gain` | louder and quieter, and automatically so |
//! | `limiter` | a sum that is too loud |
//! | `ledger` | all that happened, so that it can happen again |
//! | `guests` | speakers elsewhere whom one member hears otherwise than all do |

mod gain;
mod guests;
mod ledger;
mod limiter;
mod member;
mod voice;

pub use gain::Gain;
pub use ledger::{Rounds, Torn, first_round, replay, replay_part};
pub use limiter::Limiter;
pub use member::Hears;

pub(crate) use gain::ramp;
pub(crate) use voice::power;

use gain::Hand;
use guests::Guests;
use ledger::{Entry, Ledger};
use member::Member;
use voice::Voice;

use crate::frame::{MAX_SAMPLES, Rate};

/// Members of one room on one thread; more than a thread carries.
pub const MAX_MEMBERS: usize = 4096;

/// The most speakers that a room may let be heard at once.
pub const MAX_TALKERS: usize = 64;

/// Pairs of members with a loudness of their own in one room: a coach and a few whisperers.
pub const MAX_PAIRS: usize = 64;

/// Who is heard stays heard unless somebody is four times as powerful.
const INCUMBENT: u64 = 4;

/// A place in a room. Good until it is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seat(u32);

impl Seat {
    /// Its number, below the most members that the room has had.
    #[must_use]
    pub fn number(self) -> usize {
        self.0 as usize
    }
}

/// How a room is mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How many are heard at once, the loudest of those who speak; at most [`MAX_TALKERS`].
    pub most_talkers: usize,
    /// Whether everybody is brought to one loudness.
    pub automatic_gain: bool,
}

impl Default for Rules {
    fn default() -> Self {
        // More voices at once than anybody can follow.
        Self { most_talkers: 16, automatic_gain: false }
    }
}

/// The room takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// No more members.
    #[error("a room has at most {MAX_MEMBERS} members on one thread")]
    Members,
    /// No more pairs.
    #[error("a room has at most {MAX_PAIRS} pairs with a loudness of their own")]
    Pairs,
}

/// How loud one member hears another.
struct Pair {
    speaker: Seat,
    listener: Seat,
    gain: Gain,
    /// What it was at the end of the last frame.
    reached: Gain,
}

/// See the module.
pub struct Mixer {
    rate: Rate,
    rules: Rules,
    members: Vec<Option<Member>>,
    vacant: Vec<u32>,
    pairs: Vec<Pair>,
    guests: Guests,
    /// Everybody that is heard in this frame.
    sum: Box<[i32]>,
    /// The same of our own members only.
    partial: Box<[i32]>,
    has_others: bool,
    work: Vec<i32>,
    shared: Limiter,
    /// Who is in the sum; and those who ask to be, with how loud they are.
    talkers: Vec<Seat>,
    candidates: Vec<(u64, Seat)>,
    ledger: Option<Box<Ledger>>,
}

impl Mixer {
    /// An empty room.
    #[must_use]
    pub fn new(rate: Rate, rules: Rules) -> Self {
        Self {
            rate,
            rules,
            members: Vec::new(),
            vacant: Vec::new(),
            pairs: Vec::new(),
            guests: Guests::default(),
            sum: vec![0; MAX_SAMPLES].into(),
            partial: vec![0; MAX_SAMPLES].into(),
            has_others: false,
            work: Vec::with_capacity(MAX_SAMPLES),
            shared: Limiter::default(),
            talkers: Vec::with_capacity(2 * MAX_TALKERS),
            candidates: Vec::new(),
            ledger: None,
        }
    }

    /// The rate of every frame that goes in and comes out.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Mixes at another rate from the next frame on.
    pub fn set_rate(&mut self, rate: Rate) {
        self.note(|| Entry::Rated(rate));
        self.rate = rate;
        self.forget();
    }

    /// Follows other rules from the next frame on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.note(|| Entry::Ruled(rules));
        self.rules = rules;
        if !rules.automatic_gain {
            self.members.iter_mut().flatten().for_each(Member::let_go);
        }
    }

    /// Somebody comes in.
    ///
    /// # Errors
    /// When the room is full.
    pub fn enter(&mut self) -> Result<Seat, Full> {
        let seat = match self.vacant.pop() {
            Some(seat) => seat,
            None if self.members.len() < MAX_MEMBERS => {
                self.members.push(None);
                self.members.len() as u32 - 1
            }
            None => return Err(Full::Members),
        };
        self.candidates.reserve(self.members.len());
        self.members[seat as usize] = Some(Member::new(self.shared));
        self.note(|| Entry::Entered(Seat(seat)));
        Ok(Seat(seat))
    }

    /// Somebody goes.
    pub fn leave(&mut self, seat: Seat) {
        self.note(|| Entry::Left(seat));
        if self.members.get_mut(seat.0 as usize).and_then(Option::take).is_some() {
            self.vacant.push(seat.0);
            self.pairs.retain(|pair| pair.speaker != seat && pair.listener != seat);
            self.guests.leave(seat);
            self.talkers.retain(|talker| *talker != seat);
        }
    }

    /// How many are in.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members.len() - self.vacant.len()
    }

    /// How loud everybody hears this member.
    pub fn set_gain(&mut self, seat: Seat, gain: Gain) {
        self.note(|| Entry::Louder(seat, gain));
        if let Some(member) = self.member_mut(seat) {
            member.gain = gain;
        }
    }

    /// Whether nobody hears this member.
    pub fn mute(&mut self, seat: Seat, muted: bool) {
        self.note(|| Entry::Muted(seat, muted));
        if let Some(member) = self.member_mut(seat) {
            member.is_muted = muted;
        }
    }

    /// Whether this member hears nobody.
    pub fn deafen(&mut self, seat: Seat, deaf: bool) {
        self.note(|| Entry::Deafened(seat, deaf));
        if let Some(member) = self.member_mut(seat) {
            member.is_deaf = deaf;
        }
    }

    /// How loud `listener` hears `speaker`, other than everybody does: a coach whom only one hears, a whisper.
    ///
    /// # Errors
    /// When there are too many such pairs.
    pub fn pair(&mut self, speaker: Seat, listener: Seat, gain: Gain) -> Result<(), Full> {
        let known = self.pairs.iter().position(|pair| (pair.speaker, pair.listener) == (speaker, listener));
        match known {
            Some(pair) => self.pairs[pair].gain = gain,
            None if self.pairs.len() >= MAX_PAIRS => return Err(Full::Pairs),
            None => self.pairs.push(Pair { speaker, listener, gain, reached: Gain::UNITY }),
        }
        self.note(|| Entry::Paired(speaker, listener, gain));
        Ok(())
    }

    /// The same for a speaker of the same room elsewhere, by any name.
    ///
    /// # Errors
    /// When there are too many such pairs.
    pub fn pair_guest(&mut self, guest: u64, listener: Seat, gain: Gain) -> Result<(), Full> {
        self.guests.pair(guest, listener, gain)?;
        self.note(|| Entry::GuestPaired(guest, listener, gain));
        Ok(())
    }

    /// What such a speaker adds to the sum that came from elsewhere.
    pub fn hear_guest(&mut self, guest: u64, sound: &[i16]) {
        self.note(|| Entry::HeardGuest(guest, sound.into()));
        self.guests.hear(guest, sound);
    }

    /// What a member adds to the sum of this round; nothing when it is not heard.
    #[must_use]
    pub fn contribution(&self, seat: Seat) -> &[i16] {
        self.member(seat).map_or(&[], Member::contribution)
    }

    /// A member's frame. Who gives none is silent.
    pub fn hear(&mut self, seat: Seat, sound: &[i16]) {
        let samples = self.rate.samples();
        if let Some(member) = self.member_mut(seat)
            && sound.len() == samples
        {
            member.hear(sound);
            self.note(|| Entry::Heard(seat, sound.into()));
        }
    }

    /// What the same room sums up elsewhere, one frame ago.
    pub fn add_partial(&mut self, partial: &[i32]) {
        self.note(|| Entry::Summed(partial.into()));
        self.has_others = true;
        self.sum.iter_mut().zip(partial).for_each(|(sum, other)| *sum += other);
    }

    /// Sound that all are to hear and nobody says, also the same room elsewhere.
    pub fn announce(&mut self, sound: &[i16]) {
        self.note(|| Entry::Announced(sound.into()));
        self.has_others = true;
        self.partial.iter_mut().zip(sound).for_each(|(sum, sample)| *sum += i32::from(*sample));
    }

    /// Chooses who is heard and sums them up. Before it come the frames of this round, after it what is heard of them.
    pub fn mix(&mut self) {
        self.note(|| Entry::Mixed);
        self.choose();
        let samples = self.rate.samples();
        for seat in &self.talkers {
            if let Some(Some(member)) = self.members.get(seat.0 as usize) {
                let sound = member.contribution();
                self.partial.iter_mut().zip(sound).for_each(|(sum, sample)| *sum += i32::from(*sample));
            }
        }
        self.sum.iter_mut().zip(&self.partial[..samples]).for_each(|(sum, part)| *sum += part);
    }

    /// Forgets this round's sound. To be called when all have heard it.
    pub fn clear(&mut self) {
        if let Some(ledger) = &mut self.ledger {
            ledger.note(&Entry::Cleared(ledger.round));
            ledger.round += 1;
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.sum.fill(0);
        self.partial.fill(0);
        self.has_others = false;
        self.members.iter_mut().flatten().for_each(Member::forget);
        let talkers = std::mem::take(&mut self.talkers);
        for pair in &mut self.pairs {
            pair.reached = pair.gain;
        }
        self.guests.forget();
        // The list keeps its room.
        self.talkers = talkers;
        self.talkers.clear();
    }

    /// Who is heard in this round.
    #[must_use]
    pub fn talkers(&self) -> &[Seat] {
        &self.talkers
    }

    /// Whether this member speaks, in its own right.
    #[must_use]
    pub fn is_speaking(&self, seat: Seat) -> bool {
        self.member(seat).is_some_and(|member| member.voice.is_speaking())
    }

    /// Whether the sound of this member's next frame matters even if it is no speech: it speaks, or its voice is about to fade.
    #[must_use]
    pub fn minds(&self, seat: Seat) -> bool {
        self.member(seat).is_some_and(|member| member.voice.is_speaking() || member.was_heard())
    }

    /// How loud a member was lately, in decibels below the loudest, at most 127.
    #[must_use]
    pub fn level(&self, seat: Seat) -> u8 {
        self.member(seat).map_or(127, |member| decibels(member.voice.loudness()))
    }

    /// Whether this member is to hear nobody.
    #[must_use]
    pub fn is_deaf(&self, seat: Seat) -> bool {
        self.member(seat).is_some_and(|member| member.is_deaf)
    }

    /// What a member hears in this round.
    #[must_use]
    pub fn hears(&self, seat: Seat) -> Hears {
        match self.member(seat) {
            None => Hears::Nothing,
            Some(member) if member.is_deaf => Hears::Nothing,
            Some(member) if member.is_heard() || self.has_pair(seat) => Hears::Own,
            Some(_) if self.talkers.is_empty() && !self.has_others => Hears::Nothing,
            Some(_) => Hears::Shared,
        }
    }

    /// What all hear who do not speak. To be asked once a round.
    pub fn shared(&mut self, sound: &mut Vec<i16>) {
        self.note(|| Entry::DrewShared);
        sound.resize(self.rate.samples(), 0);
        self.shared.limit(&self.sum[..sound.len()], sound);
    }

    /// What one member hears: all but itself, each as loud as it is to this member.
    pub fn own(&mut self, seat: Seat, sound: &mut Vec<i16>) {
        self.note(|| Entry::DrewOwn(seat));
        let samples = self.rate.samples();
        sound.resize(samples, 0);
        self.work.clear();
        self.work.extend_from_slice(&self.sum[..samples]);
        if let Some(Some(member)) = self.members.get(seat.0 as usize) {
            subtract(member.contribution(), &mut self.work);
        }
        for pair in self.pairs.iter().filter(|pair| pair.listener == seat && pair.speaker != seat) {
            if let Some(Some(speaker)) = self.members.get(pair.speaker.0 as usize)
                && speaker.is_heard()
            {
                weigh(speaker.contribution(), pair.reached, pair.gain, &mut self.work);
            }
        }
        self.guests.weigh(seat, &mut self.work);
        let shared = self.shared;
        if let Some(Some(member)) = self.members.get_mut(seat.0 as usize) {
            member.limiter(shared).limit(&self.work, sound);
        }
    }

    /// What our own members say, for the same room elsewhere.
    #[must_use]
    pub fn partial(&self) -> &[i32] {
        &self.partial[..self.rate.samples()]
    }

    fn note<'a>(&mut self, entry: impl FnOnce() -> Entry<'a>) {
        if let Some(ledger) = &mut self.ledger {
            ledger.note(&entry());
        }
    }

    fn has_pair(&self, listener: Seat) -> bool {
        let heard = |pair: &Pair| self.member(pair.speaker).is_some_and(Member::is_heard);
        self.pairs.iter().any(|pair| pair.listener == listener && heard(pair)) || self.guests.are_heard_by(listener)
    }

    /// The loudest of those who speak; who was heard and is no longer fades out in this round.
    fn choose(&mut self) {
        self.candidates.clear();
        for (seat, member) in (0..).zip(&mut self.members) {
            let Some(member) = member else { continue };
            let is_loud = member.listen(self.rules.automatic_gain);
            if is_loud && !member.is_muted {
                let bonus = if member.was_heard() { INCUMBENT } else { 1 };
                self.candidates.push((u64::from(member.voice.loudness()) * bonus, Seat(seat)));
            }
        }
        let most = self.rules.most_talkers.min(MAX_TALKERS);
        if self.candidates.len() > most {
            self.candidates
                .select_nth_unstable_by(most, |one, other| other.0.cmp(&one.0).then(one.1.0.cmp(&other.1.0)));
            self.candidates.truncate(most);
        }
        for (_, seat) in &self.candidates {
            if let Some(Some(member)) = self.members.get_mut(seat.0 as usize) {
                member.is_chosen = true;
            }
        }
        self.talkers.clear();
        for (seat, member) in (0..).zip(&mut self.members) {
            if member.as_mut().is_some_and(Member::contribute) {
                self.talkers.push(Seat(seat));
            }
        }
    }

    fn member(&self, seat: Seat) -> Option<&Member> {
        self.members.get(seat.0 as usize)?.as_ref()
    }

    fn member_mut(&mut self, seat: Seat) -> Option<&mut Member> {
        self.members.get_mut(seat.0 as usize)?.as_mut()
    }
}

/// A power in decibels below the loudest there can be.
fn decibels(power: u32) -> u8 {
    let most = f32::from(i16::MAX).powi(2);
    let below = 10.0 * (most / (power as f32).max(1.0)).log10();
    below.clamp(0.0, 127.0) as u8
}

fn subtract(own: &[i16], sums: &mut [i32]) {
    sums.iter_mut().zip(own).for_each(|(sum, sample)| *sum -= i32::from(*sample));
}

/// Changes how loud a speaker stands in a sum, from one gain to another.
fn weigh(sound: &[i16], from: Gain, to: Gain, sums: &mut [i32]) {
    let length = (sound.len() as i32).max(1);
    let (start, way) = (i32::from(from.0), i32::from(to.0) - i32::from(from.0));
    for (number, (sum, sample)) in (1..).zip(sums.iter_mut().zip(sound)) {
        let gain = start + way * number / length - i32::from(Gain::UNITY.0);
        *sum += (i32::from(*sample) * gain) >> 12;
    }
}

#[cfg(test)]
mod tests;
