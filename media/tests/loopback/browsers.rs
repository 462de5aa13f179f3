//! Browsers by the socket that they share: checks, handshakes, sound both ways, and everybody who wants in without being
//! asked.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use patchcord_media::browser::association::Progress;
use patchcord_media::browser::stun::{Class, Draft, Message, Role as Side};
use patchcord_media::browser::{Agent, Association, Credentials, Failure, Identity, Remote, Role};
use patchcord_media::codec::Kind;
use patchcord_media::rtp::packet::{Head, View};
use patchcord_media::rtp::rtcp::Carried;
use patchcord_media::rtp::srtp::{GROWTH, Receiver, Sender};
use patchcord_media::sdp::agreed::Asks;
use patchcord_media::sdp::dtls::Fingerprint;
use patchcord_media::shard::clock::now;
use patchcord_media::shard::{Browser, Notice, Open, OpenedBrowser, Order, Protection, Terms, Weight};

use super::party::Party;
use super::stage::Stage;

const SECOND: Duration = Duration::from_secs(1);

/// What a browser calls itself in checks.
const NAME: &str = "browser";

/// A browser before it speaks: a socket, a certificate, and the port that waits for it.
struct Visitor {
    socket: UdpSocket,
    identity: Identity,
    place: OpenedBrowser,
}

impl Visitor {
    /// A browser at a port that is tuned to it.
    fn new(stage: &Stage, silence_after: Option<Duration>) -> Self {
        let visitor = Self::unknown(stage);
        let print = visitor.identity.fingerprint().clone();
        stage.order(visitor.place.opened.port, Order::Tune(Box::new(terms(Role::Waits, print, silence_after))));
        visitor
    }

    /// A browser that has not described itself.
    fn unknown(stage: &Stage) -> Self {
        let address = "127.0.0.1".parse().expect("an address");
        let open = Open { address, listener: 0, reports: false, weight: Weight::PASSING, beside: None };
        let place = stage.plane.open_browser(&open, false).expect("a port");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(10 * SECOND)).expect("a socket that waits");
        Self { socket, identity: Identity::fresh().expect("a certificate"), place }
    }

    fn there(&self) -> SocketAddr {
        self.place.opened.rtp
    }

    /// Sends a check under these credentials.
    fn ask(&self, credentials: &Credentials, is_choice: bool) {
        let mut bytes = Vec::new();
        let draft = Draft::new(Class::Request, [9; 12], &mut bytes).name(&credentials.ufrag, NAME);
        let draft = draft.role(Side::Controlling(1)).priority(7);
        let draft = if is_choice { draft.use_candidate() } else { draft };
        draft.finish(&credentials.key());
        self.socket.send_to(&bytes, self.there()).expect("loopback takes a packet");
    }

    /// Waits for the answer to a check: where we are seen.
    fn answer(&self) -> Option<SocketAddr> {
        let mut buffer = [0; 1500];
        let length = self.socket.recv(&mut buffer).expect("an answer in time");
        Message::read(&buffer[..length]).expect("an answer").mapped
    }

    /// Is met: checks, and shakes hands.
    fn meet(&self, role: Role) -> (Sender, Receiver) {
        self.ask(&self.place.credentials, true);
        assert_eq!(self.answer(), self.socket.local_addr().ok());
        let prints = vec![self.place.fingerprint.clone()];
        let mut association = Association::new(&self.identity, role, prints, now()).expect("a certificate");
        let mut buffer = [0; 2048];
        loop {
            while let Some(datagram) = association.datagram() {
                self.socket.send_to(&datagram, self.there()).expect("loopback takes a packet");
            }
            let length = self.socket.recv(&mut buffer).expect("a flight in time");
            if let Progress::Secured(keys) = association.hear(&buffer[..length], now()).expect("a handshake") {
                while let Some(datagram) = association.datagram() {
                    self.socket.send_to(&datagram, self.there()).expect("loopback takes a packet");
                }
                return (Sender::new(&keys.ours), Receiver::new(&keys.theirs));
            }
        }
    }

    /// Begins to speak as one of the stage's parties.
    fn sit(self, stage: &mut Stage, name: &'static str, hz: f64, keys: (Sender, Receiver)) -> usize {
        let Self { socket, place, .. } = self;
        socket.set_nonblocking(true).expect("a socket that does not block");
        let mut party = Party::new(name, Kind::Pcmu, hz, socket, place.opened.port, place.opened.rtp);
        party.protect(keys.0, keys.1);
        stage.parties.push(party);
        stage.parties.len() - 1
    }
}

