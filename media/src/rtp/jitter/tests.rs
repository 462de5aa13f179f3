//! Packets over networks that lose, delay, double and disorder them, by a seed, in virtual time.

use proptest::prelude::*;

use super::*;
use crate::codec::{Decoder, Undecodable};
use crate::frame::Rate;
use crate::rtp::packet::Head;
use crate::rtp::start;

pub(super) const FRAME: Duration = Duration::from_millis(20);

/// A packet whose payload is its number, so long as a packet of `ticks` of G.711.
pub(super) fn packet(ssrc: u32, number: u64, first: (u16, u32), ticks: u32) -> Vec<u8> {
    let head = Head {
        payload_type: 0,
        marker: false,
        sequence: first.0.wrapping_add(number as u16),
        timestamp: first.1.wrapping_add((number as u32).wrapping_mul(ticks)),
        ssrc,
    };
    let mut payload = vec![0; ticks as usize];
    payload[..8].copy_from_slice(&number.to_be_bytes());
    let mut bytes = Vec::new();
    head.packet(&payload, &mut bytes);
    bytes
}

/// The number that a payload carries.
fn number(payload: &[u8]) -> u64 {
    u64::from_be_bytes(*payload.first_chunk().expect("eight bytes"))
}

/// Chance that is the same for the same seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What a network does.
#[derive(Debug, Clone, Copy)]
struct Network {
    seed: u64,
    /// Lost, of all packets, and how likely the next is lost behind a lost one.
    loss: f64,
    burst: f64,
    /// The longest additional way in milliseconds, and how much of the packets take one.
    jitter: f64,
    often: f64,
    twice: f64,
    /// The sender's clock, in millionths too fast.
    drift: f64,
    /// Milliseconds in a packet.
    ptime: u32,
    /// Whether what is said sounds nowhere as it did before, so that nothing can be left out unheard.
    noise: bool,
}

const CALM: Network = Network {
    seed: 1,
    loss: 0.0,
    burst: 0.0,
    jitter: 0.0,
    often: 1.0,
    twice: 0.0,
    drift: 0.0,
    ptime: 20,
    noise: false,
};

impl Network {
    /// Arrivals in milliseconds with the numbers of the packets, in the order of arrival.
    fn carry(&self, packets: u64) -> Vec<(f64, u64)> {
        let mut chance = Chance(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut lost = false;
        let mut arrivals = Vec::new();
        for number in 0..packets {
            let sent = number as f64 * f64::from(self.ptime) * (1.0 - self.drift / 1e6);
            lost = chance.next() < if lost { self.burst.max(self.loss) } else { self.loss };
            let copies = if lost { 0 } else { 1 + usize::from(chance.next() < self.twice) };
            for _ in 0..copies {
                let way = if chance.next() < self.often { chance.next() * self.jitter } else { 0.0 };
                arrivals.push((sent + 30.0 + way, number));
            }
        }
        arrivals.sort_by(|one, other| one.0.total_cmp(&other.0));
        arrivals
    }
}

/// What came out.
#[derive(Debug, Default)]
struct Heard {
    numbers: Vec<u64>,
    concealed_frames: u64,
    silent_frames: u64,
    /// The longest wait as the buffer sees it.
    deepest: Duration,
    /// How long each packet waited, in milliseconds, as somebody sees it who knows the network.
    added: Vec<f64>,
    counts: Counts,
}

/// Plays frames of 20 ms through a buffer fed by `network`.
fn play(network: Network, packets: u64) -> Heard {
    let begin = start();
    let ticks = network.ptime * 8;
    let mut buffer = Buffer::new(8000, 160, begin);
    let mut heard = Heard::default();
    let mut arrivals = network.carry(packets).into_iter().peekable();
    let end = (packets as f64 * f64::from(network.ptime) * (1.0 - network.drift.abs() / 1e6) / 20.0) as u64;
    let mut queued = 0;
    for tick in 0..end {
        let now_ms = tick as f64 * 20.0 + 7.0;
        while let Some((at, number)) = arrivals.next_if(|arrival| arrival.0 <= now_ms) {
            let bytes = packet(1, number, (65_500, u32::MAX - 5000), ticks);
            buffer.push(&View::parse(&bytes).expect("ours"), true, begin + Duration::from_secs_f64(at / 1000.0));
        }
        let now = begin + Duration::from_secs_f64(now_ms / 1000.0);
        while queued < 160 {
            match buffer.pull(now, queued) {
                Pulled::Sound { payload, pace, .. } => {
                    let number = number(payload);
                    heard.numbers.push(number);
                    // Since it could have been here, and until it is heard.
                    let there = number as f64 * f64::from(network.ptime) * (1.0 - network.drift / 1e6) + 30.0;
                    heard.added.push(now_ms + f64::from(queued) / 8.0 - there);
                    // A voice that can be played faster or slower by 5 ms whenever that is wanted.
                    let more = match pace {
                        Pace::Faster | Pace::Slower if network.noise => 0,
                        Pace::Even => 0,
                        Pace::Faster | Pace::MuchFaster => -40,
                        Pace::Slower => 40,
                    };
                    buffer.lasted(ticks);
                    buffer.stretched(more);
                    heard.deepest = heard.deepest.max(buffer.added(now, queued + ticks));
                    queued = (queued + ticks).saturating_add_signed(more);
                }
                Pulled::Lost { missing, .. } => {
                    heard.concealed_frames += 1;
                    queued += missing;
                }
                Pulled::Nothing => {
                    heard.silent_frames += 1;
                    queued = 160;
                }
            }
        }
        queued -= 160;
    }
    heard.counts = buffer.counts();
    heard
}

impl Heard {
    /// Added delay on average, without the first two seconds.
    fn usual(&self) -> f64 {
        let settled = &self.added[100.min(self.added.len())..];
        settled.iter().sum::<f64>() / settled.len() as f64
    }

