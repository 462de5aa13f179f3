//! How well a party is heard: the E-model (ITU-T G.107) in the short form for packet networks, from codec, loss, its
//! bursts, and delay, as a mean opinion score of 1 to 4.5.
//!
//! A [`Quality`] is told of each period what was expected, lost and late, and keeps the sums for the record. It measures
//! nothing itself: loss comes from the source and the jitter buffer, delay from the buffer and the reports.

use std::time::Duration;

/// What a codec does to sound (ITU-T G.113, appendix I).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impairment {
    /// What it costs without loss (Ie).
    pub coding: f32,
    /// How much loss it stands (Bpl); higher stands more.
    pub robustness: f32,
    /// The delay of its frames and what it looks ahead.
    pub delay: Duration,
}

impl Impairment {
    /// The codec of this SDP name, in any case; G.711 where it is not known. The scale is that of telephones: sound of
    /// more than 3.4 kHz is counted as good as G.711 at least.
    #[must_use]
    pub fn of(codec: &str) -> Self {
        let (coding, robustness, delay) = match () {
            // Concealment by repeating, as our decoders do it.
            () if codec.eq_ignore_ascii_case("opus") => (0.0, 30.0, 27),
            () if codec.eq_ignore_ascii_case("G722") => (0.0, 16.0, 22),
            () if codec.eq_ignore_ascii_case("G729") => (11.0, 19.0, 25),
            () if codec.eq_ignore_ascii_case("AMR") => (5.0, 10.0, 25),
            () => (0.0, 25.1, 20),
        };
        Self { coding, robustness, delay: Duration::from_millis(delay) }
    }
}

/// What one period was like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// Packets that should have come.
    pub expected: u64,
    /// Packets that did not, or too late to be heard.
    pub lost: u64,
    /// Gaps: runs of lost packets, each counted once.
    pub gaps: u64,
    /// What the jitter buffer adds.
    pub buffered: Duration,
    /// There and back, by the reports; nothing where they do not tell.
    pub round_trip: Duration,
}

/// The score of a period, and what it is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// 1 (bad) to 4.5 (as good as a telephone gets).
    pub mos: f32,
    /// The rating behind it, 0 to 93.2.
    pub rating: f32,
    /// Lost packets of a hundred.
    pub loss: f32,
    /// From mouth to ear.
    pub delay: Duration,
}

/// The rating of a connection where nothing is wrong (G.107 with its defaults).
const BEST: f32 = 93.2;

impl Period {
    /// How this period sounds through `codec`.
    #[must_use]
    pub fn score(&self, codec: &Impairment) -> Score {
        let loss = if self.expected == 0 { 0.0 } else { self.lost.min(self.expected) as f32 / self.expected as f32 };
        let delay = self.round_trip / 2 + self.buffered + codec.delay;
        let percent = loss * 100.0;
        // G.107 §3.5: bursts hurt more than the same loss strewn about. 1 is strewn; longer runs raise it.
        let burst =
            if self.gaps == 0 { 1.0 } else { (self.lost as f32 / self.gaps as f32 * (1.0 - loss)).clamp(1.0, 8.0) };
        let equipment = codec.coding + (95.0 - codec.coding) * percent / (percent / burst + codec.robustness);
        let rating = (BEST - delay_impairment(delay) - equipment).clamp(0.0, BEST);
        Score { mos: mos(rating), rating, loss: percent, delay }
    }
}

/// What delay costs (the usual fit to G.107 §3.4): little up to 177 ms, then much.
fn delay_impairment(delay: Duration) -> f32 {
    let milliseconds = delay.as_secs_f32() * 1000.0;
    0.024 * milliseconds + 0.11 * (milliseconds - 177.3).max(0.0)
}

/// The mean opinion of a rating (G.107, annex B).
fn mos(rating: f32) -> f32 {
    if rating <= 0.0 {
        return 1.0;
    }
    (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).clamp(1.0, 4.5)
}

/// The periods of a direction, summed up.
#[derive(Debug, Clone, Copy)]
pub struct Quality {
    codec: Impairment,
    all: Period,
    periods: u32,
    buffered: Duration,
    round_trips: Duration,
    with_round_trip: u32,
    worst: Option<f32>,
    last: Option<Score>,
}

impl Quality {
    /// Nothing was heard yet through this codec.
    #[must_use]
    pub fn new(codec: Impairment) -> Self {
        Self {
            codec,
            all: Period::default(),
            periods: 0,
            buffered: Duration::ZERO,
            round_trips: Duration::ZERO,
            with_round_trip: 0,
            worst: None,
            last: None,
        }
    }