fn terms(role: Role, print: Fingerprint, silence_after: Option<Duration>) -> Terms {
    let ice = Remote { ufrag: NAME.into(), pwd: String::new(), lite: false, candidates: Vec::new() };
    let browser = Browser { ice, role, fingerprints: vec![print] };
    Terms {
        mux: true,
        protection: Protection::Awaited,
        browser: Some(Box::new(browser)),
        silence_after,
        ..Terms::plain(Kind::Pcmu, 0)
    }
}

fn is_met(port: patchcord_media::shard::PortId) -> impl Fn(&Notice) -> bool {
    move |notice| matches!(notice, Notice::Met(met, _) if *met == port)
}

/// A browser that is met and speaks.
fn browser(stage: &mut Stage, name: &'static str, hz: f64) -> usize {
    let visitor = Visitor::new(stage, None);
    let keys = visitor.meet(Role::Begins);
    let port = visitor.place.opened.port;
    stage.notice("a browser was met", is_met(port));
    visitor.sit(stage, name, hz, keys)
}

#[test]
fn a_browser_and_a_phone_hear_each_other() {
    let mut stage = Stage::new();
    let (alice, bob) = (browser(&mut stage, "alice", 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    stage.bridge(alice, bob);
    stage.run(SECOND / 2);
    assert_eq!(stage.hears(alice), ["bob"]);
    assert_eq!(stage.hears(bob), ["alice"]);
}

#[test]
fn browsers_by_one_socket_hear_whom_they_are_bridged_with_on_whichever_thread() {
    let mut stage = Stage::of_threads(2);
    let names = [("anna", 440.0), ("bert", 550.0), ("cleo", 660.0), ("dora", 770.0)];
    let [anna, bert, cleo, dora] = names.map(|(name, hz)| browser(&mut stage, name, hz));
    let gates: std::collections::HashSet<_> = stage.parties.iter().map(|party| party.there).collect();
    assert_eq!(gates.len(), 2, "one for each thread");
    stage.bridge(anna, bert);
    stage.bridge(cleo, dora);
    stage.run(SECOND / 2);
    // Whoever was on another thread is heard after its move, too.
    stage.forget();
    stage.bridge(anna, dora);
    stage.bridge(bert, cleo);
    stage.run(SECOND / 2);
    stage.forget();
    stage.run(SECOND / 2);
    for (one, other) in [(anna, dora), (bert, cleo)] {
        assert_eq!(stage.hears(one), [stage.parties[other].name]);
        assert_eq!(stage.hears(other), [stage.parties[one].name]);
    }
}

#[test]
fn the_pictures_of_a_browser_have_a_port_of_their_own_and_the_way_of_its_sound() {
    let stage = Stage::new();
    let visitor = Visitor::new(&stage, None);
    let (mut sender, mut receiver) = visitor.meet(Role::Begins);
    let sound = visitor.place.opened;
    let address = sound.rtp.ip();
    let open = Open { address, listener: 0, reports: true, weight: Weight::PICTURES, beside: Some(sound.port) };
    let (pictures, source) = stage.plane.open_pictures(&open, sound).expect("a port");
    assert_eq!(pictures.rtp, sound.rtp);
    let terms = Terms { protection: Protection::Awaited, ..super::pictures::terms(96, 96, 2500, Asks::default()) };
    stage.order(pictures.port, Order::Tune(Box::new(terms)));
    for port in [sound.port, pictures.port] {
        stage.order(port, Order::Echo);
    }
    let mut head = Head { payload_type: 0, marker: false, sequence: 1, timestamp: 1, ssrc: 1 };
    let mut came = Vec::new();
    visitor.socket.set_read_timeout(Some(SECOND / 20)).expect("a socket that waits");
    let deadline = now() + 10 * SECOND;
    while !(came.contains(&(0, visitor.place.source)) && came.contains(&(96, source))) {
        assert!(now() < deadline, "{came:?} came back");
        head.sequence += 1;
        for (payload_type, ssrc) in [(0, 1), (96, 2)] {
            let mut packet = Vec::new();
            Head { payload_type, ssrc, ..head }.packet(&[0x10; 160], &mut packet);
            let length = packet.len();
            packet.resize(length + GROWTH, 0);
            let grown = sender.protect(&mut packet, length).expect("a packet of ours");
            visitor.socket.send_to(&packet[..grown], visitor.there()).expect("loopback takes a packet");
        }
        let mut buffer = [0; 2048];
        while let Ok(length) = visitor.socket.recv(&mut buffer) {
            if Carried::by(&buffer[..length]) == Carried::Rtp {
                let length = receiver.unprotect(&mut buffer[..length]).expect("a packet under our key");
                let head = View::parse(&buffer[..length]).expect("a packet").head();
                came.push((head.payload_type, head.ssrc));
            }
        }
    }
    stage.order(pictures.port, Order::Close);
    assert!(!came.contains(&(0, source)) && !came.contains(&(96, visitor.place.source)));
}

#[test]
fn we_begin_where_the_browser_waits() {
    let mut stage = Stage::new();
    let visitor = Visitor::unknown(&stage);
    let print = visitor.identity.fingerprint().clone();
    stage.order(visitor.place.opened.port, Order::Tune(Box::new(terms(Role::Begins, print, None))));
    let keys = visitor.meet(Role::Waits);
    let alice = visitor.sit(&mut stage, "alice", 440.0, keys);
    stage.order(stage.parties[alice].port, Order::Echo);
    stage.run(SECOND / 2);
    assert_eq!(stage.hears(alice), ["alice"]);
}

#[test]
fn a_browser_with_another_certificate_than_it_described_is_refused() {
    let mut stage = Stage::new();
    let visitor = Visitor::unknown(&stage);
    let other = Identity::fresh().expect("a certificate").fingerprint().clone();
    stage.order(visitor.place.opened.port, Order::Tune(Box::new(terms(Role::Waits, other, None))));
    visitor.ask(&visitor.place.credentials, true);
    visitor.answer();
    let prints = vec![visitor.place.fingerprint.clone()];
    let mut association = Association::new(&visitor.identity, Role::Begins, prints, now()).expect("a certificate");
    let mut buffer = [0; 2048];
    for _ in 0..3 {
        while let Some(datagram) = association.datagram() {
            visitor.socket.send_to(&datagram, visitor.there()).expect("loopback takes a packet");
        }
        let length = visitor.socket.recv(&mut buffer).expect("a flight in time");
        if association.hear(&buffer[..length], now()).is_err() {
            break;
        }
    }
    let port = visitor.place.opened.port;
    let told = stage.notice("it is refused", |notice| matches!(notice, Notice::Unmet(unmet, _) if *unmet == port));
    assert_eq!(told, Notice::Unmet(port, Failure::WrongCertificate));
}

#[test]
fn a_handshake_by_a_way_that_was_never_checked_is_dropped_and_counted() {
    let mut stage = Stage::new();
    let visitor = Visitor::new(&stage, None);
    let mut hello = Association::new(&visitor.identity, Role::Begins, Vec::new(), now()).expect("a certificate");
    let hello = hello.datagram().expect("a hello");
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    stranger.send_to(&hello, visitor.there()).expect("loopback takes a packet");
    visitor.socket.send_to(&hello, visitor.there()).expect("loopback takes a packet");
    stage.until("both were counted", |stage| stage.plane.tally().handshakes_refused == 2);
    let keys = visitor.meet(Role::Begins);
    visitor.sit(&mut stage, "alice", 440.0, keys);
}

#[test]
fn checks_that_prove_nothing_get_no_answer_and_hurt_nobody() {
    let mut stage = Stage::new();
    let alice = browser(&mut stage, "alice", 440.0);
    stage.order(stage.parties[alice].port, Order::Echo);
    let there = stage.parties[alice].there;
    let mallory = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    mallory.set_nonblocking(true).expect("a socket that does not block");
    let known = Visitor::new(&stage, None).place.credentials;
    let wrong = Credentials { pwd: "a password that nobody has said".into(), ..known };
    for number in 0..500 {
        let nobody = Credentials { ufrag: format!("nobody{number}"), pwd: "of no importance whatsoever".into() };
        for credentials in [&nobody, &wrong] {
            let mut bytes = Vec::new();
            let draft = Draft::new(Class::Request, [1; 12], &mut bytes).name(&credentials.ufrag, NAME);
            draft.use_candidate().finish(&credentials.key());
            mallory.send_to(&bytes, there).expect("loopback takes a packet");
        }
        mallory.send_to(b"\x00\x01 no check", there).expect("loopback takes a packet");
        mallory.send_to(b"\x80\x00 no party sends this", there).expect("loopback takes a packet");
        if number % 25 == 0 {
            stage.run(SECOND / 50);
        }
    }
    stage.until("all were counted", |stage| stage.plane.tally().checks_refused == 1500);
    assert_eq!((stage.plane.tally().strangers, stage.plane.tally().deaths), (500, 0));
    assert!(mallory.recv(&mut [0; 100]).is_err(), "nobody answers it");
    stage.forget();
    stage.run(SECOND / 2);
    assert_eq!(stage.hears(alice), ["alice"]);
}

#[test]
fn a_restart_is_found_by_its_new_name_and_keeps_the_keys() {
    let mut stage = Stage::new();
    let visitor = Visitor::new(&stage, None);
    let keys = visitor.meet(Role::Begins);
    let (port, there) = (visitor.place.opened.port, visitor.there());
    let fresh = Credentials::fresh().expect("chance");
    stage.order(port, Order::Restart(fresh.clone()));
    stage.order(port, Order::Echo);
    // Another network: another address.
    let moved = Visitor { socket: UdpSocket::bind("127.0.0.1:0").expect("a socket"), ..visitor };
    moved.socket.set_read_timeout(Some(10 * SECOND)).expect("a socket that waits");
    moved.ask(&fresh, true);
    assert_eq!(moved.answer(), moved.socket.local_addr().ok());
    let alice = moved.sit(&mut stage, "alice", 440.0, keys);
    assert_eq!(stage.parties[alice].there, there);
    stage.run(SECOND / 2);
    assert_eq!(stage.hears(alice), ["alice"]);
}

#[test]
fn a_browser_that_checks_is_there_and_one_that_does_not_is_told_of() {
    let mut stage = Stage::new();
    let visitor = Visitor::new(&stage, Some(SECOND / 2));
    let port = visitor.place.opened.port;
    let _keys = visitor.meet(Role::Begins);
    for _ in 0..10 {
        visitor.ask(&visitor.place.credentials, false);
        visitor.answer();
        stage.run(SECOND / 10);
    }
    let is_silent = |notice: &Notice| matches!(notice, Notice::Silent(silent, _) if *silent == port);
    assert!(!stage.told.iter().any(is_silent), "checks are a sign of life");
    stage.notice("it is silent", is_silent);
}

#[test]
fn a_goodbye_is_told_and_a_closed_port_says_it() {
    let mut stage = Stage::new();
    let visitor = Visitor::new(&stage, None);
    visitor.meet(Role::Begins);
    let port = visitor.place.opened.port;
    stage.notice("it was met", is_met(port));
    stage.order(port, Order::Close);
    let mut buffer = [0; 2048];
    let length = visitor.socket.recv(&mut buffer).expect("a goodbye in time");
    assert_eq!(buffer[0], 21, "an alert of {length} bytes");
    stage.notice("it is closed", |notice| matches!(notice, Notice::Closed(closed, _) if *closed == port));
    visitor.ask(&visitor.place.credentials, true);
    stage.until("nobody is found by its name", |stage| stage.plane.tally().checks_refused > 0);
}

/// Where a port is, as its description would say.
fn described(place: &OpenedBrowser, lite: bool) -> Remote {
    let Credentials { ufrag, pwd } = place.credentials.clone();
    Remote { ufrag, pwd, lite, candidates: vec![(place.opened.rtp, 5)] }
}

#[test]
fn two_servers_of_this_kind_meet_by_ice_and_carry_a_talk() {
    let mut stage = Stage::of_threads(2);
    let address = "127.0.0.1".parse().expect("an address");
    let open = Open { address, listener: 0, reports: false, weight: Weight::PASSING, beside: None };
    // One has offered, the other has answered; each has a socket of its own.
    let [full, lite] = [true, false].map(|full| stage.plane.open_browser(&open, full).expect("a port"));
    assert_ne!(full.opened.rtp, lite.opened.rtp);
    for (ours, theirs, is_lite, role) in [(&full, &lite, true, Role::Begins), (&lite, &full, false, Role::Waits)] {
        let ice = described(theirs, is_lite);
        let browser = Browser { ice, role, fingerprints: vec![theirs.fingerprint.clone()] };
        let terms = Terms { browser: Some(Box::new(browser)), ..terms(role, theirs.fingerprint.clone(), None) };
        stage.order(ours.opened.port, Order::Tune(Box::new(terms)));
    }
    stage.notice("who offered has met who answered", is_met(full.opened.port));
    stage.notice("and was met", is_met(lite.opened.port));
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    for (phone, port) in [(alice, full.opened.port), (bob, lite.opened.port)] {
        stage.order(stage.parties[phone].port, Order::Bridge(port));
    }
    stage.run(SECOND / 2);
    assert_eq!((stage.hears(alice), stage.hears(bob)), (vec!["bob"], vec!["alice"]));
}

#[test]
fn who_looks_for_the_way_finds_a_browser_that_only_answers_and_chooses_it() {
    let stage = Stage::new();
    let mut visitor = Visitor::unknown(&stage);
    let address = "127.0.0.1".parse().expect("an address");
    let open = Open { address, listener: 0, reports: false, weight: Weight::PASSING, beside: None };
    visitor.place = stage.plane.open_browser(&open, true).expect("a port");
    let ours = Credentials::fresh().expect("chance");
    let mut agent = Agent::new(&ours);
    agent.meet(&described(&visitor.place, false), now());
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let here = visitor.socket.local_addr().expect("an address");
    let candidates = vec![(nowhere, 7), (here, 5)];
    let ice = Remote { ufrag: ours.ufrag.clone(), pwd: ours.pwd.clone(), lite: true, candidates };
    let browser = Browser { ice, role: Role::Waits, fingerprints: vec![visitor.identity.fingerprint().clone()] };
    let plain = terms(Role::Waits, visitor.identity.fingerprint().clone(), None);
    let terms = Terms { browser: Some(Box::new(browser)), ..plain };
    stage.order(visitor.place.opened.port, Order::Tune(Box::new(terms)));
    let (mut buffer, mut answer) = ([0; 2048], Vec::new());
    while agent.chosen().is_none() {
        let (length, from) = visitor.socket.recv_from(&mut buffer).expect("a check in time");
        let message = Message::read(&buffer[..length]).expect("a check");
        agent.hear(&message, from, now(), &mut answer);
        visitor.socket.send_to(&answer, from).expect("loopback takes a packet");
    }
    assert_eq!(agent.chosen(), Some(visitor.there()));
    assert!(stage.plane.tally().checks_made >= 2);
}
