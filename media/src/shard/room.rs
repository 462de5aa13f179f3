//! A room on a media thread: who sits where, and the coders that all share.
//!
//! The arithmetic is [`Mixer`]'s. A room brings every member's frame to its own rate, lets the mixer mix, and says the
//! result: what all silent members hear is encoded once for each codec among them. A room whose members live on several
//! threads has a part on each; the parts send each other what their own members say, and hear it a round later ([`Peer`]).

use std::collections::HashMap;

use super::order::{PortId, RoomId};
use super::poll::Place;
use super::port::{Effort, Playing, Recorder};
use crate::clean::Cleaner;
use crate::codec::resample::Resampler;
use crate::codec::{Encoder, Kind, Settings};
use crate::frame::{MAX_SAMPLES, Rate};
use crate::mixer::{Full, MAX_PAIRS, Mixer, Rules, Seat};
use crate::recording::Scribe;

use super::peer::{Peer, WAITING};

/// What a part of a room sums up, for another part.
pub(crate) struct Partial {
    /// The thread that it comes from.
    pub from: usize,
    /// The widest sound of that part's own members, and the rate of the sum.
    pub widest: Rate,
    pub rate: Rate,
    pub sums: [i32; MAX_SAMPLES],
    /// Who is weighed anew over there, and what they say, one after the other.
    pub solos: Vec<PortId>,
    pub solo_sounds: Vec<i16>,
}

/// Boxes for sums that a part has for each other part. They travel to and fro and are never more: who has none left, because
/// the other thread stands still, misses a round that nobody would have heard.
const SPARE: usize = 2 + WAITING;

/// Rounds between two words that a member still speaks, and how loud: a fifth of a second, as fast as a bar may move.
const VOICE_EVERY: u64 = 10;

/// Members whose sound fits into a sum's box without making room for it first.
const USUAL_SOLOS: usize = 4;

impl Partial {
    pub(super) fn empty() -> Box<Self> {
        Box::new(Self {
            from: 0,
            widest: Rate::Narrow,
            rate: Rate::Narrow,
            sums: [0; MAX_SAMPLES],
            solos: Vec::with_capacity(USUAL_SOLOS),
            solo_sounds: Vec::with_capacity(USUAL_SOLOS * MAX_SAMPLES),
        })
    }
}

/// Where a port sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub room: RoomId,
    pub seat: Seat,
}

/// One member.
pub(super) struct Chair {
    pub place: Place,
    pub seat: Seat,
    /// The rate at which the member speaks and hears.
    rate: Rate,
    /// Makes its sound clean, at its own rate.
    cleaner: Option<Box<Cleaner>>,
    /// Brings its sound to the room's rate.
    resampler: Option<Box<Resampler>>,
    /// The round in which it was last told that it speaks; none while it is silent.
    pub voiced: Option<u64>,
    /// Rounds that its own coder still goes on with, after it had something of its own to say; where a codec remembers, both
    /// coders have come to say the same by then.
    own_for: u8,
}

/// Frames of the shared mix that a member's own coder is told before it goes on in place of the shared one, and rounds that it
/// goes on with the shared mix before that one takes over: what codecs remember has faded by then.
const SEAM: usize = 10;

/// The same for Opus, which forgets sooner and whose frames cost more.
const SHORT_SEAM: usize = 8;

/// A room of more members on one thread is large.
const LARGE: usize = 16;

fn seam(kind: Kind) -> usize {
    if kind == Kind::Opus { SHORT_SEAM } else { SEAM }
}

/// What all silent members of a codec hear, encoded once.
pub(super) struct Voice {
    kind: Kind,
    encoder: Box<dyn Encoder>,
    resampler: Option<Resampler>,
    /// This round's packet; made when the first member wants it.
    pub payload: Vec<u8>,
    is_fresh: bool,
}

/// See the module.
pub(crate) struct Room {
    pub id: RoomId,
    pub listener: usize,
    pub slot: usize,
    pub mixer: Mixer,
    /// By the number of the seat.
    pub chairs: Vec<Option<Chair>>,
    voices: Vec<Voice>,
    /// How many of a hundred packets the member loses who loses most: of the last round, and of this one so far.
    loses_percent: (u8, u8),
    pub announcing: Option<Playing>,
    announcer: Option<Box<Resampler>>,
    pub recorder: Option<Box<Recorder>>,
    ledger: Option<Box<Scribe>>,
    /// The threads that have a part of it.
    pub peers: Vec<Peer>,
    /// Members who are weighed anew on another thread, and on which.
    solos: Vec<(Seat, PortId, usize)>,
    /// Sums that are done with, to be filled again.
    #[allow(clippy::vec_box, reason = "the boxes travel to other threads and come back")]
    pub spare: Vec<Box<Partial>>,
    /// What all silent members hear in this round.
    pub shared: Vec<i16>,
    /// The same of the rounds before, the eldest first, while there is a codec that remembers.
    before: Vec<i16>,
    /// Room for one frame.
    frame: Vec<i16>,
}

