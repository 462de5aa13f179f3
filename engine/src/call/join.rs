//! A leg in a conference room: what its party is asked at the door, what it hears, what its keys do, and how it comes out.
//!
//! The room decides; this does what it says to one leg. What needs prompts, keys or the party's voice is done by verbs of the
//! house that run in place of the join for as long as they take.
//!
//! ```text
//! Asked::Join ─▶ door ──AskPin──▶ asks ──Asked::Pin──▶ door ──AskName──▶ says its name ──Asked::Name──▶ door
//!                 ├──Wait──▶ music        └──Greet──▶ hears ──Asked::Ready──▶ In ──▶ Out
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_media::dtmf::{Key, Press};

use super::effect::{Effect, LineOrder, Note};
use super::event::Happening;
use super::leg::Stage as LegStage;
use super::play::{Owner, Playing};
use super::verb::{Gather, Outcome, Play, Record, Status, Verb};
use super::work::Work;
use super::{Call, LegId, cause};
use crate::program::{VerbId, Wake};
use crate::room::keys::{Command, Led, Pressed};
use crate::room::{Asked, Denial, Join, Leaving, MAX_PIN, Told};

/// What asks for a PIN, and what is said when it was wrong. Where only moderators have one, everybody else is told of the hash key.
const PIN: &str = "enter-pin";
const PIN_OR_NONE: &str = "enter-pin-or-hash";
const WRONG: &str = "wrong-pin";

/// What asks for a name.
const NAME: &str = "room-say-name";

/// How long somebody has for the first digit of a PIN, and for each further one.
const FIRST_DIGIT: Duration = Duration::from_secs(8);
/// Where one may come in without a PIN: whoever has one knows it by heart, or presses it next time.
const NO_DIGIT: Duration = Duration::from_secs(4);
const NEXT_DIGIT: Duration = Duration::from_secs(4);

/// How long a name may be, and which silence ends it.
const LONGEST_NAME: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_millis(1500);
const SHORTEST_NAME: Duration = Duration::from_millis(300);

/// A leg in a room or at its door.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Joining {
    pub leg: LegId,
    join: Box<Join>,
    stage: Stage,
    pressed: Pressed,
    /// What it has pressed of a PIN while it waits.
    typed: String,
    /// What keys do, where the room says so.
    keys: Option<Arc<[Command]>>,
    /// Since when it is in.
    since: Option<Instant>,
    /// Whether a dial led here, and is to end as dials do.
    dialled: bool,
    /// Whether the room knows that its call records what it hears.
    taped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// The room has the next word.
    Door,
    /// The party is asked for a PIN, says its name, or hears something, by a verb of the house.
    Pin(VerbId),
    AsksName(VerbId),
    Name(VerbId),
    Greeting(VerbId),
    /// It waits to be let in. Who had been asked for a PIN may still say that of a moderator.
    Waiting,
    /// It is in.
    In,
}

impl Stage {
    fn helper(self) -> Option<VerbId> {
        match self {
            Self::Pin(verb) | Self::AsksName(verb) | Self::Name(verb) | Self::Greeting(verb) => Some(verb),
            Self::Door | Self::Waiting | Self::In => None,
        }
    }
}

impl Joining {
    /// What the room is to be told of that, where it is in one and does not know.
    pub fn taped(&mut self, is: bool) -> Option<bool> {
        let news = self.stage == Stage::In && self.taped != is;
        self.taped = if news { is } else { self.taped };
        news.then_some(is)
    }

    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        self.pressed.times().chain(self.since.iter_mut())
    }
}

