//! Somebody with a telephone: what it does when it is called, how far its call has come, and what it has heard so far.

use std::time::Duration;

use patchcord_engine::call::LegId;
use patchcord_engine::journal::Transport;

use super::limits;

/// Names a party of a house.
pub(super) type PartyId = usize;

/// A call of the house, and a leg in it.
pub(super) type Place = (u64, LegId);

/// What a party does when it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It rings, and nobody comes.
    Rings,
    /// It is busy.
    Busy,
    /// It rings for so long and is answered.
    Answers(Duration),
    /// It refuses with this status.
    Rejects(u16),
    /// It is nowhere to be found.
    Unregistered,
}

/// How far the last call of a party has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has had none.
    Idle,
    /// It calls, and has heard nothing yet.
    Calls,
    /// It calls, and hears that it rings or what is said before an answer.
    Waits,
    /// It is called, and rings.
    Rings,
    /// It talks.
    Up,
    /// It was refused, with this status.
    Refused(u16),
    /// It has ended; by whom, in words.
    Over(&'static str),
}

impl Fate {
    pub fn in_words(&self) -> String {
        match self {
            Self::Idle => "has no call".into(),
            Self::Calls => "waits for a first word".into(),
            Self::Waits => "hears that it rings".into(),
            Self::Rings => "rings".into(),
            Self::Up => "is answered".into(),
            Self::Refused(status) => format!("was refused with {status}"),
            Self::Over(who) => format!("has no call any more; {who} hung up"),
        }
    }

    pub fn is_over(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Over(_))
    }
}

/// Something that a party began to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Prompt(String),
    Voice(PartyId),
    Itself,
    Key(char),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Party {
    /// Its number or name.
    pub name: String,
    /// The number of an endpoint that has one beside its name.
    pub number: Option<String>,
    /// The name that its calls show, and what else their INVITE says.
    pub shown_as: String,
    pub headers: Vec<(String, String)>,
    /// Whether it is one of ours, rather than somebody on the network.
    pub is_endpoint: bool,
    /// Whether its phone is a page, which speaks over WebSocket.
    pub is_browser: bool,
    pub manner: Manner,
    /// What it presses when it has answered.
    pub presses: Option<String>,
    pub fate: Fate,
    /// Its legs, the last one last.
    pub legs: Vec<Place>,
    /// The calls that it has begun.
    pub calls: Vec<u64>,
    pub speaks: bool,
    pub held: bool,
    /// What it began to hear, and how many of these an expectation has taken.
    pub sounds: Vec<Heard>,
    pub taken: usize,
    /// Texts that it got.
    pub texts: Vec<String>,
    /// How the transfer goes that it asked for, as a status of SIP.
    pub transfer: Option<u16>,
}

impl Party {
    pub fn new(name: &str, manner: Manner) -> Self {
        Self {
            name: name.to_owned(),
            number: None,
            shown_as: String::new(),
            headers: Vec::new(),
            is_endpoint: false,
            is_browser: false,
            manner,
            presses: None,
            fate: Fate::Idle,
            legs: Vec::new(),
            calls: Vec::new(),
            speaks: false,
            held: false,
            sounds: Vec::new(),
            taken: 0,
            texts: Vec::new(),
            transfer: None,
        }
    }

    /// The number by which it is known: that of an endpoint, or else its name.
    pub fn numbered(&self) -> &str {
        self.number.as_deref().unwrap_or(&self.name)
    }

    /// What its messages travel by.
    pub fn transport(&self) -> Transport {
        if self.is_browser { Transport::Wss } else { Transport::Udp }
    }

    pub fn leg(&self) -> Option<Place> {
        self.legs.last().copied()
    }

    pub fn hear(&mut self, sound: Heard) {
        if self.sounds.len() < limits::SOUNDS {
            self.sounds.push(sound);
        }
    }

    /// Takes the next sound that fits, and forgets those before it.
    pub fn take(&mut self, fits: impl Fn(&Heard) -> bool) -> bool {
        let found = self.sounds[self.taken..].iter().position(fits);
        if let Some(place) = found {
            self.taken += place + 1;
        }
        found.is_some()
    }
}