impl Room {
    pub fn new(id: RoomId, listener: usize, slot: usize, rules: Rules) -> Self {
        Self {
            id,
            listener,
            slot,
            mixer: Mixer::new(Rate::Narrow, rules),
            chairs: Vec::new(),
            voices: Vec::new(),
            loses_percent: (0, 0),
            announcing: None,
            announcer: None,
            recorder: None,
            ledger: None,
            peers: Vec::new(),
            solos: Vec::new(),
            spare: Vec::new(),
            shared: Vec::with_capacity(MAX_SAMPLES),
            before: Vec::new(),
            frame: Vec::with_capacity(MAX_SAMPLES),
        }
    }

    /// Gives a member a seat.
    ///
    /// # Errors
    /// When there is none left.
    pub fn enter(&mut self, place: Place, port: PortId, rate: Rate) -> Result<Membership, Full> {
        let seat = self.mixer.enter()?;
        self.mixer.name(seat, port.0);
        if self.chairs.len() <= seat.number() {
            self.chairs.resize_with(seat.number() + 1, || None);
        }
        self.chairs[seat.number()] =
            Some(Chair { place, seat, rate, cleaner: None, resampler: None, voiced: None, own_for: 0 });
        self.suit();
        Ok(Membership { room: self.id, seat })
    }

    /// Takes it back.
    pub fn leave(&mut self, seat: Seat) {
        self.mixer.leave(seat);
        self.solos.retain(|(solo, ..)| *solo != seat);
        if let Some(chair) = self.chairs.get_mut(seat.number()) {
            *chair = None;
        }
        self.suit();
    }

    /// A member speaks another codec now.
    pub fn retune(&mut self, seat: Seat, rate: Rate) {
        if let Some(Some(chair)) = self.chairs.get_mut(seat.number()) {
            chair.rate = rate;
        }
        self.suit();
    }

    /// The widest sound of the members of this part.
    pub fn widest(&self) -> Rate {
        self.chairs.iter().flatten().map(|chair| chair.rate).max().unwrap_or(Rate::Narrow)
    }

    /// Mixes at the rate of the widest member, wherever that is.
    pub fn suit(&mut self) {
        let others = self.peers.iter().map(|peer| peer.widest);
        let rate = others.max().unwrap_or(Rate::Narrow).max(self.widest());
        if rate != self.mixer.rate() {
            self.mixer.set_rate(rate);
        }
    }

    /// A member's frame, at its own rate.
    pub fn hear(&mut self, seat: Seat, sound: &[i16], rate: Rate) {
        let wanted = self.mixer.rate();
        let Some(Some(chair)) = self.chairs.get_mut(seat.number()) else { return };
        let sound = match &mut chair.cleaner {
            Some(cleaner) => cleaner.clean(sound, rate),
            None => sound,
        };
        if rate == wanted {
            self.mixer.hear(seat, sound);
            return;
        }
        convert(&mut chair.resampler, sound, (rate, wanted), &mut self.frame);
        self.mixer.hear(seat, &self.frame);
    }

    /// Whether it makes no difference what a member's packets sound like until somebody speaks in them. A ledger keeps every
    /// sound, and whoever makes a voice clean learns from the noise between the words.
    pub fn dozes_for(&self, seat: Seat) -> bool {
        let chair = self.chairs.get(seat.number()).and_then(Option::as_ref);
        self.ledger.is_none() && chair.is_some_and(|chair| chair.cleaner.is_none()) && !self.mixer.minds(seat)
    }

    /// Makes what a member says clean from now on; gives back what did so before.
    pub fn clean(&mut self, seat: Seat, cleaner: Option<Box<Cleaner>>) -> Option<Box<Cleaner>> {
        let chair = self.chairs.get_mut(seat.number())?.as_mut()?;
        std::mem::replace(&mut chair.cleaner, cleaner)
    }

    /// A frame of an announcement.
    pub fn announce(&mut self, sound: &[i16], rate: Rate) {
        let wanted = self.mixer.rate();
        if rate == wanted {
            self.mixer.announce(sound);
            return;
        }
        convert(&mut self.announcer, sound, (rate, wanted), &mut self.frame);
        self.mixer.announce(&self.frame);
    }

