//! What a room is like, and how somebody comes in: said by whoever opens it and by whoever joins. Nothing is decided here.

use std::time::Duration;

use serde::Serialize;

use super::GATE_DB;
use super::keys::{Command, Menus};
use super::order::{Order, Refused, Reply, Whom};

/// Rooms at once: as many as one media thread has.
pub const MAX_ROOMS: usize = 4096;

/// Members of one room: more than a media thread carries, so that a room may spread over several.
pub const MAX_MEMBERS: usize = 4096;

/// People at the door of a room, asked for a PIN or a name: a wave of latecomers.
pub const MAX_VISITORS: usize = 256;

/// How often somebody may be wrong about the PIN before they are sent away.
pub const PIN_TRIES: u8 = 3;

/// The longest PIN.
pub const MAX_PIN: usize = 16;

/// The longest name of a room.
pub const MAX_NAME: usize = 64;

/// Announcements that wait in a room: what is said when ten people come at once. Later ones are not said.
pub const MAX_ANNOUNCEMENTS: usize = 16;

/// The longest that an announcement may take before the room goes on without having heard of its end.
pub const ANNOUNCEMENT: Duration = Duration::from_secs(120);

/// How long rules wait for the first member of a room that was opened ahead.
pub const OPENED_AHEAD: Duration = Duration::from_secs(3600);

/// How long before its end a room of a bounded length is warned.
pub const WARNED: Duration = Duration::from_secs(60);

/// What everybody hears a minute before a room of a bounded length ends.
pub const WARNING: &str = "one-minute-left";

/// What a member may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Hears, and is never heard.
    Listener,
    /// Hears and is heard.
    #[default]
    Speaker,
    /// Also locks, mutes others, ends the room.
    Moderator,
}

impl Role {
    /// Each, with its word.
    pub const WORDS: &'static [&'static str] = &["listener", "speaker", "moderator"];

    /// By its word.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "listener" => Some(Self::Listener),
            "speaker" => Some(Self::Speaker),
            "moderator" => Some(Self::Moderator),
            _ => None,
        }
    }

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Speaker => "speaker",
            Self::Moderator => "moderator",
        }
    }
}

/// For whom those wait who have come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WaitFor {
    /// For nobody.
    #[default]
    Nobody,
    /// Until a moderator is there.
    Moderator,
    /// Each until a moderator lets it in.
    Admission,
}

/// How a member is announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Announce {
    /// Not at all.
    #[default]
    Nothing,
    /// By a sound.
    Sound,
    /// By the name that it is asked to say.
    Name,
}

/// What a room is like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    /// The most members.
    pub most: usize,
    /// What opens it; and what makes whoever says it a moderator.
    pub pin: Option<String>,
    /// See `pin`.
    pub moderator_pin: Option<String>,
    /// For whom those wait who have come in, and what they hear.
    pub wait_for: WaitFor,
    /// See `wait_for`.
    pub music: Option<String>,
    /// The longest that it lasts.
    pub longest: Option<Duration>,
    /// Whether it ends with its last moderator.
    pub end_with_moderator: bool,
    /// Whether only moderators come in.
    pub locked: bool,
    /// Whether newcomers are told who is there, and members what was done with them.
    pub sounds: bool,
    /// Whether newcomers are told how many others are in.
    pub count: bool,
    /// How a member is announced that says nothing else.
    pub announce: Announce,
    /// Whether it is recorded from its first member on.
    pub record: bool,
    /// Whether each member is recorded as well.
    pub record_members: bool,
    /// Whether scripts are told who talks.
    pub talk_events: bool,
    /// Whether everybody is brought to one loudness.
    pub automatic_gain: bool,
    /// What is quieter than so many decibels below the loudest is not heard of anybody.
    pub gate: Option<i8>,
    /// Whether noise is taken out of what each says.
    pub denoise: bool,
    /// What keys do, where the room says so.
    pub keys: Menus,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            most: 200,
            pin: None,
            moderator_pin: None,
            wait_for: WaitFor::Nobody,
            music: Some("music".into()),
            longest: None,
            end_with_moderator: false,
            locked: false,
            sounds: true,
            count: false,
            announce: Announce::Sound,
            record: false,
            record_members: false,
            talk_events: false,
            automatic_gain: false,
            gate: None,
            denoise: false,
            keys: Menus::default(),
        }
    }
}

impl Rules {
    /// Whether somebody has to know something to come in.
    pub fn asks(&self) -> bool {
        self.pin.is_some() || self.moderator_pin.is_some()
    }

    /// An order for a room that was opened ahead and that nobody has come into yet; none where it needs somebody.
    pub(super) fn obey_ahead(&mut self, order: &Order) -> Option<Result<Reply, Refused>> {
        match *order {
            Order::Lock(on) => self.locked = on,
            Order::Record(on) => self.record = on,
            Order::AutomaticGain(on) => self.automatic_gain = on,
            Order::Denoise(Whom::All, on) => self.denoise = on,
            Order::Gate(Whom::All, Some(db)) if !GATE_DB.contains(&db) => return Some(Err(Refused::Gate)),
            Order::Gate(Whom::All, gate) => self.gate = gate,
            _ => return None,
        }
        Some(Ok(Reply::Done { done: 1 }))
    }
}

/// How somebody wants to come in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Join {
    /// Which room.
    pub room: String,
    /// As what; a moderator's PIN makes a moderator of everybody.
    pub role: Role,
    /// Known ahead; asked for where it is missing and wanted.
    pub pin: Option<String>,
    /// Whether nobody hears it at first.
    pub muted: bool,
    /// Whether it hears nobody at first.
    pub deaf: bool,
    /// How it is announced, where not as the room says.
    pub announce: Option<Announce>,
    /// What keys do, where the room does not say.
    pub keys: Vec<Command>,
    /// Whether its program is told what happens in the room.
    pub watches: bool,
    /// By what name others see it; else as its call says.
    pub name: Option<String>,
}

impl Join {
    /// To come into a room as anybody would.
    pub fn to(room: &str) -> Self {
        Self { room: room.to_owned(), ..Self::default() }
    }
}

/// Whether a room may be called so: letters, digits and a few signs, so that it can stand in addresses and file names.
pub fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('.')
}

/// Whether a PIN is one: digits that a phone has.
pub fn is_pin(pin: &str) -> bool {
    (1..=MAX_PIN).contains(&pin.len()) && pin.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_has_a_name_that_can_stand_in_an_address() {
        assert!(is_name("weekly") && is_name("3000") && is_name("board.2026-11_a+b"));
        for wrong in ["", " ", "a b", "../etc", ".hidden", "ü", &"x".repeat(MAX_NAME + 1)] {
            assert!(!is_name(wrong), "{wrong:?}");
        }
        assert!(is_pin("0042") && !is_pin("") && !is_pin("12a") && !is_pin(&"1".repeat(MAX_PIN + 1)));
    }

    #[test]
    fn each_role_has_a_word() {
        assert!(Role::WORDS.iter().all(|word| Role::of(word).is_some_and(|role| role.word() == *word)));
    }
}
