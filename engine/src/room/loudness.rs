//! How somebody, or a room, sounds: gain, gate, noise, and pairs with a loudness of their own.

use std::time::Instant;

use super::GATE_DB;
use super::meeting::{Meeting, Member, Out};
use super::order::{LOUDEST, MAX_PAIRS, Order, Refused, SILENT, Whom};
use super::told::{Effect, MemberId, Sound};

impl Meeting {
    /// Does an order that concerns how somebody, or the room, sounds.
    pub fn sound(&mut self, order: Order, now: Instant, out: &mut Out) -> Result<usize, Refused> {
        Ok(match order {
            Order::AutomaticGain(on) => self.bring_to_one_loudness(on, now, out),
            Order::Gain(whom, gain) => {
                let gain = fair(gain)?;
                self.each(self.whom(whom)?, |room, id| {
                    let changes = room.set_gain(id, gain, out);
                    if changes {
                        room.noted("gain", Some(id), true, &format!("{gain} dB"), now);
                    }
                    changes
                })
            }
            Order::Gate(_, Some(db)) if !GATE_DB.contains(&db) => return Err(Refused::Gate),
            Order::Gate(whom, gate) => {
                if whom == Whom::All && std::mem::replace(&mut self.rules.gate, gate) != gate {
                    self.noted(
                        "gate",
                        None,
                        gate.is_some(),
                        &gate.map_or_else(String::new, |db| format!("{db} dB")),
                        now,
                    );
                }
                self.each(self.whom(whom)?, |room, id| {
                    room.clean(id, |member| std::mem::replace(&mut member.gate, gate) != gate, out)
                })
            }
            Order::Denoise(whom, on) => {
                if whom == Whom::All && std::mem::replace(&mut self.rules.denoise, on) != on {
                    self.noted("denoise", None, on, "", now);
                }
                self.each(self.whom(whom)?, |room, id| {
                    room.clean(id, |member| std::mem::replace(&mut member.denoise, on) != on, out)
                })
            }
            Order::Hears(listener, speaker, gain) => {
                let (listener, speaker) = (self.one(listener)?, self.one(speaker)?);
                let done = self.pair(listener, speaker, fair(gain)?, out)?;
                let whom = self.members.get(&speaker).map(Member::called).unwrap_or_default();
                self.noted("hears", Some(listener), true, &format!("{whom} at {gain} dB"), now);
                done
            }
            _ => 0,
        })
    }

    fn bring_to_one_loudness(&mut self, on: bool, now: Instant, out: &mut Out) -> usize {
        let changes = std::mem::replace(&mut self.rules.automatic_gain, on) != on;
        if changes {
            out.push_back(Effect::Sound(Sound::Ruled(self.key, on)));
            self.noted("automatic_gain", None, on, "", now);
        }
        usize::from(changes)
    }

    fn set_gain(&mut self, id: MemberId, gain: i8, out: &mut Out) -> bool {
        let Some(member) = self.members.get_mut(&id) else { return false };
        let changes = std::mem::replace(&mut member.gain_db, gain) != gain;
        if changes && member.is_in() {
            out.push_back(Effect::Sound(Sound::Gain(id, gain)));
        }
        changes
    }

    fn clean(&mut self, id: MemberId, change: impl FnOnce(&mut Member) -> bool, out: &mut Out) -> bool {
        let Some(member) = self.members.get_mut(&id) else { return false };
        let changes = change(member);
        if changes && member.is_in() {
            out.push_back(Effect::Sound(Sound::Clean(id, member.gate, member.denoise)));
        }
        changes
    }

    fn pair(&mut self, listener: MemberId, speaker: MemberId, gain: i8, out: &mut Out) -> Result<usize, Refused> {
        let known = self.pairs.iter().position(|(a, b, _)| (*a, *b) == (listener, speaker));
        match known {
            Some(at) => self.pairs[at].2 = gain,
            None if self.pairs.len() >= MAX_PAIRS => return Err(Refused::Pairs),
            None => self.pairs.push((listener, speaker, gain)),
        }
        let both_in = [listener, speaker].iter().all(|id| self.members.get(id).is_some_and(Member::is_in));
        if both_in {
            out.push_back(Effect::Sound(Sound::Hears(listener, speaker, gain)));
        }
        Ok(1)
    }
}

fn fair(gain: i8) -> Result<i8, Refused> {
    (SILENT..=LOUDEST).contains(&gain).then_some(gain).ok_or(Refused::Gain)
}