    fn in_order(&self) -> bool {
        self.numbers.windows(2).all(|pair| pair[0] < pair[1])
    }
}

#[test]
fn a_calm_network_is_heard_whole_at_the_shallowest_depth() {
    let heard = play(CALM, 3000);
    assert!(heard.in_order());
    assert_eq!((heard.counts.lost, heard.concealed_frames, heard.counts.discarded), (0, 0, 0));
    assert!(heard.silent_frames <= 6, "{}", heard.silent_frames);
    assert!(heard.usual() <= 45.0, "{} ms", heard.usual());
}

#[test]
fn every_lost_packet_is_made_up_for_once() {
    for (loss, burst) in [(0.01, 0.0), (0.05, 0.3), (0.2, 0.7)] {
        let heard = play(Network { loss, burst, seed: 7, ..CALM }, 6000);
        assert!(heard.in_order());
        let missing = 6000 - heard.numbers.len() as u64;
        assert!(missing.abs_diff(heard.counts.lost) <= 4, "{loss}: {missing} {:?}", heard.counts);
        // What is longer than a tenth of a second is silence; the rest is made up for, no more and no less.
        assert!(heard.counts.concealed - heard.counts.stalled <= heard.counts.lost * 160);
        let made_up = heard.counts.concealed + heard.silent_frames * 160;
        assert!(made_up.abs_diff(heard.counts.lost * 160 + heard.counts.stalled) < 2000, "{loss}: {:?}", heard.counts);
    }
}

#[test]
fn disorder_and_copies_are_not_heard() {
    let heard = play(Network { jitter: 55.0, often: 0.3, twice: 0.1, seed: 3, ..CALM }, 6000);
    assert!(heard.in_order());
    assert!(heard.counts.lost <= 6000 / 50, "{:?}", heard.counts);
    assert!((50.0..=100.0).contains(&heard.usual()), "{} ms", heard.usual());
}

#[test]
fn the_depth_follows_the_network_up_and_stays_within_its_bounds() {
    let mut before = 0.0;
    for jitter in [5.0, 40.0, 80.0, 120.0] {
        let heard = play(Network { jitter, seed: 5, ..CALM }, 9000);
        assert!(heard.in_order());
        assert!(heard.usual() > before, "{jitter}: {} ms", heard.usual());
        assert!(heard.usual() < jitter + 45.0, "{jitter}: {} ms", heard.usual());
        assert!(heard.counts.lost < 9000 / 40, "{jitter}: {:?}", heard.counts);
        assert!(heard.deepest <= DEEPEST + FRAME, "{jitter}: {:?}", heard.deepest);
        before = heard.usual();
    }
}

#[test]
fn a_wild_network_never_makes_it_deeper_than_the_bounds() {
    for seed in 1..20 {
        let network =
            Network { seed, loss: 0.2, burst: 0.8, jitter: 900.0, often: 0.5, twice: 0.2, drift: 500.0, ..CALM };
        let heard = play(network, 3000);
        assert!(heard.in_order(), "{seed}");
        assert!(heard.deepest <= DEEPEST + FRAME, "{seed}: {:?}", heard.deepest);
    }
}

#[test]
fn a_clock_that_is_wrong_by_500_ppm_loses_nothing_in_two_hours() {
    for drift in [-500.0, 500.0] {
        let heard = play(Network { drift, jitter: 8.0, ..CALM }, 360_000);
        assert!(heard.in_order());
        assert_eq!((heard.counts.lost, heard.counts.discarded), (0, 0), "{drift}");
        assert_eq!(heard.concealed_frames, 0, "{drift}");
        assert!(heard.deepest <= Duration::from_millis(80), "{drift}: {:?}", heard.deepest);
    }
}

#[test]
fn after_an_hour_of_losses_and_a_wrong_clock_the_delay_is_what_it_was() {
    const MINUTE: usize = 3000;
    const HOUR: u64 = 60 * MINUTE as u64;
    for drift in [-100.0, 0.0, 100.0] {
        let heard = play(Network { drift, loss: 0.01, burst: 0.1, jitter: 8.0, seed: 11, ..CALM }, HOUR);
        assert!(heard.in_order());
        assert!((HOUR / 200..HOUR / 50).contains(&heard.counts.lost), "{drift}: {:?}", heard.counts);
        let usual = |waits: &[f64]| waits.iter().sum::<f64>() / waits.len() as f64;
        // The first minute belongs to the learning of the network.
        let minutes: Vec<f64> = heard.added.chunks_exact(MINUTE).skip(1).map(usual).collect();
        let (begin, end) = (minutes[0], minutes[minutes.len() - 1]);
        // A wrong clock turns a packet's place between two frames; half a frame is no creeping.
        assert!(minutes.len() >= 57 && (end - begin).abs() < 10.0, "{drift}: {begin} ms and then {end} ms");
        assert!(minutes.iter().all(|wait| *wait < 60.0), "{drift}: {minutes:?}");
    }
}

/// The first target is deeper than a calm network asks for, and a start is rounded to a whole frame: what begins late may not
/// stay late because it is the noise of a street.
#[test]
fn noise_comes_to_its_time_as_a_voice_does() {
    for jitter in [0.0, 5.0, 10.0] {
        let heard = play(Network { noise: true, drift: 100.0, jitter, ..CALM }, 6000);
        let usual = |waits: &[f64]| waits.iter().sum::<f64>() / waits.len() as f64;
        let (begin, end) = (usual(&heard.added[100..500]), usual(&heard.added[3000..]));
        assert!(begin > 50.0 && end <= 45.0, "{jitter}: {begin} ms and then {end} ms");
    }
}

#[test]
fn packets_of_any_length_are_played() {
    for ptime in [10, 30, 40, 60] {
        let heard = play(Network { ptime, jitter: 10.0, ..CALM }, 3000);
        assert!(heard.in_order(), "{ptime}");
        assert_eq!((heard.counts.lost, heard.counts.discarded), (0, 0), "{ptime}");
        assert!(heard.concealed_frames <= 3, "{ptime}: {}", heard.concealed_frames);
        assert!(heard.usual() <= 60.0, "{ptime}: {} ms", heard.usual());
    }
}

/// A buffer with the clock of its test.
struct Bench {
    buffer: Buffer,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = start();
        Self { buffer: Buffer::new(8000, 160, now), now }
    }