impl Call {
    /// Brings a leg to the door of a room. A caller whom nobody has answered is answered.
    pub(super) fn begin_join(&mut self, verb: VerbId, leg: LegId, join: Box<Join>, dialled: bool) {
        if let Some(caller) = self.here_mut(leg) {
            caller.busy = Some(verb);
            if caller.waits_for_answer() {
                caller.stage = LegStage::Answering;
                self.line(leg, LineOrder::Answer);
            }
        }
        let joining = Joining {
            leg,
            join: join.clone(),
            stage: Stage::Door,
            pressed: Pressed::default(),
            typed: String::new(),
            keys: None,
            since: None,
            dialled,
            taped: false,
        };
        self.works.insert(verb, Work::Join(Box::new(joining)));
        self.say(Effect::Room(leg, Asked::Join(join)));
    }

    fn joining(&mut self, leg: LegId) -> Option<(VerbId, &mut Joining)> {
        self.works.iter_mut().find_map(|(verb, work)| match work {
            Work::Join(joining) if joining.leg == leg => Some((*verb, &mut **joining)),
            _ => None,
        })
    }

    /// The room says something.
    pub(super) fn room_told(&mut self, leg: LegId, told: Told, now: Instant) {
        if let Told::Happened(happened) = told {
            return self.tell(Wake::Heard(Happening::Room(leg, happened)));
        }
        let Some((verb, joining)) = self.joining(leg) else { return };
        match told {
            Told::AskPin { again, or_none } => self.ask_pin(verb, leg, (again, or_none), now),
            Told::AskName => self.ask_name(verb, leg, now),
            Told::Greet(prompts) => {
                self.hush(leg, Owner::Ringback(verb), now);
                let helper = self.help(verb, leg, Stage::Greeting);
                self.house_play(helper, leg, prompts, now);
            }
            Told::Wait(music) => {
                joining.stage = Stage::Waiting;
                self.music(leg, verb, music, now);
            }
            Told::In(_) => {
                joining.stage = Stage::In;
                joining.since.get_or_insert(now);
                let room = joining.join.room.clone();
                if let Some(leg) = self.here_mut(leg) {
                    leg.secret = false;
                }
                self.hush(leg, Owner::Ringback(verb), now);
                self.note(Note::InRoom(leg, room));
            }
            Told::Moved(room) => joining.join.room = room,
            Told::Keys(keys) => {
                joining.keys = keys;
                joining.pressed = Pressed::default();
            }
            Told::Recorded(on) => self.here_mut(leg).into_iter().for_each(|leg| leg.room_recorded = on),
            Told::Say(prompts) => {
                let play = Play { prompts, loops: 1, ..Play::default() };
                self.voice(leg, Owner::Verb(verb), Playing::new(play), now);
            }
            Told::Aside(true, music) => self.music(leg, verb, music, now),
            Told::Aside(false, _) => self.hush(leg, Owner::Ringback(verb), now),
            Told::Out(leaving) => self.room_left(verb, leg, leaving, now),
            Told::Happened(_) => {}
        }
    }

    fn music(&mut self, leg: LegId, verb: VerbId, music: Option<String>, now: Instant) {
        if let Some(music) = music {
            self.voice(leg, Owner::Ringback(verb), Playing::endless(&music), now);
        }
    }

    /// A verb of the house runs in place of the join.
    fn help(&mut self, verb: VerbId, leg: LegId, stage: fn(VerbId) -> Stage) -> VerbId {
        let helper = self.house_verb();
        if let Some(Work::Join(joining)) = self.works.get_mut(&verb) {
            joining.stage = stage(helper);
        }
        if let Some(leg) = self.here_mut(leg) {
            leg.busy = Some(helper);
        }
        helper
    }

    fn house_play(&mut self, helper: VerbId, leg: LegId, prompts: Vec<String>, now: Instant) {
        let play = Play { prompts, loops: 1, ..Play::default() };
        self.note(Note::Verb(helper, Verb::Play(leg, play.clone())));
        self.works.insert(helper, Work::Play(leg, Vec::new()));
        self.voice(leg, Owner::Verb(helper), Playing::new(play), now);
    }

