//! What holds in every story of registrations, and that the stories are rich enough to say so.

use std::time::{Duration, Instant};

use patchcord_engine::routing::Binding;
use patchcord_sip::Transport;

use super::phone::{Belief, Diary, Phone, Wrong, law};
use super::town::Town;

const MILLISECOND: Duration = Duration::from_millis(1);
/// Longer than any registration lasts.
const FOR_GOOD: Duration = Duration::from_secs(24 * 3600);
/// Sweeps after which the whole location has been swept: one a stripe.
const SWEEPS: u32 = 64;

/// Holds after every step.
pub fn at_all_times(town: &Town) -> Wrong {
    let held = town.house.holds(town.now);
    for phone in &town.phones {
        let own = of(phone, &held);
        law(own.len() <= 1, || format!("{} has {} bindings", phone.name, own.len()))?;
        law(!phone.thief || own.is_empty(), || format!("{} is bound without the password", phone.name))?;
        for (_, binding) in own {
            let dead = binding.hop.transport.is_reliable() && binding.hop.flow != phone.flow();
            law(!dead, || format!("{} is bound to a connection that has closed", phone.name))?;
        }
        believes_rightly(phone, &held, town.now)?;
    }
    law(held.len() <= town.phones.len(), || "there is a binding of nobody".to_owned())
}

/// What a phone believes is what is held at `at`.
fn believes_rightly(phone: &Phone, held: &[Binding], at: Instant) -> Wrong {
    let found = of(phone, held).first().map(|(line, _)| *line);
    match phone.belief {
        Belief::Unknown => Ok(()),
        Belief::Gone => law(found.is_none(), || format!("{} believes it is gone, held is {found:?}", phone.name)),
        Belief::Registered { line, asked_at, granted_at, lasts } => {
            // The house counts from some moment between asking and granting.
            let (surely, perhaps) = (at < asked_at + lasts, at <= granted_at + lasts);
            law(found == Some(line) || (!surely && found.is_none()), || {
                format!("{} believes in line {line}, held is {found:?}", phone.name)
            })?;
            law(found.is_none() || perhaps, || format!("{} is bound for longer than it knows", phone.name))
        }
    }
}

/// Holds when every phone is idle, and will hold until everything has lapsed.
pub fn at_rest(town: &Town) -> Wrong {
    law(town.house.table.is_empty(), || format!("{} transactions are left for ever", town.house.table.len()))?;
    for phone in &town.phones {
        law(phone.is_idle(), || format!("{} never comes to rest", phone.name))?;
        if let Belief::Registered { asked_at, granted_at, lasts, .. } = phone.belief {
            for moment in [asked_at + lasts - MILLISECOND, granted_at + lasts + MILLISECOND] {
                let moment = moment.max(town.now);
                believes_rightly(phone, &town.house.holds(moment), moment)?;
            }
        }
    }
    Ok(())
}

/// Holds a day later: nothing stays that nobody refreshes.
pub fn in_the_end(town: &Town) -> Wrong {
    let (location, later) = (&town.house.door.board().location, town.now + FOR_GOOD);
    law(town.house.holds(later).is_empty(), || "a binding outlives everything".to_owned())?;
    for _ in 0..SWEEPS {
        location.sweep(later);
    }
    law(location.count() == 0 && location.endpoints() == 0, || "what has lapsed is not freed".to_owned())
}

/// The bindings of one phone and their lines.
fn of<'a>(phone: &Phone, held: &'a [Binding]) -> Vec<(u16, &'a Binding)> {
    held.iter().filter_map(|binding| Some((phone.line_of(&binding.contact)?, binding))).collect()
}

/// How often what happened, over all seeds.
#[derive(Debug, Default)]
pub struct Tales {
    diary: Diary,
    registered: u32,
    gone: u32,
    unknown: u32,
    thieves: u32,
    replayed: u64,
}

impl Tales {
    pub fn note(&mut self, town: &Town) {
        for phone in &town.phones {
            let (all, one) = (&mut self.diary, phone.diary);
            all.accepted += one.accepted;
            all.challenged += one.challenged;
            all.stale += one.stale;
            all.refused += one.refused;
            all.timed_out += one.timed_out;
            all.unreachable += one.unreachable;
            self.thieves += u32::from(phone.thief);
            match phone.belief {
                Belief::Registered { .. } => self.registered += 1,
                Belief::Gone => self.gone += 1,
                Belief::Unknown => self.unknown += 1,
            }
        }
        self.replayed += town.house.table.tally().requests_repeated;
    }

    /// Laws are worth what they were tried on: everything that can happen must have happened often.
    pub fn are_rich(&self, transport: Transport) {
        let lossy = !transport.is_reliable();
        let expected = [
            (true, self.registered, "registered"),
            (true, self.gone, "gone"),
            (true, self.diary.accepted, "accepted"),
            (true, self.diary.challenged, "challenged"),
            (true, self.diary.stale, "told that their nonce is stale"),
            (true, self.diary.refused, "refused"),
            (true, self.diary.timed_out, "left without an answer"),
            (!lossy, self.diary.unreachable, "left without the connection that they asked over"),
            (lossy, self.replayed as u32, "repeated"),
            (true, self.thieves, "thieves"),
        ];
        for (wanted, count, what) in expected {
            assert!(!wanted || count >= 20, "only {count} were {what}: {self:?}");
        }
    }
}