    fn push(&mut self, ssrc: u32, number: u64, first: (u16, u32)) {
        let bytes = packet(ssrc, number, first, 160);
        self.buffer.push(&View::parse(&bytes).expect("ours"), true, self.now);
    }

    /// A frame later: `Ok` with a packet's number, or whether something is made up.
    fn pull(&mut self) -> Result<u64, bool> {
        self.now += FRAME;
        match self.buffer.pull(self.now, 0) {
            Pulled::Sound { payload, .. } => Ok(number(payload)),
            Pulled::Lost { .. } => Err(true),
            Pulled::Nothing => Err(false),
        }
    }

    /// Sends and plays `count` packets, the first with `number`; gives back what was heard.
    fn run(&mut self, number: u64, count: u64, first: (u16, u32)) -> Vec<Result<u64, bool>> {
        (number..number + count)
            .map(|number| {
                self.push(1, number, first);
                self.pull()
            })
            .collect()
    }
}

#[test]
fn a_gap_of_three_seconds_is_concealed_shortly_and_then_silent() {
    let mut bench = Bench::new();
    bench.run(0, 100, (0, 0));
    let gap: Vec<_> = (0..150).map(|_| bench.pull()).collect();
    assert_eq!(gap.iter().filter(|frame| **frame == Err(true)).count(), 5);
    let silent = gap.iter().rposition(|frame| *frame != Err(false)).map(|last| last + 1);
    assert!(silent.is_some_and(|silent| (5..=7).contains(&silent)), "{silent:?}");
    let after = bench.run(250, 100, (0, 0));
    assert!(after.iter().position(Result::is_ok).is_some_and(|first| first <= 3), "{after:?}");
    assert!(after.iter().skip(4).all(Result::is_ok));
    assert_eq!(bench.buffer.counts().lost, 150);
}