    fn ask_pin(&mut self, verb: VerbId, leg: LegId, (again, or_none): (bool, bool), now: Instant) {
        let (pin, timeout) = if or_none { (PIN_OR_NONE, NO_DIGIT) } else { (PIN, FIRST_DIGIT) };
        let prompts = [WRONG, pin].into_iter().skip(usize::from(!again)).map(str::to_owned).collect();
        let gather = Gather {
            prompt: Some(Play { prompts, loops: 1, ..Play::default() }),
            min: 1,
            max: MAX_PIN as u32,
            end: Key::of_char('#').into_iter().collect(),
            timeout,
            gap: NEXT_DIGIT,
            barge_in: true,
            tries: 1,
            invalid: None,
            accept: Vec::new(),
            clear_first: false,
            secret: true,
        };
        let helper = self.help(verb, leg, Stage::Pin);
        self.note(Note::Verb(helper, Verb::Gather(leg, Box::new(gather.clone()))));
        self.begin_gather(helper, leg, Box::new(gather), now);
    }

    fn ask_name(&mut self, verb: VerbId, leg: LegId, now: Instant) {
        let helper = self.help(verb, leg, Stage::AsksName);
        self.house_play(helper, leg, vec![NAME.to_owned()], now);
    }

    fn record_name(&mut self, verb: VerbId, leg: LegId, now: Instant) {
        let record = Record {
            max: LONGEST_NAME,
            silence: Some(SILENCE),
            end: Key::of_char('#').into_iter().collect(),
            beep: true,
            min: SHORTEST_NAME,
            format: Some("wav".into()),
            both: false,
        };
        let helper = self.help(verb, leg, Stage::Name);
        self.note(Note::Verb(helper, Verb::Record(leg, record.clone())));
        self.begin_record(helper, leg, record, now);
    }

    /// A verb of the house has ended; whether it ran for a join.
    pub(super) fn room_helped(&mut self, helper: VerbId, outcome: &Outcome, now: Instant) -> bool {
        let found = self.works.iter_mut().find_map(|(verb, work)| match work {
            Work::Join(joining) if joining.stage.helper() == Some(helper) => Some((*verb, joining)),
            _ => None,
        });
        let Some((verb, joining)) = found else { return false };
        let (leg, stage) = (joining.leg, std::mem::replace(&mut joining.stage, Stage::Door));
        if self.here(leg).is_none() {
            return true;
        }
        if let Some(leg) = self.here_mut(leg) {
            leg.busy = Some(verb);
        }
        let asked = match (stage, outcome) {
            (Stage::Pin(_), Outcome::Gathered { digits, .. }) => Asked::Pin(digits.clone()),
            (Stage::AsksName(_), _) => {
                self.record_name(verb, leg, now);
                return true;
            }
            (Stage::Name(_), Outcome::Recorded { file, .. }) => Asked::Name(file.clone()),
            _ => Asked::Ready,
        };
        self.say(Effect::Room(leg, asked));
        true
    }

    /// Ends whatever runs in place of a join.
    fn drop_helper(&mut self, verb: VerbId, leg: LegId, now: Instant) {
        let Some(Work::Join(joining)) = self.works.get_mut(&verb) else { return };
        let Some(helper) = std::mem::replace(&mut joining.stage, Stage::Door).helper() else { return };
        match self.works.get(&helper) {
            // Its file is being closed, and then thrown away.
            Some(Work::Record(..)) => self.recording_lost(helper, now),
            Some(_) => self.work_lost(helper, leg, now),
            None => {}
        }
        if let Some(leg) = self.here_mut(leg) {
            leg.busy = Some(verb);
        }
    }

    /// The leg is out of the room.
    fn room_left(&mut self, verb: VerbId, leg: LegId, leaving: Leaving, now: Instant) {
        self.drop_helper(verb, leg, now);
        let (status, why) = match leaving {
            Leaving::Left => (Status::Left, None),
            Leaving::Kicked => (Status::Kicked, None),
            Leaving::Ended => (Status::Ended, None),
            Leaving::Denied(why) => (Status::Denied, Some(why)),
        };
        self.end_join(verb, status, why, now);
    }

