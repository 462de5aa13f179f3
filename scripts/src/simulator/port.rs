//! The sound end of a simulated leg: what is played to its party, whom it hears, what is recorded of it. No sample exists.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use patchcord_engine::call::LegId;
use patchcord_engine::call::effect::SoundTag;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Port {
    pub playing: Option<Playing>,
    /// Whom the party hears, where nothing is played to it.
    pub partner: Option<LegId>,
    pub echo: bool,
    pub takes: BTreeMap<SoundTag, Take>,
    /// What was told of it last.
    pub told: Audible,
}

/// A prompt that is being heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Playing {
    pub tag: SoundTag,
    pub prompt: String,
    /// When it is over; none for one that does not end.
    pub until: Option<Instant>,
}

/// A recording that runs.
#[derive(Clone, Debug)]
pub(super) struct Take {
    pub began: Instant,
    pub file: String,
    /// The longest it may be, and how long a silence ends it.
    pub max: Duration,
    pub silence: Option<Duration>,
    /// Since when nobody has spoken; none while somebody does.
    pub quiet_since: Option<Instant>,
}

/// What a party can hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Audible {
    #[default]
    Nothing,
    Prompt(SoundTag, String),
    Other(LegId),
    Itself,
}

impl Port {
    pub fn audible(&self) -> Audible {
        match (&self.playing, self.partner) {
            (Some(playing), _) => Audible::Prompt(playing.tag, playing.prompt.clone()),
            (None, Some(other)) => Audible::Other(other),
            (None, None) if self.echo => Audible::Itself,
            (None, None) => Audible::Nothing,
        }
    }

    /// What still runs on it, in words.
    pub fn runs(&self) -> Option<String> {
        match (&self.playing, self.takes.len()) {
            (Some(playing), _) => Some(format!("still plays {}", playing.prompt)),
            (None, 0) => None,
            (None, takes) => Some(format!("still records {takes} times")),
        }
    }
}
