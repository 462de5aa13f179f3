//! What is heard on a leg: its port, prompts, and what the media threads tell of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use patchcord_media::browser::Failure;
use patchcord_media::dtmf::{Press, Via};
use patchcord_media::frame::Rate;
use patchcord_media::prompt::{Cursor, Form, Item, Loaded, Loops, Loudness, Named, Wish, named};
use patchcord_media::sdp::Place;
use patchcord_media::sdp::agreed::Sound;
use patchcord_media::shard::{Notice, Open, Order, Play, Played, PortId, Terms, Weight};

use super::talk::Talk;
use super::{Number, Place as Owner, Turn};
use crate::call::effect::{SoundOrder, SoundTag};
use crate::call::{Ending, Event, LegEvent, LegId, Who};
use crate::runtime::PromptTicket;

/// The country whose tones are meant where a prompt names none.
pub(super) const HOME: &str = "de";

/// Prompts that were asked for and are not ready yet.
#[derive(Default)]
pub(super) struct Prompts(HashMap<PromptTicket, (Owner, Wanted)>);

/// How a prompt is to be played once it is ready.
#[derive(Clone, Copy)]
struct Wanted {
    tag: SoundTag,
    from: Duration,
    volume_db: i8,
    endless: bool,
}

impl Prompts {
    pub fn owner(&self, ticket: PromptTicket) -> Option<Owner> {
        self.0.get(&ticket).map(|(owner, _)| *owner)
    }

    /// How many are waited for.
    #[cfg(test)]
    pub fn all(&self) -> usize {
        self.0.len()
    }

    /// A call is over; its prompts come in vain.
    pub fn forget(&mut self, number: Number) {
        self.0.retain(|_, ((of, _), _)| *of != number);
    }

    /// Another prompt takes the place of those that a leg waits for.
    fn supersede(&mut self, owner: Owner) -> Vec<SoundTag> {
        let late: Vec<_> = self.0.iter().filter(|(_, (of, _))| *of == owner).map(|(ticket, _)| *ticket).collect();
        late.iter().filter_map(|ticket| self.0.remove(ticket)).map(|(_, wanted)| wanted.tag).collect()
    }
}

