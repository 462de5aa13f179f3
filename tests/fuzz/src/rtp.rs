//! Packets of any bytes on their way through a leg: read, latched, counted, forwarded, held and played.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use patchcord_media::rtp::forward::Forward;
use patchcord_media::rtp::jitter::{Buffer, DEEPEST, Pulled};
use patchcord_media::rtp::latch::Latch;
use patchcord_media::rtp::packet::{Patch, View};
use patchcord_media::rtp::rtcp::Carried;
use patchcord_media::rtp::source::{Heard, Source};

/// Head of a record: milliseconds since the last, who sends it and how often it is played after it, bytes of the packet.
const HEAD: usize = 3;

/// The longest that one packet is taken to last here, beyond the bound of the buffer: 20 ms, as those before it.
const STEP: Duration = Duration::from_millis(20);

/// Reads the bytes as records and plays the packets in them.
pub fn rtp(data: &[u8]) {
    let mut now = start();
    let mut leg = Leg::new(now);
    let mut rest = data;
    while let Some((&[wait, deed, length], behind)) = rest.split_first_chunk::<HEAD>() {
        let (packet, behind) = behind.split_at(behind.len().min(usize::from(length)));
        rest = behind;
        now += Duration::from_millis(u64::from(wait) * 4);
        leg.hear(packet, u16::from(deed & 3), deed & 4 == 0, now);
        for _ in 0..deed >> 5 {
            now += STEP;
            leg.play(now);
        }
        if deed & 8 != 0 {
            leg.latch.open();
        }
    }
}

struct Leg {
    latch: Latch,
    source: Source,
    forward: Forward,
    buffer: Buffer,
}

impl Leg {
    fn new(now: Instant) -> Self {
        Self {
            latch: Latch::new(Some(address(0)), None, true),
            source: Source::new(8000),
            forward: Forward::new(7, 65_530, u32::MAX - 100, 8000),
            buffer: Buffer::new(8000, 160, now),
        }
    }

    fn hear(&mut self, packet: &[u8], from: u16, is_sound: bool, now: Instant) {
        let carried = Carried::by(packet);
        let Ok(view) = View::parse(packet) else { return };
        assert!(matches!(carried, Carried::Rtp | Carried::Rtcp), "{carried:?}");
        let range = view.payload_range();
        assert!(range.start <= range.end && range.end <= packet.len());
        assert_eq!(view.payload().len(), range.len());
        if !self.latch.hear(address(from), &view.head(), false, now).is_accepted() {
            return;
        }
        let heard = self.source.hear(&view.head(), now);
        let totals = self.source.totals();
        assert!(totals.received >= totals.duplicates + totals.reordered);
        if heard == Heard::Started {
            self.buffer.restart();
        }
        if !heard.is_played() {
            return;
        }
        if let Some(head) = self.forward.pass(&view.head(), now) {
            let mut copy = packet.to_vec();
            Patch::of(&mut copy).expect("it was read").head(&head);
            let passed = View::parse(&copy).expect("only its head has changed");
            assert_eq!((passed.head(), passed.payload().len()), (head, view.payload().len()));
            assert_eq!(head.ssrc, 7);
        }
        self.buffer.push(&view, is_sound, now);
    }

    fn play(&mut self, now: Instant) {
        match self.buffer.pull(now, 0) {
            Pulled::Sound { .. } => {
                self.buffer.lasted(160);
                // What was given out is 20 ms older than what comes next.
                assert!(self.buffer.added(now, 0) <= DEEPEST + STEP, "{:?}", self.buffer.added(now, 0));
            }
            Pulled::Lost { missing, .. } => assert!(missing > 0),
            Pulled::Nothing => {}
        }
        self.forward.own(0, 160, now);
        if let Some(block) = self.source.block(now) {
            assert_eq!(Some(block.ssrc), self.source.ssrc());
        }
    }
}

fn address(from: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 4000 + from))
}

#[allow(clippy::disallowed_methods, reason = "virtual time has to begin somewhere")]
fn start() -> Instant {
    Instant::now()
}