    /// The leg leaves by itself: it has gone, or the story has.
    pub(super) fn leave_room(&mut self, verb: VerbId, now: Instant) {
        let Some(Work::Join(joining)) = self.works.get(&verb) else { return };
        let leg = joining.leg;
        self.drop_helper(verb, leg, now);
        self.say(Effect::Room(leg, Asked::Leave));
        self.end_join(verb, Status::Gone, None, now);
    }

    fn end_join(&mut self, verb: VerbId, status: Status, why: Option<Denial>, now: Instant) {
        let Some(Work::Join(joining)) = self.works.get(&verb) else { return };
        let (leg, dialled) = (joining.leg, joining.dialled);
        let stayed = joining.since.map(|since| now.saturating_duration_since(since));
        if stayed.is_some() {
            self.note(Note::OutOfRoom(leg, status.word()));
        }
        if let Some(leg) = self.here_mut(leg) {
            leg.room_recorded = false;
            leg.out = match status {
                Status::Ended => Some(cause::ROOM_CLOSED),
                Status::Kicked => Some(cause::REMOVED),
                Status::Denied => Some(cause::NOT_LET_IN),
                Status::Left => Some(cause::LEFT_ROOM),
                _ => None,
            };
        }
        let stayed = stayed.unwrap_or_default();
        let outcome = if dialled {
            let (status, sip) = match status {
                Status::Denied => (Status::Rejected, 603),
                _ => (Status::Answered, 200),
            };
            Outcome::Dialled { status, leg: None, sip, talk: stayed }
        } else {
            Outcome::Joined { status, why, stayed }
        };
        self.finish(verb, outcome, now);
        if verb.is_house() {
            self.met(leg, now);
        }
    }

    /// The room in which a leg is, or at whose door.
    pub fn room_of_leg(&self, leg: LegId) -> Option<String> {
        self.works.values().find_map(|work| match work {
            Work::Join(joining) if joining.leg == leg => Some(joining.join.room.clone()),
            _ => None,
        })
    }

    /// A key of a party that is in a room; whether the room took it.
    pub(super) fn room_key(&mut self, verb: VerbId, id: LegId, press: &Press, now: Instant) -> bool {
        let is_secret = self.here(id).is_some_and(|leg| leg.secret);
        let Some(Work::Join(joining)) = self.works.get_mut(&verb) else { return false };
        match joining.stage {
            Stage::In => {}
            Stage::Waiting if is_secret => return self.waits_and_presses(verb, id, press.key.as_char()),
            _ => return false,
        }
        let keys = joining.keys.as_deref().unwrap_or(&joining.join.keys);
        match joining.pressed.press(press.key.as_char(), keys, now) {
            Led::To(action) => {
                self.say(Effect::Room(id, Asked::Act(action)));
                true
            }
            Led::On => true,
            Led::Nowhere => false,
        }
    }

    /// A key of a party that waits and was asked for a PIN before: with the hash key it has said one.
    fn waits_and_presses(&mut self, verb: VerbId, id: LegId, key: char) -> bool {
        let Some(Work::Join(joining)) = self.works.get_mut(&verb) else { return false };
        if key != '#' {
            // A PIN that is too long is wrong, however it goes on.
            joining.typed.extend((joining.typed.len() <= MAX_PIN).then_some(key));
            return true;
        }
        let pin = std::mem::take(&mut joining.typed);
        if !pin.is_empty() {
            self.say(Effect::Room(id, Asked::Pin(pin)));
        }
        true
    }

    /// A party that is in a room is held, or holds us, or no longer.
    pub(super) fn room_held(&mut self, id: LegId) {
        let held = self.here(id).is_some_and(|leg| leg.held || leg.holds);
        if self.joining(id).is_some() {
            self.say(Effect::Room(id, Asked::Held(held)));
        }
    }
}
