//! How well a leg was heard, sample by sample and over its whole life.
//!
//! Whole numbers throughout: folding them in any order of batches gives the same figures.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::stamps;

/// How well one direction was heard lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hearing {
    /// Lost on the way, in thousandths.
    pub lost_permille: u16,
    /// How unevenly packets came.
    #[serde(with = "stamps::micros", rename = "jitter_us")]
    pub jitter: Duration,
    /// What people would think of the sound (MOS), in hundredths: 100 to 450.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mos_hundredths: Option<u16>,
}

/// How well both directions of a leg were heard since the last sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualitySample {
    /// The party, as it is heard here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub here: Option<Hearing>,
    /// We, as the party says that it hears us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub there: Option<Hearing>,
    /// There and back on the network.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "stamps::maybe_micros", rename = "round_trip_us")]
    pub round_trip: Option<Duration>,
}

impl QualitySample {
    /// Cuts times to what is written down.
    pub(super) fn shorten(&mut self) {
        for heard in [&mut self.here, &mut self.there].into_iter().flatten() {
            heard.jitter = stamps::whole_micros(heard.jitter);
        }
        self.round_trip = self.round_trip.map(stamps::whole_micros);
    }
}

/// One direction of a leg over its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// Samples that were taken.
    pub samples: u32,
    /// The mean loss, in thousandths.
    pub lost_permille: u16,
    /// The worst.
    pub worst_lost_permille: u16,
    /// The mean jitter, in microseconds.
    pub jitter_us: u32,
    /// The worst.
    pub worst_jitter_us: u32,
    /// The mean MOS in hundredths, of those samples that have one.
    pub mos_hundredths: Option<u16>,
    /// The worst.
    pub worst_mos_hundredths: Option<u16>,
}

/// How well a leg was heard over its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quality {
    /// The party, as it was heard here.
    pub here: Option<Track>,
    /// We, as the party heard us.
    pub there: Option<Track>,
    /// The longest way there and back, in microseconds.
    pub worst_round_trip_us: Option<u32>,
}

/// The sums that a [`Quality`] is worked out from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    here: Sum,
    there: Sum,
    worst_round_trip_us: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    samples: u32,
    lost: u64,
    worst_lost: u16,
    jitter: u64,
    worst_jitter: u32,
    mos: u64,
    mos_samples: u32,
    worst_mos: Option<u16>,
}

impl Sums {
    pub fn add(&mut self, sample: &QualitySample) {
        self.here.add(sample.here);
        self.there.add(sample.there);
        self.worst_round_trip_us = self.worst_round_trip_us.max(sample.round_trip.map(micros));
    }

    /// Nothing when nothing was ever measured.
    pub fn quality(&self) -> Option<Quality> {
        let quality = Quality {
            here: self.here.track(),
            there: self.there.track(),
            worst_round_trip_us: self.worst_round_trip_us,
        };
        (quality != Quality::default()).then_some(quality)
    }
}

impl Sum {
    fn add(&mut self, heard: Option<Hearing>) {
        let Some(Hearing { lost_permille, jitter, mos_hundredths }) = heard else { return };
        let jitter = micros(jitter);
        self.samples = self.samples.saturating_add(1);
        self.lost += u64::from(lost_permille);
        self.worst_lost = self.worst_lost.max(lost_permille);
        self.jitter += u64::from(jitter);
        self.worst_jitter = self.worst_jitter.max(jitter);
        if let Some(mos) = mos_hundredths {
            self.mos += u64::from(mos);
            self.mos_samples += 1;
            self.worst_mos = Some(self.worst_mos.map_or(mos, |worst| worst.min(mos)));
        }
    }

    fn track(&self) -> Option<Track> {
        let samples = u64::from(self.samples);
        (samples > 0).then(|| Track {
            samples: self.samples,
            // A mean is never above the greatest of what it is the mean of.
            lost_permille: (self.lost / samples) as u16,
            worst_lost_permille: self.worst_lost,
            jitter_us: (self.jitter / samples) as u32,
            worst_jitter_us: self.worst_jitter,
            mos_hundredths: self.mos.checked_div(u64::from(self.mos_samples)).map(|mos| mos as u16),
            worst_mos_hundredths: self.worst_mos,
        })
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_judged_by_its_mean_and_by_its_worst_moment() {
        let heard = |lost_permille, millis, mos_hundredths| Hearing {
            lost_permille,
            jitter: Duration::from_millis(millis),
            mos_hundredths,
        };
        let mut sums = Sums::default();
        assert_eq!(sums.quality(), None);
        for (lost, millis, mos) in [(0, 2, Some(440)), (30, 10, Some(310)), (0, 6, None)] {
            let here = Some(heard(lost, millis, mos));
            sums.add(&QualitySample { here, there: None, round_trip: Some(Duration::from_millis(millis)) });
        }

        let quality = sums.quality().expect("there were samples");
        let here = quality.here.expect("of this direction");
        assert_eq!((here.samples, here.lost_permille, here.worst_lost_permille), (3, 10, 30));
        assert_eq!((here.jitter_us, here.worst_jitter_us), (6_000, 10_000));
        assert_eq!((here.mos_hundredths, here.worst_mos_hundredths), (Some(375), Some(310)));
        assert_eq!((quality.there, quality.worst_round_trip_us), (None, Some(10_000)));
    }
}