    /// What other threads have for this round; a sum at another rate belongs to a moment of change and is not heard.
    pub fn hear_peers(&mut self) {
        let rate = self.mixer.rate();
        for peer in &mut self.peers {
            let (partial, late) = peer.take();
            self.spare.extend(late);
            let Some(partial) = partial else { continue };
            if partial.rate == rate {
                self.mixer.add_partial(&partial.sums[..rate.samples()]);
                let sounds = partial.solo_sounds.chunks_exact(rate.samples());
                partial.solos.iter().zip(sounds).for_each(|(port, sound)| self.mixer.hear_guest(port.0, sound));
            }
            self.spare.push(partial);
        }
    }

    /// Another thread has a part of the room.
    pub fn meet(&mut self, peer: usize) {
        if self.peers.iter().all(|known| known.thread != peer) {
            self.peers.push(Peer::new(peer));
            self.spare.extend(std::iter::repeat_with(Partial::empty).take(SPARE));
        }
    }

    /// A sum from another thread.
    pub fn hear_peer(&mut self, partial: Box<Partial>) {
        let from = partial.from;
        self.meet(from);
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.thread == from) {
            self.spare.extend(peer.keep(partial));
        }
        self.suit();
    }

    /// What this member says is to come by itself to another thread as well, where somebody hears it otherwise than all do.
    ///
    /// # Errors
    /// When there are too many of them.
    pub fn single_out(&mut self, seat: Seat, port: PortId, peer: usize) -> Result<(), Full> {
        if self.solos.contains(&(seat, port, peer)) {
            return Ok(());
        }
        if self.solos.len() >= MAX_PAIRS {
            return Err(Full::Pairs);
        }
        self.solos.push((seat, port, peer));
        Ok(())
    }

    /// Our sum, for another thread; `None` while all boxes are under way.
    pub fn partial(&mut self, from: usize, to: usize) -> Option<Box<Partial>> {
        let (widest, rate) = (self.widest(), self.mixer.rate());
        let mut partial = self.spare.pop()?;
        (partial.from, partial.widest, partial.rate) = (from, widest, rate);
        partial.sums[..rate.samples()].copy_from_slice(self.mixer.partial());
        partial.solos.clear();
        partial.solo_sounds.clear();
        for (seat, port, _) in self.solos.iter().filter(|(.., peer)| *peer == to) {
            let sound = self.mixer.contribution(*seat);
            if sound.len() == rate.samples() {
                partial.solos.push(*port);
                partial.solo_sounds.extend_from_slice(sound);
            }
        }
        Some(partial)
    }

    /// Mixes this round.
    pub fn mix(&mut self) {
        self.mixer.mix();
        self.keep_shared();
        self.mixer.shared(&mut self.shared);
        self.voices.iter_mut().for_each(|voice| voice.is_fresh = false);
        self.loses_percent = (self.loses_percent.1, 0);
    }

    /// Keeps the shared mix of the round before.
    fn keep_shared(&mut self) {
        let samples = self.mixer.rate().samples();
        if self.shared.len() != samples || !self.voices.iter().any(|voice| voice.kind.remembers()) {
            self.before.clear();
            return;
        }
        self.before.reserve(SEAM * samples);
        let extra = (self.before.len() + samples).saturating_sub(SEAM * samples);
        self.before.drain(..extra.min(self.before.len()));
        self.before.extend_from_slice(&self.shared);
    }

    /// A member hears something of its own in this round. What its coder is to be told first, because the shared one spoke
    /// until now: frames of the room's rate, one after the other.
    pub fn begin_own(&mut self, number: usize, kind: Kind) -> &[i16] {
        let Some(Some(chair)) = self.chairs.get_mut(number) else { return &[] };
        let goes_on = std::mem::replace(&mut chair.own_for, seam(kind) as u8) > 0;
        if goes_on || !kind.remembers() {
            return &[];
        }
        let wanted = seam(kind) * self.mixer.rate().samples();
        &self.before[self.before.len().saturating_sub(wanted)..]
    }

    /// Whether a member's own coder still speaks, though the member hears what all do.
    pub fn goes_on_own(&mut self, number: usize, kind: Kind) -> bool {
        let Some(Some(chair)) = self.chairs.get_mut(number) else { return false };
        let goes_on = kind.remembers() && chair.own_for > 0;
        chair.own_for = chair.own_for.saturating_sub(1);
        goes_on
    }

    /// Whether it is to be told now that a member speaks, and how loud; or that it does no longer.
    pub fn voice_of(&mut self, number: usize, round: u64) -> Option<Option<u8>> {
        let chair = self.chairs.get_mut(number)?.as_mut()?;
        if self.mixer.is_speaking(chair.seat) {
            if chair.voiced.is_some_and(|told| round < told + VOICE_EVERY) {
                return None;
            }
            chair.voiced = Some(round);
            return Some(Some(self.mixer.level(chair.seat)));
        }
        chair.voiced.take().map(|_| None)
    }

    /// Hands this round to the recording; gives back a recorder whose recording is over.
    pub fn go_on_recording(&mut self) -> Option<Box<Recorder>> {
        let recorder = self.recorder.as_mut()?;
        recorder.room_round(&self.shared, self.mixer.rate());
        if recorder.is_over() { self.recorder.take() } else { None }
    }

    /// Keeps a ledger from now on; gives the scribe back where there is one already, or somebody sat here before.
    pub fn keep_ledger(&mut self, scribe: Box<Scribe>) -> Option<Box<Scribe>> {
        if self.ledger.is_some() || !self.mixer.keep_ledger() {
            return Some(scribe);
        }
        self.ledger.replace(scribe)
    }

    /// Hands this round to the ledger; gives back a scribe whose ledger was given up.
    pub fn go_on_ledger(&mut self) -> Option<Box<Scribe>> {
        let scribe = self.ledger.as_mut()?;
        if scribe.round(&mut self.mixer) {
            return None;
        }
        self.mixer.drop_ledger();
        self.ledger.take()
    }

    /// The room is over.
    pub fn end_ledger(&mut self) {
        if let Some(scribe) = self.ledger.take() {
            scribe.end(&mut self.mixer);
        }
    }

    /// What one member alone hears.
    pub fn own(&mut self, seat: Seat) -> &[i16] {
        self.mixer.own(seat, &mut self.frame);
        &self.frame
    }

    /// Whether a member is to hear nobody.
    pub fn is_deaf(&self, seat: Seat) -> bool {
        self.mixer.is_deaf(seat)
    }

    /// A frame of nothing.
    pub fn silence(&mut self) -> &[i16] {
        self.frame.clear();
        self.frame.resize(self.mixer.rate().samples(), 0);
        &self.frame
    }

    /// Encodes what all silent members of a codec hear, unless it was done in this round already; whether it was done now.
    pub fn encode_shared(&mut self, kind: Kind, effort: Effort) -> bool {
        if self.voices.iter().all(|voice| voice.kind != kind) {
            self.voices.extend(Voice::new(kind));
        }
        let voice = self.voices.iter_mut().find(|voice| voice.kind == kind && !voice.is_fresh);
        let Some(voice) = voice else { return false };
        voice.encoder.adjust(&effort.of(&Settings::default(), self.loses_percent.0));
        voice.encode(&self.shared, self.mixer.rate(), &mut self.frame);
        true
    }

    /// What was encoded; `None` for a codec that is only passed on.
    pub fn voice(&self, kind: Kind) -> Option<&[u8]> {
        self.voices.iter().find(|voice| voice.kind == kind).map(|voice| &voice.payload[..])
    }

    /// Whether so many are in it here that its coders should be cheap.
    pub fn is_large(&self) -> bool {
        self.chairs.iter().flatten().count() > LARGE
    }

    /// Has what all hear said so that a member who loses so many of a hundred packets can follow it.
    pub fn guard(&mut self, loses_percent: u8) {
        self.loses_percent.1 = self.loses_percent.1.max(loses_percent);
    }

    /// Throws a codec's coder away.
    pub fn forget_voice(&mut self, kind: Kind) {
        self.voices.retain(|voice| voice.kind != kind);
    }
}

