//! What a coder may spend: time, and bits for copies of what was said before.
//!
//! Both are for codecs that have a choice, which is Opus. Copies help whoever loses packets, and cost all others a quarter of the coder's
//! time and some clearness of the voice: so they are made for a party that loses packets, by what it reports or, where it
//! reports nothing, by what we miss of it, because both ways mostly suffer together.

use crate::codec::Settings;

/// The complexity of a coder that is to be cheap: less than half the time of the usual one, for a third of a point of PESQ. It and the
/// next two stand in docs/performance.md with what they cost.
const CHEAP: u8 = 0;
/// The same where it makes copies, which without this much would cost a quarter of a point more.
const CHEAP_WITH_COPIES: u8 = 1;
/// Bits a second of a coder that takes sound apart as music and should yet be nearly as clear as one for voices.
const MUSIC_BITRATE: u32 = 64_000;

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
    /// There, for what one alone hears while it speaks itself: time is spared, and bits are not.
    Least,
}

impl Effort {
    /// What is spent on what one member of a room alone hears.
    pub fn for_one(self) -> Self {
        match self {
            Self::Cheap => Self::Least,
            other => other,
        }
    }

    /// The settings of a coder that spends so much, for a party that loses so many of a hundred packets.
    pub fn of(self, settings: &Settings, loss_percent: u8) -> Settings {
        let expected_loss_percent = settings.expected_loss_percent.max(loss_percent);
        let copies = expected_loss_percent >= LEAST_PERCENT;
        let takes_more = settings.most_bitrate >= MUSIC_BITRATE && !settings.discontinuous;
        let told = Settings { expected_loss_percent, ..*settings };
        match self {
            Self::Usual => told,
            Self::Cheap | Self::Least if copies => {
                Settings { complexity: settings.complexity.min(CHEAP_WITH_COPIES), ..told }
            }
            Self::Least if takes_more => Settings { complexity: CHEAP, bitrate: MUSIC_BITRATE, as_music: true, ..told },
            Self::Cheap | Self::Least => Settings { complexity: CHEAP, ..told },
        }
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
        let lossy = Effort::Cheap.of(&usual, 20);
        assert_eq!((lossy.complexity, lossy.expected_loss_percent, lossy.bitrate), (1, 20, usual.bitrate));
        assert_eq!(Effort::Cheap.of(&usual, 0), Settings { complexity: 0, ..usual });
    }

    #[test]
    fn who_takes_the_bits_and_loses_nothing_is_said_its_own_as_music() {
        let usual = Settings::default();
        assert_eq!(Effort::Usual.for_one(), Effort::Usual, "where there is time, it is not spared");
        let own = Effort::Cheap.for_one().of(&usual, 0);
        assert_eq!((own.as_music, own.bitrate, own.complexity), (true, 64_000, 0));
        assert_eq!(Effort::Least.of(&usual, 20), Effort::Cheap.of(&usual, 20), "whoever loses packets needs copies");
        for frugal in [Settings { most_bitrate: 40_000, ..usual }, Settings { discontinuous: true, ..usual }] {
            assert_eq!(Effort::Least.of(&frugal, 0), Effort::Cheap.of(&frugal, 0));
        }
    }
}