impl Talk {
    /// Makes sure that a leg has a port and its line knows where it is.
    pub fn has_place(&mut self, leg: LegId, turn: &mut Turn<'_, '_>) -> bool {
        let beside = self.ends.iter().find_map(|end| end.port.map(|port| port.port));
        let number = self.number;
        let Some(end) = self.end(leg) else { return false };
        if end.port.is_some() {
            return true;
        }
        let address = end.here;
        let Some(plane) = turn.wire.plane() else { return false };
        let wanted = Open {
            address: address.bind,
            listener: turn.wire.listener(),
            reports: true,
            weight: Weight::PASSING,
            beside,
        };
        let opened = if end.line.is_browser() {
            plane
                .open_browser(&Open { address: address.exact, ..wanted }, end.line.looks_for_the_way())
                .map(|browser| (browser.opened, browser.place(address.shown)))
        } else {
            plane.open(&wanted).map(|opened| {
                let at = |socket: std::net::SocketAddr| std::net::SocketAddr::new(address.shown, socket.port());
                (opened, Place::new(at(opened.rtp), opened.rtcp.map(at)))
            })
        };
        let (opened, place) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(%error, "a call has no sound");
                return false;
            }
        };
        end.port = Some(opened);
        turn.exchange.names.enter_port(number, leg, opened.port);
        self.on_line(leg, turn, |line, cx| line.place(place, cx));
        true
    }

    /// Both descriptions agree, from the first time or again.
    pub fn tune(&mut self, at: usize, sound: Arc<Sound>, before: Option<&Sound>, turn: &mut Turn<'_, '_>) {
        let end = &mut self.ends[at];
        let Some(port) = end.port else { return };
        let terms = Terms::of(&sound, before, turn.wire.silence_after());
        // Who has no way to send keys beside the sound may have them in it; in anybody else's, speech would be taken for keys.
        let tones = sound.keys.receive.is_empty();
        let had_tones = std::mem::replace(&mut end.hears_tones, tones);
        end.agreed = Some(sound);
        let leg = end.leg;
        match terms {
            Ok(terms) => {
                self.order(port.port, Order::Tune(Box::new(terms)), turn);
                if tones != had_tones {
                    self.order(port.port, Order::Tones(tones), turn);
                }
            }
            Err(unfit) => {
                let reason = unfit.to_string();
                let ending = Ending { by: Who::System, cause: 88, sip: Some(488), reason };
                self.call.hear(Event::Leg(leg, LegEvent::Unusable(ending)), turn.now());
            }
        }
    }

    pub(super) fn order(&self, port: PortId, order: Order, turn: &Turn<'_, '_>) {
        let Some(plane) = turn.wire.plane() else { return };
        if let Err(error) = plane.order(port, order) {
            tracing::debug!(%error, "an order for a port was not taken");
        }
    }

    /// Closes a port, and with it the files of what it records.
    pub fn close_port(&mut self, at: usize, turn: &mut Turn<'_, '_>) {
        self.close_pictures(at, turn);
        let end = &mut self.ends[at];
        end.recordings.clear();
        let Some(port) = end.port.take() else { return };
        turn.exchange.names.forget_port(port.port);
        self.order(port.port, Order::Close, turn);
    }

    pub(super) fn port(&self, leg: LegId) -> Option<PortId> {
        self.ends.iter().find(|end| end.leg == leg)?.port.map(|port| port.port)
    }

    /// Does what the call wants to be heard on a leg.
    pub fn sound(&mut self, leg: LegId, order: SoundOrder, turn: &mut Turn<'_, '_>) {
        let Some(port) = self.port(leg) else { return self.unheard(leg, order, turn) };
        let order = match order {
            SoundOrder::Play { tag, prompt, from, volume_db, endless, next } => {
                self.play(leg, &prompt, Wanted { tag, from, volume_db, endless }, turn);
                return next.into_iter().for_each(|next| self.make_ready(leg, &next, turn));
            }
            SoundOrder::Stop => {
                let late = turn.exchange.prompts.supersede((self.number, leg));
                self.all_played(leg, late, Played::Stopped, turn);
                Order::Stop
            }
            SoundOrder::Bridge(other) => match self.port_joined(leg, other) {
                Some(other) => Order::Bridge(other),
                None => return,
            },
            SoundOrder::Echo => Order::Echo,
            SoundOrder::Part => {
                self.part(leg);
                Order::Part
            }
            SoundOrder::Press(key, held) => Order::Press(key, held),
            SoundOrder::Record { .. } => return self.record(leg, port, order, turn),
            SoundOrder::PauseRecord(tag, pause) => return self.pause_recording(leg, tag, pause),
            SoundOrder::StopRecord(tag) => return self.stop_recording(leg, tag),
        };
        self.order(port, order, turn);
    }

    /// The port of a partner, and that it is one.
    fn port_joined(&mut self, leg: LegId, other: LegId) -> Option<PortId> {
        for (one, with) in [(leg, other), (other, leg)] {
            if let Some(end) = self.end(one) {
                end.partner = Some(with);
            }
        }
        self.port(other)
    }

    fn part(&mut self, leg: LegId) {
        let partner = self.end(leg).and_then(|end| end.partner.take());
        if let Some(end) = partner.and_then(|other| self.end(other)) {
            end.partner = None;
        }
    }

    /// A leg without a port hears nothing; whoever waits for an end is told.
    fn unheard(&mut self, leg: LegId, order: SoundOrder, turn: &mut Turn<'_, '_>) {
        const WHY: &str = "the leg has no sound";
        match order {
            SoundOrder::Play { tag, .. } => self.tell_leg(leg, LegEvent::NotPlayed(tag, WHY.into()), turn),
            SoundOrder::Record { tag, .. } => self.tell_leg(leg, LegEvent::Recorded(tag, Err(WHY.into())), turn),
            SoundOrder::Press(..) => self.tell_leg(leg, LegEvent::KeysSent, turn),
            _ => {}
        }
    }

    pub(super) fn tell_leg(&mut self, leg: LegId, event: LegEvent, turn: &Turn<'_, '_>) {
        self.call.hear(Event::Leg(leg, event), turn.now());
    }

    fn all_played(&mut self, leg: LegId, tags: Vec<SoundTag>, how: Played, turn: &Turn<'_, '_>) {
        for tag in tags {
            self.tell_leg(leg, LegEvent::Played(tag, how), turn);
        }
    }

    fn play(&mut self, leg: LegId, prompt: &str, wanted: Wanted, turn: &mut Turn<'_, '_>) {
        let late = turn.exchange.prompts.supersede((self.number, leg));
        self.all_played(leg, late, Played::Replaced, turn);
        match named(prompt, HOME) {
            Ok(Named::Tone(rhythm)) => self.begin(leg, Item::Tone(rhythm), self.rate(leg), wanted, turn),
            Ok(Named::File(name)) => match turn.wire.load(self.wish(leg, &name)) {
                Ok(ticket) => {
                    turn.exchange.prompts.0.insert(ticket, ((self.number, leg), wanted));
                }
                Err(not_asked) => self.tell_leg(leg, LegEvent::NotPlayed(wanted.tag, not_asked.to_string()), turn),
            },
            Err(misnamed) => self.tell_leg(leg, LegEvent::NotPlayed(wanted.tag, misnamed.to_string()), turn),
        }
    }

    /// Has a prompt fetched and decoded before its turn. Nobody waits for it: it lies in the cache, and what is wrong with it is told
    /// when it should be heard.
    fn make_ready(&self, leg: LegId, prompt: &str, turn: &mut Turn<'_, '_>) {
        if let Ok(Named::File(name)) = named(prompt, HOME)
            && let Err(not_asked) = turn.wire.load(self.wish(leg, &name))
        {
            tracing::debug!(%not_asked, "the next prompt is not made ready");
        }
    }

    fn wish(&self, leg: LegId, name: &str) -> Wish {
        Wish { name: name.into(), loudness: Loudness::default(), form: Form::Samples(self.rate(leg)) }
    }

    /// The rate at which a party is spoken to.
    pub(super) fn rate(&self, leg: LegId) -> Rate {
        let end = self.ends.iter().find(|end| end.leg == leg);
        let format = end.and_then(|end| end.agreed.as_ref()).and_then(|sound| sound.send.first());
        format.and_then(|format| format.codec.kind()).map_or(Rate::Narrow, |kind| kind.rate())
    }

    /// A prompt that was waited for is ready, or will never be.
    pub fn loaded(&mut self, leg: LegId, ticket: PromptTicket, loaded: Loaded, turn: &mut Turn<'_, '_>) {
        let Some((_, wanted)) = turn.exchange.prompts.0.remove(&ticket) else { return };
        match loaded {
            Ok(sound) => {
                let rate = sound.form().rate();
                self.begin(leg, Item::Sound(sound), rate, wanted, turn);
            }
            Err(unloaded) => self.tell_leg(leg, LegEvent::NotPlayed(wanted.tag, unloaded.to_string()), turn),
        }
    }

    fn begin(&mut self, leg: LegId, item: Item, rate: Rate, wanted: Wanted, turn: &mut Turn<'_, '_>) {
        let loops = if wanted.endless { Loops::Forever } else { Loops::Times(1) };
        let cursor = Cursor::new(vec![item], rate, loops).and_then(|cursor| {
            let mut cursor = cursor.starting_at(wanted.from);
            cursor.set_volume(f32::from(wanted.volume_db))?;
            Ok(cursor)
        });
        match (cursor, self.port(leg)) {
            (Ok(cursor), Some(port)) => {
                let play = Play { cursor: Box::new(cursor), kind: None, tag: wanted.tag.0 };
                self.order(port, Order::Play(play), turn);
            }
            (Ok(_), None) => self.tell_leg(leg, LegEvent::NotPlayed(wanted.tag, "the leg has gone".into()), turn),
            (Err(unfit), _) => self.tell_leg(leg, LegEvent::NotPlayed(wanted.tag, unfit.to_string()), turn),
        }
    }

    /// A key came by SIP: the port tells it, once, whichever way it also comes. Tells whether there is a port.
    pub fn pressed(&mut self, at: usize, press: Press, turn: &mut Turn<'_, '_>) -> bool {
        let Some(port) = self.ends[at].port else { return false };
        self.order(port.port, Order::Pressed(press), turn);
        true
    }

    /// A port tells something.
    pub fn noticed(&mut self, leg: LegId, notice: Notice, turn: &mut Turn<'_, '_>) {
        if let (Notice::Unheard(..) | Notice::HeardAgain(_), Some(end)) = (&notice, self.end(leg)) {
            end.unheard = match notice {
                Notice::Unheard(_, quiet) => turn.now().checked_sub(quiet),
                _ => None,
            };
        }
        if self.member_noticed(leg, &notice, turn) {
            return;
        }
        let is_browser = self.end(leg).is_some_and(|end| end.line.is_browser());
        let event = match notice {
            // It checks its way also while it is held: it has gone without a word.
            Notice::Silent(_, quiet) if is_browser => {
                let reason = format!("the browser was not heard for {} s", quiet.as_secs());
                LegEvent::Unusable(Ending { by: Who::System, cause: 41, sip: Some(408), reason })
            }
            Notice::Unmet(_, failure) => LegEvent::Unusable(unmet(&failure)),
            Notice::Left(_) => {
                let reason = "the browser closed its connection".to_owned();
                LegEvent::Unusable(Ending { by: Who::Party, cause: 16, sip: None, reason })
            }
            Notice::Silent(_, quiet) => LegEvent::MediaLost(quiet),
            Notice::Resumed(_) => LegEvent::MediaBack,
            Notice::Played(_, tag, how, _) => LegEvent::Played(SoundTag(tag), how),
            Notice::KeyDown(_, key, _) => LegEvent::KeyDown(key),
            Notice::Key(_, press) => {
                // What came beside the sound passes with it; a key that came as INFO is pressed for the partner.
                let partner = self.end(leg).and_then(|end| end.partner).filter(|_| press.via == Via::Info);
                if let Some(port) = partner.and_then(|partner| self.port(partner)) {
                    self.order(port, Order::Press(press.key, press.duration), turn);
                }
                LegEvent::Key(press)
            }
            Notice::Pressed(_) => LegEvent::KeysSent,
            Notice::Died(_) => {
                let reason = "a fault of ours ended its sound".to_owned();
                LegEvent::Unusable(Ending { by: Who::System, cause: 41, sip: Some(500), reason })
            }
            other => return self.note_sound(leg, &other, turn),
        };
        self.tell_leg(leg, event, turn);
    }
}

/// How a leg ends whose browser was not met, or is there no longer.
fn unmet(failure: &Failure) -> Ending {
    let (cause, sip) = match failure {
        // It was waited for in vain, whatever it had described.
        Failure::NoConsent | Failure::TooSlow => (41, 408),
        Failure::WrongCertificate | Failure::NoSuite | Failure::TooLong | Failure::Broken(_) => (88, 488),
    };
    Ending { by: Who::System, cause, sip: Some(sip), reason: failure.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_answers_no_longer_was_waited_for_and_one_that_does_not_fit_is_refused() {
        for (failure, sip, reason) in [
            (Failure::NoConsent, 408, "the browser did not answer for 30 s"),
            (Failure::TooSlow, 408, "the browser did not finish its handshake in time"),
            (Failure::WrongCertificate, 488, "the browser's certificate is not the one it described"),
        ] {
            let ending = unmet(&failure);
            assert_eq!((ending.sip, ending.reason.as_str(), ending.by), (Some(sip), reason, Who::System));
        }
    }
}
