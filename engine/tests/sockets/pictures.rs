//! Pictures between two phones, by signalling and by packets: who is offered what, what passes, and who is asked for a whole one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use patchcord_engine::exchange::Exchange;
use patchcord_engine::routing::{
    BindingRow, Digests, Endpoint, Origin, PlanSettings, RegistrarRules, Route, Source, Target,
};
use patchcord_engine::runtime::{Desk, Runtime, Sound, SoundRules, clock};
use patchcord_engine::switchboard::Switchboard;
use patchcord_media::rtp::packet::{Head, View};
use patchcord_media::rtp::rtcp::{Carried, Compound, Piece, Report, ask_for_picture};
use patchcord_sip::digest::Credential;
use patchcord_sip::hop::Transport;
use tempfile::TempDir;
use tokio::net::UdpSocket;

use crate::net::Phone;
use crate::sound::{loader, plane};
use crate::support::{settings, within};

/// Between two pictures.
const AGAIN: Duration = Duration::from_millis(50);

/// A server at which 102 is bob, whom strangers may call.
struct House {
    runtime: Runtime,
    board: Arc<Switchboard>,
    _folder: TempDir,
}

impl House {
    fn open(picture_kbit: Option<u32>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let board = Switchboard::new(None, RegistrarRules::default(), Digests::default(), [7; 32], clock::now());
        let board = Arc::new(board);
        let bob = Endpoint::new("bob", Credential::Password("secret".into()), Origin::Store);
        board.directory.put(vec![bob]).expect("he is new");
        let route = Route {
            number: "102".parse().expect("a number"),
            from: vec![Source::Anyone],
            target: Target::Endpoints(vec!["bob".into()]),
            rewrite: None,
            origin: Origin::File,
        };
        board.replan(PlanSettings { routes: vec![route], ..PlanSettings::default() }).expect("a plan");
        let (plane, notices) = plane(1);
        let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let rules = SoundRules { address, picture_kbit, ..SoundRules::default() };
        let sound = Sound { plane, notices, loader: loader(folder.path()), recordings: None, rules };
        let desks = board.clone();
        let exchange = move |_| -> Box<dyn Desk> { Box::new(Exchange::new(desks.clone(), clock::now())) };
        let runtime = Runtime::start_with(settings(&["udp:127.0.0.1:0"], &folder), Some(sound), exchange);
        Self { runtime: runtime.expect("it starts"), board, _folder: folder }
    }

    fn at(&self) -> SocketAddr {
        self.runtime.bound()[0].addr
    }

    /// Bob is there, as after a restart.
    fn knows(&self, bob: SocketAddr) {
        let (now, wall) = (clock::now(), clock::wall());
        let row = BindingRow {
            user: "bob".to_owned(),
            contact: format!("sip:bob@{bob}"),
            instance: None,
            reg_id: None,
            q_thousandths: 1000,
            path: Vec::new(),
            call_id: "once".to_owned(),
            cseq: 1,
            expires: wall + Duration::from_secs(3600),
            transport: Transport::Udp,
            local: self.at(),
            peer: bob,
            flow_bound: false,
            user_agent: None,
            updated: wall,
        };
        self.board.location.restore(vec![row], now, wall);
    }
}

/// A phone with a camera.
struct Video {
    phone: Phone,
    camera: UdpSocket,
    head: Head,
}

impl Video {
    async fn at(house: &House, ssrc: u32) -> Self {
        let phone = Phone::to(house.at()).await;
        let camera = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let head = Head { payload_type: 96, marker: true, sequence: 1, timestamp: 1, ssrc };
        Self { phone, camera, head }
    }

    /// A description of sound, and of pictures in these lines.
    fn says(&self, pictures: &str) -> String {
        let port = self.camera.local_addr().expect("an address").port();
        let pictures = pictures.replace("CAMERA", &port.to_string());
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9000 RTP/AVP 8\r\n{pictures}"
        )
    }

    /// Waits for a message that begins so.
    async fn hears(&self, start: &str) -> String {
        loop {
            let heard = self.phone.hear().await;
            if heard.starts_with(start) {
                return heard;
            }
            assert!(heard.starts_with("SIP/2.0 1"), "{heard} in place of {start}");
        }
    }

    /// Sends a packet to that port of the house.
    async fn shows(&mut self, port: u16) {
        self.head.sequence += 1;
        self.head.timestamp += 9000;
        let mut packet = Vec::new();
        self.head.packet(&[0x10, 0, 0, 0x9d], &mut packet);
        self.camera.send_to(&packet, (Ipv4Addr::LOCALHOST, port)).await.expect("it is sent");
    }

    /// What comes next to its camera, be it pictures or a report.
    async fn sees(&self) -> Vec<u8> {
        let mut buffer = vec![0; 2048];
        let (length, _) = within(self.camera.recv_from(&mut buffer)).await.expect("it is received");
        buffer.truncate(length);
        buffer
    }

    /// Waits for a picture, and gives back what its head says.
    async fn sees_pictures(&self) -> Head {
        loop {
            let came = self.sees().await;
            if Carried::by(&came) == Carried::Rtp {
                return View::parse(&came).expect("a packet").head();
            }
        }
    }

    /// Shows pictures until the other sees one.
    async fn is_seen_by(&mut self, port: u16, other: &Self) -> Head {
        within(async {
            loop {
                self.shows(port).await;
                if let Ok(seen) = tokio::time::timeout(AGAIN, other.sees_pictures()).await {
                    return seen;
                }
            }
        })
        .await
    }

    /// Waits until it is asked for a whole picture.
    async fn is_asked(&self) {
        loop {
            let came = self.sees().await;
            if Carried::by(&came) == Carried::Rtcp {
                let compound = Compound::parse(&came).expect("a report");
                if compound.pieces().any(|piece| piece == Piece::PictureLost { ssrc: self.head.ssrc }) {
                    return;
                }
            }
        }
    }
}