impl Voice {
    fn new(kind: Kind) -> Option<Self> {
        let encoder = kind.encoder(&Settings::default())?;
        Some(Self { kind, encoder, resampler: None, payload: Vec::new(), is_fresh: false })
    }

    fn encode(&mut self, sound: &[i16], rate: Rate, frame: &mut Vec<i16>) {
        let wanted = self.kind.rate();
        self.payload.clear();
        self.is_fresh = true;
        if rate == wanted {
            self.encoder.encode(sound, &mut self.payload);
            return;
        }
        if self.resampler.as_ref().map(Resampler::rates) != Some((rate, wanted)) {
            self.resampler = Some(Resampler::new(rate, wanted));
        }
        frame.clear();
        if let Some(resampler) = &mut self.resampler {
            resampler.resample(sound, frame);
        }
        self.encoder.encode(frame, &mut self.payload);
    }
}

/// Brings a frame from one rate to another, by a resampler that is kept while the rates stay.
fn convert(kept: &mut Option<Box<Resampler>>, sound: &[i16], (from, to): (Rate, Rate), frame: &mut Vec<i16>) {
    let resampler = match kept {
        Some(resampler) if resampler.rates() == (from, to) => resampler,
        other => other.insert(Box::new(Resampler::new(from, to))),
    };
    frame.clear();
    resampler.resample(sound, frame);
}

/// The rooms of one thread, by name.
pub(crate) type Rooms = HashMap<RoomId, Box<Room>>;
