//! What a coder may spend: time, and bits for copies of what was said before.
//!
//! Both are for codecs that have a choice, which is Opus. Copies help whoever loses packets, and cost all others a quarter of the coder's
//! time and some clearness of the voice: so they are made for a party that loses packets, by what it reports or, where it
//! reports nothing, by what we miss of it, because both ways mostly suffer together.

use crate::codec::Settings;

/// The complexity of a coder that is to be cheap: half the time of the usual one, for a third of a point of PESQ (docs/performance.md).
const CHEAP: u8 = 1;

/// Who loses so many of a thousand packets gets copies.
const LOSSY_PERMILLE: u32 = 15;
/// libopus makes no copies at our bitrate for whoever loses less, in percent.
const LEAST_PERCENT: u8 = 10;
const MOST_PERCENT: u8 = 40;
/// So many reports without loss end it: half a minute.
const CALM_REPORTS: u8 = 6;

/// How much a coder may compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Effort {
    /// What the settings say.
    #[default]
    Usual,
    /// On a busy thread, and in a large room.
    Cheap,
}

impl Effort {
    /// The settings of a coder that spends so much, for a party that loses so many of a hundred packets.
    pub fn of(self, settings: &Settings, loss_percent: u8) -> Settings {
        let complexity = match self {
            Self::Usual => settings.complexity,
            Self::Cheap => settings.complexity.min(CHEAP),
        };
        Settings { complexity, expected_loss_percent: settings.expected_loss_percent.max(loss_percent), ..*settings }
    }
}

/// What a party loses of our sound.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    percent: u8,
    calm: u8,
}

impl Losses {
    /// Hears of one more stretch.
    pub fn hear(&mut self, permille: u32) {
        if permille >= LOSSY_PERMILLE {
            let percent = (permille / 10).min(u32::from(MOST_PERCENT)) as u8;
            *self = Self { percent: percent.max(LEAST_PERCENT), calm: 0 };
            return;
        }
        self.calm = self.calm.saturating_add(1);
        if self.calm >= CALM_REPORTS {
            self.percent = 0;
        }
    }

    /// How many of a hundred packets a coder should expect to be lost.
    pub fn percent(&self) -> u8 {
        self.percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_loses_packets_gets_copies_until_half_a_minute_went_well() {
        let mut losses = Losses::default();
        losses.hear(10);
        assert_eq!(losses.percent(), 0, "one of a hundred is concealed");
        losses.hear(30);
        assert_eq!(losses.percent(), 10);
        losses.hear(250);
        assert_eq!(losses.percent(), 25);
        (0..5).for_each(|_| losses.hear(0));
        assert_eq!(losses.percent(), 25, "it may come again");
        losses.hear(900);
        assert_eq!(losses.percent(), 40);
        (0..6).for_each(|_| losses.hear(0));
        assert_eq!(losses.percent(), 0);
    }

    #[test]
    fn a_cheap_coder_spends_less_and_guards_as_well() {
        let usual = Settings::default();
        assert_eq!(Effort::Usual.of(&usual, 0), usual);
        let cheap = Effort::Cheap.of(&usual, 20);
        assert_eq!((cheap.complexity, cheap.expected_loss_percent, cheap.bitrate), (1, 20, usual.bitrate));
    }
}
