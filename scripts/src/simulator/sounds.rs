//! What is heard on simulated legs: prompts that take their time, parties who are joined, recordings that grow.

use std::collections::BTreeMap;
use std::time::Duration;

use patchcord_engine::call::effect::SoundTag;
use patchcord_engine::call::{LegEvent, LegId, SoundOrder};
use patchcord_media::shard::Played;

use super::house::{Due, House, Stream};
use super::lengths::Length;
use super::party::{Heard, PartyId};
use super::port::{Audible, Playing, Take};
use super::talk::Talk;

/// Why a sound order does nothing.
const NO_SOUND: &str = "the leg has no sound";

impl Talk {
    /// Does what the call wants to be heard on a leg.
    pub fn sound(&mut self, leg: LegId, order: SoundOrder, house: &mut House) {
        if !self.ends.contains_key(&leg) {
            return self.unheard(leg, order, house);
        }
        match order {
            SoundOrder::Play { tag, prompt, from, endless, .. } => self.play(leg, tag, prompt, from, endless, house),
            SoundOrder::Stop => self.stop(leg, Played::Stopped, house),
            SoundOrder::Bridge(other) if self.ends.contains_key(&other) => {
                for (one, with) in [(leg, other), (other, leg)] {
                    self.port(one, |port| port.partner = Some(with));
                }
                self.attend(leg, house);
                self.attend(other, house);
            }
            SoundOrder::Bridge(_) => {}
            SoundOrder::Echo => {
                self.port(leg, |port| port.echo = true);
                self.attend(leg, house);
            }
            SoundOrder::Part => self.part(leg, house),
            SoundOrder::Press(key, held) => {
                if let Some(party) = self.party_of(leg) {
                    house.parties[party].hear(Heard::Key(key.as_char()));
                    house.tell_of(party, format!("hears the key {key}"));
                }
                let due = Due::Tell(self.number, leg, LegEvent::KeysSent);
                house.put(house.now + held, Stream::Port(self.number, leg), due);
            }
            SoundOrder::Record { tag, format, silence, max, .. } => {
                self.record(leg, tag, format.as_deref().unwrap_or("wav"), (silence, max), house);
            }
            SoundOrder::PauseRecord(_, pause) => {
                let what = if pause { "a recording pauses" } else { "a recording goes on" };
                house.tell(&self.service, what, None);
            }
            SoundOrder::StopRecord(tag) => {
                let take = self.ends.get_mut(&leg).and_then(|end| end.port.takes.remove(&tag));
                self.close_takes(leg, take.map(|take| (tag, take)).into_iter().collect(), house);
            }
        }
    }

    fn port(&mut self, leg: LegId, change: impl FnOnce(&mut super::port::Port)) {
        if let Some(end) = self.ends.get_mut(&leg) {
            change(&mut end.port);
        }
    }

    /// Whoever waits for an end on a leg that has gone is told.
    fn unheard(&self, leg: LegId, order: SoundOrder, house: &mut House) {
        let event = match order {
            SoundOrder::Play { tag, .. } => LegEvent::NotPlayed(tag, NO_SOUND.into()),
            SoundOrder::Record { tag, .. } => LegEvent::Recorded(tag, Err(NO_SOUND.into())),
            SoundOrder::Press(..) => LegEvent::KeysSent,
            _ => return,
        };
        house.port_tells(self.number, leg, event);
    }

    fn play(&mut self, leg: LegId, tag: SoundTag, prompt: String, from: Duration, endless: bool, house: &mut House) {
        self.break_off(leg, Played::Replaced, house);
        let until = match house.lengths.of_prompt(&prompt) {
            Ok(Length::For(long)) if !endless => Some(house.now + long.saturating_sub(from)),
            Ok(_) => None,
            Err(why) => {
                if let Some(party) = self.party_of(leg) {
                    house.tell_of(party, format!("does not hear {prompt}: {why}"));
                }
                return house.port_tells(self.number, leg, LegEvent::NotPlayed(tag, why));
            }
        };
        if let Some(until) = until {
            house.put(until, Stream::Port(self.number, leg), Due::PlayedOut(self.number, leg, tag));
        }
        self.port(leg, |port| port.playing = Some(Playing { tag, prompt, until }));
        self.attend(leg, house);
    }

    fn stop(&mut self, leg: LegId, how: Played, house: &mut House) {
        self.break_off(leg, how, house);
        self.attend(leg, house);
    }

    fn break_off(&mut self, leg: LegId, how: Played, house: &mut House) {
        if let Some(playing) = self.ends.get_mut(&leg).and_then(|end| end.port.playing.take()) {
            house.port_tells(self.number, leg, LegEvent::Played(playing.tag, how));
        }
    }