#[test]
fn a_sender_that_is_silent_by_intent_is_not_missed() {
    let mut bench = Bench::new();
    bench.run(0, 50, (0, 0));
    while bench.pull().is_ok() {
        bench.buffer.rest();
    }
    assert_eq!(bench.pull(), Err(false));
    bench.now += Duration::from_secs(2);
    // The next number, two seconds later on the clock of the codec.
    let first = (0, 104 * 160);
    let after = bench.run(50, 20, first);
    assert!(after.iter().skip(3).all(Result::is_ok), "{after:?}");
    let counts = bench.buffer.counts();
    assert_eq!((counts.lost, counts.concealed), (0, 0));
}

#[test]
fn keys_between_sound_are_not_missed() {
    let mut bench = Bench::new();
    bench.run(0, 50, (0, 0));
    for number in 50..60 {
        let bytes = packet(1, number, (0, 0), 160);
        bench.buffer.push(&View::parse(&bytes).expect("ours"), false, bench.now);
        bench.pull().ok();
    }
    let after = bench.run(60, 20, (0, 0));
    assert!(after.iter().skip(3).all(Result::is_ok), "{after:?}");
    assert_eq!(bench.buffer.counts().lost, 0);
}

#[test]
fn another_clock_starts_the_stream_afresh() {
    let mut bench = Bench::new();
    bench.run(0, 50, (0, 0));
    let after = bench.run(50, 50, (0, 0x7000_0000));
    assert!(after.iter().skip(4).all(Result::is_ok), "{after:?}");
    assert_eq!(bench.buffer.counts().restarts, 1);
}

#[test]
fn a_way_that_becomes_longer_for_good_costs_a_moment() {
    for longer in [100, 300, 900] {
        let mut bench = Bench::new();
        bench.run(0, 100, (0, 0));
        for _ in 0..longer / 20 {
            bench.pull().ok();
        }
        let after = bench.run(100, 500, (0, 0));
        assert!(after.iter().filter(|frame| frame.is_err()).count() <= 22, "{longer}: {after:?}");
        assert!(bench.buffer.added(bench.now, 0) <= DEEPEST, "{longer}");
    }
}

#[test]
fn the_packet_behind_a_lost_one_is_shown_where_it_has_come() {
    let mut bench = Bench::new();
    bench.run(0, 20, (0, 0));
    bench.push(1, 21, (0, 0));
    bench.push(1, 22, (0, 0));
    let mut shown = Vec::new();
    for _ in 0..8 {
        bench.now += FRAME;
        if let Pulled::Lost { missing: 160, next } = bench.buffer.pull(bench.now, 0) {
            shown.push(next.map(number));
            break;
        }
    }
    assert_eq!(shown, [Some(21)]);
}

