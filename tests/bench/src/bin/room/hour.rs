//! A room that goes on for an hour: is it as quick at the end as it was at the beginning?
//!
//! Each speaker says noise of its own. So what an ear hears, all voices at once, still tells how old each of them is: the delay
//! at which it resembles most what that one said. Mouth to ear is counted from the moment at which a packet leaves the
//! speaker's socket to the moment at which a packet with the same sound comes out at the listener's, so it is the server's
//! alone: what phones need to fill a packet and to play one is theirs.

use std::collections::VecDeque;
use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use patchcord_bench::spread::Spread;
use patchcord_media::codec::{Decoder, Encoder, Kind, Settings as CodecSettings};
use patchcord_media::mixer::Rules;
use patchcord_media::rtp::packet::{Head, View};
use patchcord_media::shard::clock::now;
use patchcord_media::shard::{Notices, Open, Order, Plane, PortId, RoomId, Settings, Terms, Weight, rank};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

/// How wrong the clocks of the speakers are, in millionths too fast.
const SPEAKERS: [f64; 4] = [0.0, 100.0, -100.0, 100.0];
const LOST_PERCENT: u64 = 1;
const FRAME: Duration = Duration::from_millis(20);
const SAMPLES: usize = 160;
const HZ: f64 = 8000.0;
/// Above -30 dB, so that no ear takes it for the noise of a line; four of them are not too loud together.
const LOUDEST: i16 = 3000;
const MINUTE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_secs(12);
/// What is looked for, and how far back: longer than any buffer of ours is deep.
const HEARD_FRAMES: usize = 8;
const BACK_FRAMES: usize = 25;
/// Said frames that are kept: what was looked for and as far back as it may lie, and some.
const KEPT: usize = HEARD_FRAMES + BACK_FRAMES;
/// Noise of others resembles a voice by less than a tenth; a voice among four by a half.
const ALIKE: f32 = 0.25;

type Frame = (Instant, [i16; SAMPLES]);

struct Speaker {
    socket: UdpSocket,
    there: SocketAddr,
    ppm: f64,
    chance: u64,
    encoder: Box<dyn Encoder>,
    head: Head,
    frames: u32,
    begin: Instant,
    said: VecDeque<Frame>,
    lost: u64,
}

impl Speaker {
    fn due(&self) -> Instant {
        self.begin + FRAME.mul_f64(f64::from(self.frames) * (1.0 - self.ppm / 1e6))
    }

    fn chance(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance >> 16
    }

    fn speak(&mut self) {
        let mut sound = [0; SAMPLES];
        for sample in &mut sound {
            *sample = (self.chance() % (2 * LOUDEST as u64 + 1)) as i16 - LOUDEST;
        }
        let (mut payload, mut packet) = (Vec::with_capacity(SAMPLES), Vec::new());
        self.encoder.encode(&sound, &mut payload);
        self.head.packet(&payload, &mut packet);
        let is_lost = self.chance() % 100 < LOST_PERCENT;
        self.said.push_back((now(), sound));
        // A packet that the loopback does not take is one that was lost.
        if is_lost || self.socket.send_to(&packet, self.there).is_err() {
            self.lost += 1;
        }
        if self.said.len() > KEPT {
            self.said.pop_front();
        }
        self.head.sequence = self.head.sequence.wrapping_add(1);
        self.head.timestamp = self.head.timestamp.wrapping_add(SAMPLES as u32);
        self.frames += 1;
    }
}

struct Ear {
    socket: UdpSocket,
    decoder: Box<dyn Decoder>,
    heard: VecDeque<Frame>,
    next: Option<u16>,
    came: u64,
    missed: u64,
    waited: Duration,
}

impl Ear {
    fn new(socket: UdpSocket) -> Result<Self, Box<dyn Error>> {
        let decoder = Kind::Pcmu.decoder().ok_or("µ-law is understood")?;
        let (heard, waited) = (VecDeque::new(), Duration::ZERO);
        Ok(Self { socket, decoder, heard, next: None, came: 0, missed: 0, waited })
    }

    fn listen(&mut self) {
        let mut buffer = [0; 2048];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let at = now();
            let Ok(packet) = View::parse(&buffer[..length]) else { continue };
            let mut sound = Vec::with_capacity(SAMPLES);
            if self.decoder.decode(packet.payload(), &mut sound).is_err() {
                continue;
            }
            let Ok(sound) = sound.try_into() else { continue };
            if let Some(next) = self.next.replace(packet.sequence().wrapping_add(1))
                && next != packet.sequence()
            {
                self.missed += u64::from(packet.sequence().wrapping_sub(next));
                self.heard.clear();
            }
            if let Some((before, _)) = self.heard.back() {
                self.waited = self.waited.max(at - *before);
            }
            self.came += 1;
            self.heard.push_back((at, sound));
            if self.heard.len() > HEARD_FRAMES {
                self.heard.pop_front();
            }
        }
    }
}

