//! Keys: who takes a press, and the keys that we press towards a party.
//!
//! A verb that waits for keys takes them. What no verb took the program is told; where the leg is not joined with another one,
//! it also waits for the next gather.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use patchcord_media::dtmf::{Key, Press};

use super::effect::{LineOrder, Note, SoundOrder};
use super::event::Happening;
use super::gather::{Gathering, Next};
use super::play::{Owner, Playing};
use super::verb::{Gather, Outcome, SendKeys, Status};
use super::work::Work;
use super::{Call, LegId, limits};
use crate::program::{VerbId, Wake};

/// Keys on their way to a party.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sending {
    pub leg: LegId,
    rest: VecDeque<Key>,
    by_info: bool,
    held: Duration,
    gap: Duration,
    /// Whether a key is being sent, and the rest comes after it.
    pressing: bool,
    until: Instant,
}

impl Sending {
    pub fn deadline(&self) -> Instant {
        self.until
    }

    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        std::iter::once(&mut self.until)
    }
}

impl Call {
    /// A key went down: what it ends, it ends at once.
    pub(super) fn key_down(&mut self, id: LegId, key: Key, now: Instant) {
        if let Some(leg) = self.here_mut(id)
            && leg.is_late_end(key, now)
        {
            leg.spent = Some(key);
            return;
        }
        let Some(verb) = self.here(id).and_then(|leg| leg.busy) else { return };
        let ends = self.ends(verb, key);
        let silenced = match self.works.get_mut(&verb) {
            Some(Work::Gather(_, gathering)) => gathering.down(now),
            _ => false,
        };
        if silenced {
            self.hush(id, Owner::Verb(verb), now);
        }
        match self.works.get(&verb) {
            Some(Work::Play(..) | Work::Record(..)) if ends => {
                if let Some(leg) = self.here_mut(id) {
                    leg.spent = Some(key);
                }
                self.end_by_key(verb, now);
            }
            _ => {}
        }
    }

    /// A key was pressed.
    pub(super) fn key(&mut self, id: LegId, press: Press, now: Instant) {
        let Some(leg) = self.here_mut(id) else { return };
        if leg.spent.take() == Some(press.key) || leg.is_late_end(press.key, now) {
            return;
        }
        let (verb, joined) = (leg.busy, leg.partner.is_some());
        if let Some(verb) = verb {
            if self.room_key(verb, id, &press, now) {
                return;
            }
            let ends = self.ends(verb, press.key);
            match self.works.get_mut(&verb) {
                Some(Work::Gather(_, gathering)) if gathering.is_deaf() => {
                    self.keep_key(id, press);
                    return;
                }
                Some(Work::Gather(..)) => return self.gather_key(verb, id, press.key, now),
                Some(Work::Play(..) | Work::Record(..)) if ends => {
                    return self.end_by_key(verb, now);
                }
                Some(Work::Dial(dialling)) if dialling.screens(id) => {
                    return self.screen_key(verb, id, press.key, now);
                }
                _ => {}
            }
        }
        if !joined {
            self.keep_key(id, press);
        }
        self.tell(Wake::Heard(Happening::Key(id, press)));
    }

    /// Whether a key of that leg waits for whoever asks next: nobody asks now, and it talks with nobody.
    pub(super) fn is_unasked(&self, id: LegId) -> bool {
        let asks = |work: &Work| matches!(work, Work::Gather(leg, _) if *leg == id);
        let is_alone = self.here(id).is_some_and(|leg| leg.partner.is_none());
        is_alone && self.room_of_leg(id).is_none() && !self.works.values().any(asks)
    }

    fn keep_key(&mut self, id: LegId, press: Press) {
        if let Some(leg) = self.here_mut(id) {
            leg.keep_key(press);
        }
    }

    /// Whether this key ends the verb.
    fn ends(&self, verb: VerbId, key: Key) -> bool {
        match self.works.get(&verb) {
            Some(Work::Play(_, stop_keys)) => stop_keys.contains(&key),
            Some(Work::Record(_, recording)) => recording.ends_by(key),
            _ => false,
        }
    }

    fn end_by_key(&mut self, verb: VerbId, now: Instant) {
        match self.works.get(&verb) {
            Some(Work::Play(..)) => self.finish(verb, Outcome::Plain(Status::Stopped), now),
            Some(Work::Record(..)) => self.stop_recording(verb, now),
            _ => {}
        }
    }

    /// Begins to collect keys; those that wait already count, unless the verb says otherwise.
    pub(super) fn begin_gather(&mut self, verb: VerbId, id: LegId, rules: Box<Gather>, now: Instant) {
        let (clear, secret) = (rules.clear_first, rules.secret);
        let (gathering, ask) = Gathering::new(rules);
        self.works.insert(verb, Work::Gather(id, gathering));
        let Some(leg) = self.here_mut(id) else { return };
        leg.secret = secret;
        if clear {
            leg.keys.clear();
        }
        let waiting = !leg.keys.is_empty();
        let deaf = matches!(self.works.get(&verb), Some(Work::Gather(_, gathering)) if gathering.is_deaf());
        if waiting && !deaf {
            self.feed(verb, id, now);
        } else {
            self.ask(verb, id, ask, now);
        }
    }

