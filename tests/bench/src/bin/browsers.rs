//! What browsers cost: a child whose media plane they share one socket of, and a farm that is every browser and every phone.
//!
//! `browsers [--legs 300] [--seconds 10] [--core 0]`. Each browser is met by a check and a handshake and then bridged with a phone
//! of the same codec, so that packets pass and are opened or protected. Printed are: the CPU time of a handshake, the share of a core
//! that the media thread takes, microseconds a packet, and what a browser's leg takes of memory.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use patchcord_bench::process::{Cpu, cpu_of_threads, on_core, resident};
use patchcord_media::browser::association::Progress;
use patchcord_media::browser::stun::{Class, Draft, Role as Side};
use patchcord_media::browser::{Association, Credentials, Identity, Remote, Role};
use patchcord_media::codec::Kind;
use patchcord_media::rtp::packet::Head;
use patchcord_media::rtp::rtcp::Carried;
use patchcord_media::rtp::srtp::{GROWTH, Sender};
use patchcord_media::sdp::dtls::Fingerprint;
use patchcord_media::shard::clock::now;
use patchcord_media::shard::{Browser, Open, Order, Plane, Protection, Settings, Terms, Weight};

/// What all browsers call themselves.
const NAME: &str = "browser";
const SLOT: Duration = Duration::from_millis(5);
const SLOTS: usize = 4;
/// Until everybody is latched.
const WARM: Duration = Duration::from_millis(1000);

#[derive(Parser)]
struct Options {
    /// Browsers, each with a phone.
    #[arg(long, default_value_t = 300)]
    legs: usize,
    /// Seconds of speech.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The core of the child.
    #[arg(long, default_value_t = 0)]
    core: usize,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// The child; started by the bench.
    #[command(hide = true)]
    Child { phones: SocketAddr, print: String },
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    match &options.what {
        Some(What::Child { phones, print }) => serve(options.legs, *phones, print),
        None => measure(&options),
    }
}

/// Opens the legs, says where each is, and lives until nobody asks any more.
fn serve(legs: usize, phones: SocketAddr, print: &str) -> Result<(), Box<dyn Error>> {
    let print = Fingerprint::parse(print).ok_or("no fingerprint")?;
    let settings = Settings {
        threads: 1,
        pinned: false,
        most_ports: 2 * legs,
        most_load_permille: u64::MAX,
        ..Settings::default()
    };
    let (plane, _notices) = Plane::start(&settings)?;
    let mut told = std::io::stdout().lock();
    for number in 0..legs {
        let open = Open { address: phones.ip(), listener: 0, reports: false, weight: Weight(1), beside: None };
        let (browser, phone) = (plane.open_browser(&open, false)?, plane.open(&open)?);
        let ice = Remote { ufrag: NAME.into(), pwd: String::new(), lite: false, candidates: Vec::new() };
        let described = Browser { ice, role: Role::Waits, fingerprints: vec![print.clone()] };
        let terms = Terms {
            mux: true,
            protection: Protection::Awaited,
            browser: Some(Box::new(described)),
            ..Terms::plain(Kind::Pcmu, 0)
        };
        plane.order(browser.opened.port, Order::Tune(Box::new(terms)))?;
        plane
            .order(phone.port, Order::Tune(Box::new(Terms { remote: Some(phones), ..Terms::plain(Kind::Pcmu, 0) })))?;
        plane.order(browser.opened.port, Order::Bridge(phone.port))?;
        // A burst of thousands would fill the ring of orders.
        while plane.tally().ports < 2 * (number as u64 + 1) {
            std::thread::yield_now();
        }
        let Credentials { ufrag, pwd } = &browser.credentials;
        writeln!(told, "{} {} {ufrag} {pwd} {}", browser.opened.rtp, phone.rtp, browser.fingerprint)?;
    }
    told.flush()?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let tally = plane.tally();
        writeln!(told, "{} {} {}", tally.packets_in, tally.packets_out, tally.late_ticks)?;
        told.flush()?;
    }
    Ok(())
}

/// One browser, and its phone.
struct Pair {
    socket: UdpSocket,
    browser: SocketAddr,
    phone: SocketAddr,
    credentials: Credentials,
    print: Fingerprint,
    sender: Option<Sender>,
}

