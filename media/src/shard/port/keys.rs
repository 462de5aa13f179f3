//! Keys of a party, heard by every way that it uses and told once; and keys that are sent to it.
//!
//! Events beside the sound are heard as they come, tones in the sound only when somebody wants them, and what SIP told is
//! shown here as well ([`Order::Pressed`](crate::shard::Order)), so that one press is one notice.

use std::time::Duration;

use super::voiced::Voiced;
use super::{Moment, Port, Scratch};
use crate::dtmf::receiver::Packet;
use crate::dtmf::{self, Detector, Key, Once, Press, Receiver, Sender, Via};
use crate::frame::Rate;
use crate::rtp::packet::View;
use crate::shard::notice::{News, Notice};

/// See the file. There as long as anything about keys was agreed or asked.
pub(crate) struct Keying {
    receiver: Receiver,
    clock_hz: u32,
    once: Once,
    /// Whether tones in the sound are wanted, and who hears them.
    wants_tones: bool,
    detector: Option<(Rate, Detector)>,
    sender: Option<Box<Sender>>,
    /// Keys for a party that takes no events.
    voiced: Voiced,
}

impl Keying {
    fn new(clock_hz: u32) -> Self {
        Self {
            receiver: Receiver::new(clock_hz),
            clock_hz,
            once: Once::new(),
            wants_tones: false,
            detector: None,
            sender: None,
            voiced: Voiced::default(),
        }
    }
}

impl Keying {
    /// Whether each round has something to do for it. A key whose end was lost can wait for a few.
    pub fn is_busy(&self) -> bool {
        self.wants_tones || self.is_pressing()
    }

    fn is_pressing(&self) -> bool {
        !self.voiced.is_idle() || self.sender.as_ref().is_some_and(|sender| !sender.is_idle())
    }
}

/// What one packet or frame can tell: a key up and another down, twice.
#[derive(Default)]
struct Told([Option<dtmf::News>; 4]);

impl Told {
    fn push(&mut self, news: dtmf::News) {
        if let Some(place) = self.0.iter_mut().find(|place| place.is_none()) {
            *place = Some(news);
        }
    }
}

impl Port {
    /// Takes over what was agreed about keys.
    pub(super) fn agree_on_keys(&mut self) {
        let Some(terms) = &self.terms else { return };
        if let Some(keys) = terms.keys_in
            && self.keying.as_ref().is_none_or(|keying| keying.clock_hz != keys.clock_hz)
        {
            let keying = self.keying.get_or_insert_with(|| Box::new(Keying::new(keys.clock_hz)));
            keying.receiver = Receiver::new(keys.clock_hz);
            keying.clock_hz = keys.clock_hz;
        }
        // Keys that wait for a party which takes no events any more are said as tones.
        if terms.keys_out.is_none()
            && let Some(keying) = &mut self.keying
            && let Some(mut sender) = keying.sender.take()
        {
            for (key, duration) in sender.forget() {
                // As many wait as may wait there.
                let _taken = keying.voiced.press(key, duration);
            }
        }
    }

    fn keying(&mut self) -> &mut Keying {
        self.keying.get_or_insert_with(|| Box::new(Keying::new(8000)))
    }

    /// Whether tones in the sound are listened for.
    pub fn listen_for_tones(&mut self, wanted: bool) {
        let keying = self.keying();
        keying.wants_tones = wanted;
        keying.detector = None;
    }

    /// Whether it needs frames for that.
    pub(super) fn wants_tones(&self) -> bool {
        self.keying.as_ref().is_some_and(|keying| keying.wants_tones)
    }

    /// An event came beside the sound; a press that is over and was not told yet is given back.
    pub(super) fn hear_event(&mut self, view: &View<'_>, moment: Moment, news: &mut News) -> Option<Press> {
        let head = view.head();
        let packet =
            Packet { sequence: head.sequence, timestamp: head.timestamp, marker: head.marker, payload: view.payload() };
        let mut told = Told::default();
        if self.keying().receiver.hear(packet, moment.now, |news| told.push(news)).is_err() {
            self.totals.refused += 1;
        }
        self.tell_keys(&told, Via::Rtp, moment, news)
    }

    /// A frame of the party's sound, where tones are wanted.
    pub fn hear_tones(&mut self, sound: &[i16], rate: Rate, moment: Moment, news: &mut News) {
        if !self.wants_tones() {
            return;
        }
        let keying = self.keying();
        let detector = match &mut keying.detector {
            Some((known, detector)) if *known == rate => detector,
            other => &mut other.insert((rate, Detector::new(rate))).1,
        };
        let mut told = Told::default();
        detector.hear(sound, |news| told.push(news));
        self.tell_keys(&told, Via::Inband, moment, news);
    }