/// Plays the numbers of packets as a tone that never breaks.
struct Tone {
    at: f64,
}

impl Decoder for Tone {
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> Result<(), Undecodable> {
        for step in 0..payload.len() as u64 {
            let at = (number(payload) * payload.len() as u64 + step) as f64;
            samples.push((8000.0 * (at * self.at).sin()) as i16);
        }
        Ok(())
    }

    fn conceal(&mut self, missing: usize, _next: Option<&[u8]>, samples: &mut Vec<i16>) {
        samples.resize(samples.len() + missing, 0);
    }
}

/// Ten minutes with a clock that is off: every frame is full of sound, and no step is steeper than the tone's own.
#[test]
fn drift_is_absorbed_without_a_click() {
    for drift in [-500.0, 500.0] {
        let begin = start();
        let mut tone = Tone { at: std::f64::consts::TAU * 310.0 / 8000.0 };
        let mut playout = Playout::new(8000, Rate::Narrow, begin);
        let mut arrivals = Network { drift, jitter: 6.0, ..CALM }.carry(30_000).into_iter().peekable();
        let (mut last, mut steepest, mut concealed) = (0, 0, 0);
        let mut frame = [0; 160];
        for tick in 0..29_900u64 {
            let now = begin + FRAME * tick as u32 + Duration::from_millis(7);
            while let Some((at, number)) = arrivals.next_if(|arrival| arrival.0 <= tick as f64 * 20.0 + 7.0) {
                let bytes = packet(1, number, (0, 0), 160);
                playout.push(&View::parse(&bytes).expect("ours"), true, begin + Duration::from_secs_f64(at / 1000.0));
            }
            concealed += u64::from(playout.frame(&mut tone, now, &mut frame, Attention::All) == Played::Concealed);
            for sample in frame {
                steepest = steepest.max((i32::from(sample) - last).abs());
                last = i32::from(sample);
            }
        }
        assert_eq!(concealed, 0, "{drift}");
        let own = (8000.0 * tone.at) as i32;
        assert!(steepest <= own * 5 / 4, "{drift}: {steepest} where the tone has {own}");
        let counts = playout.buffer().counts();
        assert_eq!((counts.lost, counts.discarded), (0, 0), "{drift}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_network_makes_it_panic_repeat_or_grow(
        seed in any::<u64>(), loss in 0.0..0.5, burst in 0.0..0.95, jitter in 0.0..400.0, often in 0.0..1.0, twice in 0.0..0.5,
        drift in -500.0..500.0, ptime in 0..5usize,
    ) {
        let network = Network { seed, loss, burst, jitter, often, twice, drift, ptime: [10, 20, 30, 40, 60][ptime], ..CALM };
        let heard = play(network, 400);
        prop_assert!(heard.in_order());
        prop_assert!(heard.deepest <= DEEPEST + Duration::from_millis(u64::from(network.ptime)), "{:?} {:?}", heard.deepest, heard.counts);
        prop_assert_eq!(heard.counts.played, heard.numbers.len() as u64);
    }

    #[test]
    fn no_packets_make_it_panic(packets in proptest::collection::vec((any::<u16>(), any::<u32>(), 0..60u64, any::<bool>(), 0..5usize), 1..200)) {
        let mut bench = Bench::new();
        for (sequence, timestamp, wait, is_sound, pulls) in packets {
            bench.now += Duration::from_millis(wait);
            let mut bytes = Vec::new();
            Head { payload_type: 0, marker: false, sequence, timestamp, ssrc: 1 }.packet(&[0; 8], &mut bytes);
            bench.buffer.push(&View::parse(&bytes).expect("ours"), is_sound, bench.now);
            for _ in 0..pulls {
                bench.pull().ok();
                bench.buffer.lasted(80);
                prop_assert!(bench.buffer.slots.len() == SLOTS);
            }
        }
    }
}