    /// Plays what asks for keys; nothing to play is a prompt that is over.
    fn ask(&mut self, verb: VerbId, id: LegId, ask: super::verb::Play, now: Instant) {
        if ask.prompts.is_empty() {
            self.gather_asked(verb, id, now);
        } else {
            self.voice(id, Owner::Verb(verb), Playing::new(ask), now);
        }
    }

    /// The prompt of a gather is over: keys that had to wait for that count now.
    pub(super) fn gather_asked(&mut self, verb: VerbId, id: LegId, now: Instant) {
        if let Some(Work::Gather(_, gathering)) = self.works.get_mut(&verb) {
            gathering.asked(now);
            self.feed(verb, id, now);
        }
    }

    fn feed(&mut self, verb: VerbId, id: LegId, now: Instant) {
        let secret = self.here(id).is_none_or(|leg| leg.secret);
        while matches!(self.works.get(&verb), Some(Work::Gather(_, gathering)) if !gathering.is_deaf()) {
            let Some(press) = self.here_mut(id).and_then(|leg| leg.keys.pop_front()) else { break };
            if !secret {
                self.note(Note::KeyTaken(id, press.key));
            }
            self.gather_key(verb, id, press.key, now);
        }
    }

    fn gather_key(&mut self, verb: VerbId, id: LegId, key: Key, now: Instant) {
        let Some(Work::Gather(_, gathering)) = self.works.get_mut(&verb) else { return };
        let follow = gathering.may_follow(key).map(|(keys, within)| (keys.to_vec(), now + within));
        let next = gathering.press(key, now);
        if let Some(follow) = follow {
            self.let_follow(id, follow);
        }
        self.hush(id, Owner::Verb(verb), now);
        self.gather_next(verb, id, next, now);
    }

    /// One of these keys is a part of the answer that is complete now: the next one that waits, or that is pressed.
    fn let_follow(&mut self, id: LegId, (keys, until): (Vec<Key>, Instant)) {
        let Some(leg) = self.here_mut(id) else { return };
        let Some(next) = leg.keys.front().map(|press| press.key) else {
            leg.late_end.0 = Some((keys, until));
            return;
        };
        if keys.contains(&next) {
            leg.keys.pop_front();
            if !leg.secret {
                self.note(Note::KeyTaken(id, next));
            }
        }
    }

    pub(super) fn gather_expired(&mut self, verb: VerbId, now: Instant) {
        let Some(Work::Gather(id, gathering)) = self.works.get_mut(&verb) else { return };
        let (id, next) = (*id, gathering.expire(now));
        self.gather_next(verb, id, next, now);
    }

    fn gather_next(&mut self, verb: VerbId, id: LegId, next: Next, now: Instant) {
        match next {
            Next::Wait => {}
            Next::Ask(ask) => self.ask(verb, id, ask, now),
            Next::Settled(outcome) => self.finish(verb, outcome, now),
        }
    }

    /// Begins to press keys towards a party.
    pub(super) fn begin_keys(&mut self, verb: VerbId, leg: LegId, keys: SendKeys, now: Instant) {
        let SendKeys { keys, by_info, held, gap } = keys;
        let rest = keys.into();
        let sending = Sending { leg, rest, by_info, held, gap, pressing: false, until: now };
        self.works.insert(verb, Work::Keys(sending));
        self.press_next(verb, now);
    }

    fn press_next(&mut self, verb: VerbId, now: Instant) {
        let Some(Work::Keys(sending)) = self.works.get_mut(&verb) else { return };
        let Some(key) = sending.rest.pop_front() else {
            return self.finish(verb, Outcome::Plain(Status::Ok), now);
        };
        let (leg, held) = (sending.leg, sending.held);
        if sending.by_info {
            sending.pressing = false;
            sending.until = now + held + sending.gap;
            let body = format!("Signal={key}\r\nDuration={}\r\n", held.as_millis());
            self.line(leg, LineOrder::Info("application/dtmf-relay".into(), body.into_bytes()));
        } else {
            sending.pressing = true;
            sending.until = now + held + limits::KEY_SENT;
            self.sound(leg, SoundOrder::Press(key, held));
        }
    }

    /// The key has been sent.
    pub(super) fn keys_sent(&mut self, id: LegId, now: Instant) {
        let sending = self.works.iter_mut().find_map(|(verb, work)| match work {
            Work::Keys(sending) if sending.leg == id && sending.pressing => Some((*verb, sending)),
            _ => None,
        });
        if let Some((verb, sending)) = sending {
            sending.pressing = false;
            sending.until = now + sending.gap;
            if sending.rest.is_empty() || sending.gap.is_zero() {
                self.press_next(verb, now);
            }
        }
    }

    pub(super) fn keys_due(&mut self, verb: VerbId, now: Instant) {
        match self.works.get(&verb) {
            Some(Work::Keys(sending)) if sending.pressing => self.finish(verb, Outcome::Plain(Status::Failed), now),
            _ => self.press_next(verb, now),
        }
    }
}