    /// Keys whose end was lost are let go.
    pub fn expire_keys(&mut self, moment: Moment, news: &mut News) -> Option<Press> {
        let keying = self.keying.as_mut()?;
        if keying.receiver.deadline().is_none_or(|deadline| deadline > moment.now) {
            return None;
        }
        let mut told = Told::default();
        keying.receiver.expire(moment.now, |news| told.push(news));
        self.tell_keys(&told, Via::Rtp, moment, news)
    }

    /// A press that came by another way.
    pub fn show_press(&mut self, press: Press, moment: Moment, news: &mut News) {
        if self.keying().once.is_new(&press, moment.now) {
            self.tell(news, Notice::Key(self.id, press));
        }
    }

    fn tell_keys(&mut self, told: &Told, via: Via, moment: Moment, news: &mut News) -> Option<Press> {
        let mut over = None;
        for key in told.0.iter().flatten().copied() {
            match key {
                dtmf::News::Down(key) => self.tell(news, Notice::KeyDown(self.id, key, via)),
                dtmf::News::Up(press) => {
                    if self.keying().once.is_new(&press, moment.now) {
                        self.tell(news, Notice::Key(self.id, press));
                        over = Some(press);
                    }
                }
            }
        }
        over
    }

    /// Sends a key to the party, behind those that wait: as events, or as tones where it takes none; false when there is no
    /// way, or too many wait.
    pub fn press(&mut self, key: Key, duration: Duration) -> bool {
        let Some(terms) = &self.terms else { return false };
        let Some(keys) = terms.keys_out else {
            let speaks = terms.speaking.as_ref().is_some_and(|speaking| speaking.encoder.is_some());
            return speaks && self.keying().voiced.press(key, duration);
        };
        let sender = self.keying().sender.get_or_insert_with(|| Box::new(Sender::new(keys.clock_hz)));
        sender.press(key, duration).is_ok()
    }

    /// Whether keys are being sent: then nothing else is.
    pub fn is_pressing(&self) -> bool {
        self.keying.as_ref().is_some_and(|keying| keying.is_pressing())
    }

    /// Says this round's packet of the keys that are being sent: an event, or silence in the pause behind it; or a frame of
    /// their tones.
    pub fn go_on_pressing(&mut self, moment: Moment, scratch: &mut Scratch, news: &mut News) -> bool {
        if self.keying.as_ref().is_some_and(|keying| !keying.voiced.is_idle()) {
            return self.go_on_voicing(moment, scratch, news);
        }
        let terms = self.terms.as_ref();
        let agreed = terms.and_then(|terms| Some((terms.keys_out?, terms.speaking.as_ref()?)));
        let Some((keys, speaking)) = agreed else { return false };
        let (ticks, rate) = (speaking.kind.ticks(), speaking.kind.rate());
        // Which time the next packet of ours will have; the sender wants to know before it says whether there is one.
        let due = self.forward.clone().own(keys.payload_type, ticks, moment.now).timestamp;
        let Some(sender) = self.keying.as_mut().and_then(|keying| keying.sender.as_mut()) else { return false };
        let out = sender.next(due);
        let is_over = sender.is_idle();
        let said = match out {
            Some(out) => {
                let head = self.forward.own(keys.payload_type, ticks, moment.now);
                let head = crate::rtp::packet::Head { timestamp: out.timestamp, marker: out.marker, ..head };
                head.packet(&out.payload, &mut scratch.packet);
                self.dispatch_own(&head, out.payload.len(), moment, &mut scratch.packet)
            }
            None => {
                let mut silence = std::mem::take(&mut scratch.heard);
                silence.clear();
                silence.resize(rate.samples(), 0);
                let said = self.say(&silence, rate, moment, scratch);
                scratch.heard = silence;
                said
            }
        };
        if is_over {
            self.tell(news, Notice::Pressed(self.id));
        }
        said
    }

    /// A party on hold hears its keys when it is back.
    fn go_on_voicing(&mut self, moment: Moment, scratch: &mut Scratch, news: &mut News) -> bool {
        let Some(rate) = self.speaks().map(|kind| kind.rate()) else { return false };
        let Some(keying) = &mut self.keying else { return false };
        let mut sound = std::mem::take(&mut scratch.heard);
        keying.voiced.frame(rate, &mut sound);
        let is_over = keying.voiced.is_idle();
        let said = self.say(&sound, rate, moment, scratch);
        scratch.heard = sound;
        if is_over {
            self.tell(news, Notice::Pressed(self.id));
        }
        said
    }
}