    /// Another codec was agreed; the sums go on.
    pub fn codec(&mut self, codec: Impairment) {
        self.codec = codec;
    }

    /// A period is over. One in which nothing was expected (nobody spoke) says nothing.
    pub fn count(&mut self, period: &Period) -> Option<Score> {
        if period.expected == 0 {
            return None;
        }
        self.all.expected += period.expected;
        self.all.lost += period.lost.min(period.expected);
        self.all.gaps += period.gaps;
        self.periods += 1;
        self.buffered += period.buffered;
        if !period.round_trip.is_zero() {
            self.round_trips += period.round_trip;
            self.with_round_trip += 1;
        }
        let score = period.score(&self.codec);
        self.worst = Some(self.worst.map_or(score.mos, |worst| worst.min(score.mos)));
        self.last = Some(score);
        self.last
    }

    /// The score of the last period.
    #[must_use]
    pub fn last(&self) -> Option<Score> {
        self.last
    }

    /// The lowest score of a period.
    #[must_use]
    pub fn worst(&self) -> Option<f32> {
        self.worst
    }

    /// The score of everything so far, for the record.
    #[must_use]
    pub fn total(&self) -> Option<Score> {
        if self.periods == 0 {
            return None;
        }
        let buffered = self.buffered / self.periods;
        let round_trip = self.round_trips.checked_div(self.with_round_trip).unwrap_or_default();
        Some(Period { buffered, round_trip, ..self.all }.score(&self.codec))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CALM: Period = Period {
        expected: 250,
        lost: 0,
        gaps: 0,
        buffered: Duration::from_millis(40),
        round_trip: Duration::from_millis(20),
    };

    fn mos(period: Period) -> f32 {
        period.score(&Impairment::of("PCMU")).mos
    }

    #[test]
    fn a_calm_call_is_as_good_as_a_telephone_gets() {
        assert!((4.3..=4.45).contains(&mos(CALM)), "{}", mos(CALM));
        assert!((3.5..=4.1).contains(&CALM.score(&Impairment::of("g729")).mos));
    }

    #[test]
    fn five_percent_of_loss_are_heard_and_bursts_more_so() {
        let strewn = mos(Period { lost: 12, gaps: 12, ..CALM });
        let bursts = mos(Period { lost: 12, gaps: 3, ..CALM });
        assert!((3.4..=4.0).contains(&strewn), "{strewn}");
        assert!(bursts < strewn, "{bursts} {strewn}");
    }

    #[test]
    fn half_a_second_is_no_conversation() {
        let far = mos(Period { round_trip: Duration::from_millis(1000), ..CALM });
        assert!(far < 3.0, "{far}");
    }

    #[test]
    fn a_silent_period_says_nothing() {
        let mut quality = Quality::new(Impairment::of("PCMU"));
        assert_eq!(quality.count(&Period::default()), None);
        assert_eq!((quality.total(), quality.worst()), (None, None));
    }

    #[test]
    fn the_record_has_the_average_and_the_worst() {
        let mut quality = Quality::new(Impairment::of("PCMU"));
        quality.count(&CALM);
        quality.count(&Period { lost: 100, gaps: 30, round_trip: Duration::ZERO, ..CALM });
        let total = quality.total().expect("two periods");
        assert!((total.loss - 20.0).abs() < 0.01);
        assert_eq!(total.delay, Duration::from_millis(10 + 40 + 20));
        assert_eq!(quality.worst(), quality.last().map(|score| score.mos));
        assert!(quality.worst().is_some_and(|worst| worst < total.mos));
    }

    proptest! {
        #[test]
        fn more_loss_or_delay_is_never_better(expected in 1..5000u64, lost in 0..5000u64, gaps in 0..500u64, buffered in 0..300u64, round_trip in 0..5000u64) {
            let lost = lost.min(expected);
            let (buffered, round_trip) = (Duration::from_millis(buffered), Duration::from_millis(round_trip));
            let period = Period { expected, lost, gaps: gaps.min(lost), buffered, round_trip };
            let codec = Impairment::of("PCMA");
            let score = period.score(&codec);
            prop_assert!((1.0..=4.5).contains(&score.mos));
            let strewn = Period { lost: (lost + 1).min(expected), gaps: 0, ..period }.score(&codec).mos;
            let less = Period { gaps: 0, ..period }.score(&codec).mos;
            prop_assert!(strewn <= less + 1e-4);
            let later = Period { round_trip: round_trip + Duration::from_millis(20), ..period };
            prop_assert!(later.score(&codec).mos <= score.mos + 1e-4);
        }
    }
}