/// The value of a header.
fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let line = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("{name} in {message}"))
}

/// The port of the pictures in a description.
fn port(message: &str) -> u16 {
    let line = message.lines().find_map(|line| line.strip_prefix("m=video ")).expect("a line of pictures");
    line.split(' ').next().and_then(|port| port.parse().ok()).expect("a port")
}

fn invite(to: SocketAddr, from: SocketAddr, body: &str) -> String {
    format!(
        "INVITE sip:102@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKone;rport\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@{from}>;tag=a\r\nTo: <sip:102@{to}>\r\nCall-ID: pictures\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:alice@{from}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// 200 to an INVITE.
fn answer(invite: &str, from: SocketAddr, body: &str) -> String {
    let copied: String =
        ["Via", "From", "Call-ID", "CSeq"].map(|name| format!("{name}: {}\r\n", header(invite, name))).concat();
    format!(
        "SIP/2.0 200 OK\r\n{copied}To: {};tag=b\r\nContact: <sip:bob@{from}>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        header(invite, "To"),
        body.len()
    )
}

const CAMERA: &str = "m=video CAMERA RTP/AVPF 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 H264/90000\r\n\
    a=rtcp-fb:96 nack pli\r\na=rtcp-mux\r\n";

/// Alice calls bob, who answers with these pictures; what he was offered, and what she is answered.
async fn call(house: &House, takes: &str) -> (Video, Video, String, String) {
    let (alice, bob) = (Video::at(house, 11).await, Video::at(house, 22).await);
    house.knows(bob.phone.addr());
    alice.phone.say(invite(house.at(), alice.phone.addr(), &alice.says(CAMERA))).await;
    let offered = bob.hears("INVITE").await;
    bob.phone.say(answer(&offered, bob.phone.addr(), &bob.says(takes))).await;
    let answered = alice.hears("SIP/2.0 200").await;
    let at = header(&answered, "Contact").trim_matches(['<', '>']).to_owned();
    let ack = format!(
        "ACK {at} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKtwo\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\n\
         Call-ID: pictures\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
        alice.phone.addr(),
        header(&answered, "From"),
        header(&answered, "To"),
    );
    alice.phone.say(ack).await;
    bob.hears("ACK").await;
    (alice, bob, offered, answered)
}

#[tokio::test]
async fn two_phones_see_each_other_and_who_lost_a_picture_is_sent_a_whole_one() {
    let house = House::open(Some(2500));
    let takes = "m=video CAMERA RTP/AVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=rtcp-mux\r\n";
    let (mut alice, mut bob, offered, answered) = call(&house, takes).await;
    assert!(offered.contains("a=rtpmap:96 VP8/90000") && offered.contains("b=AS:2500"), "{offered}");
    assert!(answered.contains(&format!("m=video {} RTP/AVPF 96\r\n", port(&answered))), "{answered}");
    let (hers, his) = (port(&answered), port(&offered));
    let seen = alice.is_seen_by(hers, &bob).await;
    assert!((seen.payload_type, seen.marker) == (96, true) && seen.ssrc != 11, "{seen:?}");
    assert_ne!(bob.is_seen_by(his, &alice).await.ssrc, 22);
    // Each of them is asked at the beginning; what bob complains of then is said to alice.
    for _ in 0..2 {
        alice.is_asked().await;
    }
    let mut report = Vec::new();
    Report { ssrc: 22, sent: None, heard: &[], name: "bob", goodbye: false }.write(&mut report);
    ask_for_picture(&mut report, 22, seen.ssrc);
    bob.camera.send_to(&report, (Ipv4Addr::LOCALHOST, his)).await.expect("it is sent");
    alice.is_asked().await;
}

#[tokio::test]
async fn pictures_that_the_callee_does_not_take_are_refused_to_the_caller() {
    let house = House::open(Some(2500));
    let (_alice, _bob, offered, answered) = call(&house, "m=video 0 RTP/AVPF 96\r\n").await;
    assert!(port(&offered) > 0);
    assert!(answered.contains("m=video 0 RTP/AVPF 96 97\r\n"), "{answered}");
}

#[tokio::test]
async fn where_video_is_off_nobody_is_offered_any() {
    let house = House::open(None);
    let (_alice, _bob, offered, answered) = call(&house, "").await;
    assert!(!offered.contains("m=video"), "{offered}");
    assert!(answered.contains("m=video 0 "), "{answered}");
}