/// A room, and who sits in it.
struct Meeting {
    plane: Plane,
    _notices: Vec<Notices>,
    room: RoomId,
    speakers: Vec<Speaker>,
    /// That of the first speaker, and that of somebody who is silent.
    ears: Vec<Ear>,
}

impl Meeting {
    fn open() -> Result<Self, Box<dyn Error>> {
        let settings = Settings { threads: 1, pinned: false, ..Settings::default() };
        let (plane, notices) = Plane::start(&settings)?;
        let room = plane.open_room(0, Rules::default(), None)?;
        let mut meeting = Self { plane, _notices: notices, room, speakers: Vec::new(), ears: Vec::new() };
        for (number, ppm) in (0..).zip(SPEAKERS) {
            let (socket, there, _) = meeting.seat()?;
            if number == 0 {
                meeting.ears.push(Ear::new(socket.try_clone()?)?);
            }
            let encoder = Kind::Pcmu.encoder(&CodecSettings::default()).ok_or("µ-law is spoken")?;
            let head = Head { payload_type: 0, marker: false, sequence: 0, timestamp: 0, ssrc: number + 1 };
            meeting.speakers.push(Speaker {
                socket,
                there,
                ppm,
                chance: 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(u64::from(number + 1)),
                encoder,
                head,
                frames: 0,
                begin: now(),
                said: VecDeque::new(),
                lost: 0,
            });
        }
        let (socket, ..) = meeting.seat()?;
        meeting.ears.push(Ear::new(socket)?);
        Ok(meeting)
    }

    fn seat(&self) -> Result<(UdpSocket, SocketAddr, PortId), Box<dyn Error>> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let here = socket.local_addr()?;
        let wanted = Open { address: here.ip(), listener: 0, reports: true, weight: Weight::SOUND, beside: None };
        let opened = self.plane.open(&wanted)?;
        let terms = Terms { remote: Some(here), ..Terms::plain(Kind::Pcmu, 0) };
        self.plane.order(opened.port, Order::Tune(Box::new(terms)))?;
        self.plane.order(opened.port, Order::Enter(self.room))?;
        Ok((socket, opened.rtp, opened.port))
    }

    /// Speaks and listens until then.
    fn go_on(&mut self, until: Instant) -> Result<(), Box<dyn Error>> {
        loop {
            let at = now();
            self.ears.iter_mut().for_each(Ear::listen);
            for speaker in self.speakers.iter_mut().filter(|speaker| speaker.due() <= at) {
                speaker.speak();
            }
            if at >= until {
                return Ok(());
            }
            let next = self.speakers.iter().map(Speaker::due).min().unwrap_or(until).min(until);
            let left = next.saturating_duration_since(now());
            let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
            let mut sockets: Vec<_> = self.ears.iter().map(|ear| PollFd::new(&ear.socket, PollFlags::IN)).collect();
            poll(&mut sockets, Some(&timeout))?;
        }
    }

    fn look(&self) -> Look {
        let said = self.speakers.iter().map(|speaker| speaker.said.iter().copied().collect());
        let heard = self.ears.iter().map(|ear| ear.heard.iter().copied().collect());
        let packets = self.speakers.iter().map(|speaker| u64::from(speaker.frames)).sum();
        let lost = self.speakers.iter().map(|speaker| speaker.lost).sum();
        let (came, missed) = self.ears.iter().fold((0, 0), |sum, ear| (sum.0 + ear.came, sum.1 + ear.missed));
        let waited = self.ears.iter().map(|ear| ear.waited).max().unwrap_or_default();
        Look { said: said.collect(), heard: heard.collect(), packets, lost, came, missed, waited }
    }
}

/// What there is to be judged at one moment.
struct Look {
    said: Vec<Vec<Frame>>,
    heard: Vec<Vec<Frame>>,
    packets: u64,
    lost: u64,
    came: u64,
    missed: u64,
    waited: Duration,
}