    /// A prompt has come to its end, unless something else was played since.
    pub fn played_out(&mut self, leg: LegId, tag: SoundTag, house: &mut House) {
        let Some(end) = self.ends.get_mut(&leg) else { return };
        if end.port.playing.take_if(|playing| playing.tag == tag).is_none() {
            return;
        }
        self.call.hear(patchcord_engine::call::Event::Leg(leg, LegEvent::Played(tag, Played::Ended)), house.now);
        self.settle(house);
        self.attend(leg, house);
    }

    fn part(&mut self, leg: LegId, house: &mut House) {
        let Some(end) = self.ends.get_mut(&leg) else { return };
        end.port.echo = false;
        let other = end.port.partner.take();
        self.attend(leg, house);
        if let Some(other) = other.filter(|other| self.ends.get(other).is_some_and(|end| end.port.partner == Some(leg)))
        {
            self.port(other, |port| port.partner = None);
            self.attend(other, house);
        }
    }

    /// What a party hears may be something else now.
    fn attend(&mut self, leg: LegId, house: &mut House) {
        let Some(end) = self.ends.get_mut(&leg) else { return };
        let audible = end.port.audible();
        if audible == end.port.told {
            return;
        }
        end.port.told = audible.clone();
        let party = end.party;
        let heard = match audible {
            Audible::Nothing => return,
            Audible::Prompt(_, prompt) => Heard::Prompt(prompt),
            Audible::Itself => Heard::Itself,
            Audible::Other(other) => match self.party_of(other) {
                Some(other) => Heard::Voice(other),
                None => return,
            },
        };
        let what = match &heard {
            Heard::Prompt(prompt) => prompt.clone(),
            Heard::Voice(other) => house.parties[*other].name.clone(),
            Heard::Itself => "itself".to_owned(),
            Heard::Key(key) => format!("the key {key}"),
        };
        house.tell_of(party, format!("hears {what}"));
        house.parties[party].hear(heard);
    }

    fn record(
        &mut self,
        leg: LegId,
        tag: SoundTag,
        format: &str,
        (silence, max): (Option<Duration>, Duration),
        house: &mut House,
    ) {
        let Some(end) = self.ends.get_mut(&leg) else { return };
        let speaks = house.parties[end.party].speaks;
        let service = self.program.service().map(|service| format!("{service}.")).unwrap_or_default();
        let file = format!("{}/{}-{}-{}.{service}{format}", house.day(), self.chronicle.call(), leg.0, tag.0);
        let quiet_since = (!speaks).then_some(house.now);
        end.port.takes.insert(tag, Take { began: house.now, file, max, silence, quiet_since });
        let who = house.parties[end.party].name.clone();
        house.tell(&self.service, format!("records {who}"), None);
        for after in silence.into_iter().chain([max]) {
            house.put(house.now + after, Stream::Port(self.number, leg), Due::Listen(self.number, leg, tag));
        }
    }

    /// A recording may have been silent for too long, or be as long as it may.
    pub fn listen(&mut self, leg: LegId, tag: SoundTag, house: &mut House) {
        let Some(end) = self.ends.get_mut(&leg) else { return };
        let Some(take) = end.port.takes.get(&tag) else { return };
        let quiet = take.silence.zip(take.quiet_since).is_some_and(|(most, since)| house.now >= since + most);
        if !quiet && house.now < take.began + take.max {
            return;
        }
        let Some(take) = end.port.takes.remove(&tag) else { return };
        if quiet {
            house.port_tells(self.number, leg, LegEvent::Quiet(tag));
        }
        self.close_takes(leg, BTreeMap::from([(tag, take)]), house);
    }

    /// Files are closed, and their call is told.
    pub fn close_takes(&self, leg: LegId, takes: BTreeMap<SoundTag, Take>, house: &mut House) {
        for (tag, take) in takes {
            let long = house.now.saturating_duration_since(take.began);
            house.tell(&self.service, format!("has recorded {:.1} s", long.as_secs_f64()), None);
            house.lengths.record(&take.file, long);
            house.port_tells(self.number, leg, LegEvent::Recorded(tag, Ok((take.file, long))));
        }
    }

    /// A party of this call speaks, or falls silent.
    pub fn party_speaks(&mut self, party: PartyId, speaks: bool, house: &mut House) {
        let number = self.number;
        let now = house.now;
        for (leg, end) in self.ends.iter_mut().filter(|(_, end)| end.party == party) {
            for (tag, take) in &mut end.port.takes {
                take.quiet_since = (!speaks).then_some(now);
                if let Some(silence) = take.silence.filter(|_| !speaks) {
                    house.put(now + silence, Stream::Port(number, *leg), Due::Listen(number, *leg, *tag));
                }
            }
        }
    }
}