/// The child and the way to talk with it.
struct Served {
    child: Child,
    ask: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Served {
    fn start(options: &Options, phones: SocketAddr, print: &Fingerprint) -> Result<(Self, Vec<Pair>), Box<dyn Error>> {
        let mut command = on_core(options.core, &std::env::current_exe()?);
        command.args(["--legs", &options.legs.to_string(), "child", &phones.to_string(), &print.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let ask = child.stdin.take().ok_or("a pipe to the child")?;
        let mut told = BufReader::new(child.stdout.take().ok_or("a pipe from the child")?);
        let mut pairs = Vec::with_capacity(options.legs);
        for _ in 0..options.legs {
            let mut line = String::new();
            told.read_line(&mut line)?;
            pairs.push(Pair::read(line.trim()).ok_or_else(|| format!("the child said {line:?}"))?);
        }
        Ok((Self { child, ask, told }, pairs))
    }

    fn count(&mut self) -> Result<[u64; 3], Box<dyn Error>> {
        writeln!(self.ask)?;
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        let numbers: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        Ok(numbers.try_into().map_err(|_| "the child said nothing")?)
    }

    fn cpu(&self, threads: &str) -> Result<Cpu, Box<dyn Error>> {
        Ok(cpu_of_threads(self.child.id(), threads)?)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("the child cannot be ended: {error}");
        }
    }
}

impl Pair {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.splitn(5, ' ');
        let (browser, phone) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let credentials = Credentials { ufrag: words.next()?.into(), pwd: words.next()?.into() };
        let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
        socket.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        Some(Self { socket, browser, phone, credentials, print: Fingerprint::parse(words.next()?)?, sender: None })
    }

    /// Passes a check and shakes hands.
    fn meet(&mut self, identity: &Identity) -> Result<(), Box<dyn Error>> {
        let mut bytes = Vec::new();
        let draft = Draft::new(Class::Request, [9; 12], &mut bytes).name(&self.credentials.ufrag, NAME);
        draft.role(Side::Controlling(1)).use_candidate().finish(&self.credentials.key());
        self.socket.send_to(&bytes, self.browser)?;
        let mut association = Association::new(identity, Role::Begins, vec![self.print.clone()], now())?;
        let mut buffer = [0; 2048];
        while self.sender.is_none() {
            while let Some(datagram) = association.datagram() {
                self.socket.send_to(&datagram, self.browser)?;
            }
            let length = self.socket.recv(&mut buffer)?;
            if Carried::by(&buffer[..length]) != Carried::Dtls {
                continue;
            }
            if let Progress::Secured(keys) = association.hear(&buffer[..length], now())? {
                self.sender = Some(Sender::new(&keys.ours));
            }
        }
        while let Some(datagram) = association.datagram() {
            self.socket.send_to(&datagram, self.browser)?;
        }
        self.socket.set_nonblocking(true)?;
        Ok(())
    }

    fn speak(&mut self, head: &Head, phones: &UdpSocket, packet: &mut Vec<u8>) -> Result<(), Box<dyn Error>> {
        head.packet(&[0x9f; 160], packet);
        phones.send_to(packet, self.phone)?;
        let length = packet.len();
        packet.resize(length + GROWTH, 0);
        if let Some(sender) = &mut self.sender {
            let grown = sender.protect(packet, length)?;
            self.socket.send_to(&packet[..grown], self.browser)?;
        }
        // What came is only taken away.
        let mut heard = [0; 512];
        while self.socket.recv(&mut heard).is_ok() {}
        while phones.recv(&mut heard).is_ok() {}
        Ok(())
    }
}

/// Everybody speaks for so long.
fn speak(pairs: &mut [Pair], phones: &UdpSocket, round: &mut u32, time: Duration) -> Result<(), Box<dyn Error>> {
    let (start, mut packet) = (now(), Vec::new());
    let slots = (time.as_millis() / SLOT.as_millis()) as u32;
    for slot in 0..slots {
        let left = (start + SLOT * slot).saturating_duration_since(now());
        std::thread::park_timeout(left);
        let turn = slot as usize % SLOTS;
        *round += u32::from(turn == 0);
        for pair in pairs.iter_mut().skip(turn).step_by(SLOTS) {
            let (sequence, timestamp) = (*round as u16, *round * 160);
            let head = Head { payload_type: 0, marker: false, sequence, timestamp, ssrc: 7 };
            pair.speak(&head, phones, &mut packet)?;
        }
    }
    Ok(())
}

fn measure(options: &Options) -> Result<(), Box<dyn Error>> {
    let identity = Identity::fresh()?;
    let phones = UdpSocket::bind("127.0.0.1:0")?;
    phones.set_nonblocking(true)?;
    let (mut served, mut pairs) = Served::start(options, phones.local_addr()?, identity.fingerprint())?;
    let (waiting, before) = (resident(served.child.id())?, served.cpu("media-dtls")?);
    let began: Instant = now();
    for pair in &mut pairs {
        pair.meet(&identity)?;
    }
    let took = began.elapsed();
    let shaking = served.cpu("media-dtls")?.since(before).total();
    let mut round = 0;
    speak(&mut pairs, &phones, &mut round, WARM)?;
    let (cpu, counted) = (served.cpu("media-0")?, served.count()?);
    speak(&mut pairs, &phones, &mut round, Duration::from_secs(options.seconds))?;
    let (cpu_after, counted_after) = (served.cpu("media-0")?, served.count()?);
    let cpu = cpu_after.since(cpu).total();
    let [came, went, late] = [0, 1, 2].map(|place| counted_after[place] - counted[place]);
    let (legs, talking) = (options.legs as f64, resident(served.child.id())?);
    println!("{} browsers, each bridged with a phone of the same codec, for {} s", options.legs, options.seconds);
    println!(
        "  handshake: {:.2} ms of CPU each; {:.2} ms each one after the other",
        ms(shaking) / legs,
        ms(took) / legs
    );
    println!(
        "  media thread: {:.1} % of a core; {:.2} µs a packet in or out; {came} in, {went} out, {late} ticks late",
        cpu.as_secs_f64() / options.seconds as f64 * 100.0,
        cpu.as_secs_f64() * 1e6 / (came + went).max(1) as f64
    );
    println!(
        "  memory: {:.1} kB more for each browser that is met and talks; {:.1} MB resident in all, {:.1} MB before they came",
        (talking - waiting.min(talking)) as f64 / 1000.0 / legs,
        talking as f64 / 1e6,
        waiting as f64 / 1e6
    );
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