/// How old a voice is in what was heard, in milliseconds; none where it is not found.
fn age(said: &[Frame], heard: &[Frame]) -> Option<f64> {
    if said.len() < KEPT || heard.len() < HEARD_FRAMES {
        return None;
    }
    let flat = |frames: &[Frame]| frames.iter().flat_map(|(_, sound)| sound.map(f32::from)).collect::<Vec<_>>();
    let (said_sound, heard_sound) = (flat(said), flat(heard));
    let length = heard_sound.len();
    // Noise is as loud anywhere: one power serves for all places.
    let power = |sound: &[f32]| sound.iter().map(|sample| sample * sample).sum::<f32>();
    let loudness = (power(&said_sound) * length as f32 / said_sound.len() as f32 * power(&heard_sound)).sqrt();
    let product = |at: usize| -> f32 {
        said_sound[at..at + length].iter().zip(&heard_sound).map(|(one, other)| one * other).sum()
    };
    let places = 0..=said_sound.len() - length;
    let (best, place) = places.map(|at| (product(at), at)).max_by(|one, other| one.0.total_cmp(&other.0))?;
    let left = said[place / SAMPLES].0;
    let within = (place % SAMPLES) as f64 / HZ * 1000.0;
    let came = heard[0].0;
    (best > ALIKE * loudness.max(1.0)).then(|| came.saturating_duration_since(left).as_secs_f64() * 1000.0 - within)
}

/// Looks at what comes, and tells each minute.
fn judge(looks: &Receiver<(u64, Look)>) {
    let ages = || vec![Spread::default(); SPEAKERS.len()];
    let (mut minute, mut delays, mut not_found, mut medians) = (0, ages(), 0, Vec::new());
    let mut all = Spread::default();
    let mut last: Option<Look> = None;
    let mut tell = |minute: u64, delays: &mut Vec<Spread>, all: &mut Spread, not_found: &mut u32, look: &Look| {
        let each: Vec<_> =
            SPEAKERS.iter().zip(&*delays).map(|(ppm, spread)| format!("{ppm:+} ppm {:.1}", spread.median())).collect();
        println!(
            "minute {minute}: mouth to ear {all} ms [{}]; {} not found; lost {} of {}, {} came and {} are missing, the longest \
             wait was {:?}",
            each.join(", "),
            std::mem::take(not_found),
            look.lost,
            look.packets,
            look.came,
            look.missed,
            look.waited
        );
        medians.push(all.median());
        (*delays, *all) = (ages(), Spread::default());
    };
    while let Ok((at, look)) = looks.recv() {
        if at > minute {
            tell(at, &mut delays, &mut all, &mut not_found, &look);
            minute = at;
        }
        for (ear, heard) in look.heard.iter().enumerate() {
            // Nobody hears itself: the first ear is that of the first speaker.
            for (number, said) in look.said.iter().enumerate().filter(|(number, _)| (ear, *number) != (0, 0)) {
                match age(said, heard) {
                    Some(age) => {
                        delays[number].add(age);
                        all.add(age);
                    }
                    None => not_found += 1,
                }
            }
        }
        last = Some(look);
    }
    if let Some(look) = last {
        tell(minute + 1, &mut delays, &mut all, &mut not_found, &look);
    }
    let few = 5.min(medians.len());
    let middle = |medians: &[f64]| {
        let mut spread = Spread::default();
        medians.iter().for_each(|median| spread.add(*median));
        spread
    };
    println!("first {few} minutes: {} ms", middle(&medians[..few]));
    println!("last {few} minutes: {} ms", middle(&medians[medians.len() - few..]));
}

/// See the file.
pub fn run(minutes: u64) -> Result<(), Box<dyn Error>> {
    let mut meeting = Meeting::open()?;
    let (told, looks) = sync_channel(4);
    // Started before we go ahead of others: it only computes.
    let judging = std::thread::spawn(move || judge(&looks));
    if let Err(error) = rank::go_ahead() {
        eprintln!("speakers and ears run like any other: {error}");
    }
    let begin = now();
    // All begin when all are there: a burst of what should have been said before would be taken for a bad network.
    for (number, speaker) in (0..).zip(&mut meeting.speakers) {
        speaker.begin = begin + FRAME.mul_f64(0.3 * f64::from(number));
    }
    for look in 1..=minutes * MINUTE.as_secs() / LOOK_EVERY.as_secs() {
        let until = begin + LOOK_EVERY * look as u32;
        meeting.go_on(until)?;
        let minute = (LOOK_EVERY * (look as u32 - 1)).as_secs() / MINUTE.as_secs();
        // A judge that is behind misses a look.
        let _ = told.try_send((minute, meeting.look()));
        meeting.ears.iter_mut().for_each(|ear| ear.waited = Duration::ZERO);
    }
    drop(told);
    judging.join().map_err(|_| "the judge died")?;
    meeting.plane.stop();
    Ok(())
}
