//! What came from the party: taken, refused, or passed on.

use std::net::SocketAddr;
use std::ops::Range;

use super::cutting::Fit;
use super::{Ear, Moment, Port, Route, Wants};
use crate::codec::Kind;
use crate::dtmf::Press;
use crate::rtp::packet::{Head, View};
use crate::rtp::rtcp::Carried;
use crate::rtp::source::Heard;
use crate::shard::notice::{News, Notice};
use crate::shard::poll::Place;

/// Where a packet goes from here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Onward {
    /// Nowhere: it was refused, or used up here.
    Nowhere,
    /// To the port at that place, as sound of this codec.
    Sound(Place, Head, Kind),
    /// The same, in packets of another length: its sound lies there in the datagram.
    Cut(Place, Head, Kind, Range<usize>),
    /// Back where it came from.
    Back(Head, Kind),
    /// To the port at that place, as it is.
    Bytes(Place),
    /// To the port at that place, as an event of a key.
    Event(Place, Head),
    /// Not to the port at that place, which does not know what it says, and is not to miss it.
    Unsaid(Place, Head),
    /// To the port at that place, which is to make it anew: a key that was pressed.
    Press(Place, Press),
    /// It is a report.
    Report,
}

/// What the number of a payload means.
#[derive(Clone, Copy)]
enum Means {
    /// Sound of the codec at that place of the terms.
    Sound(usize, Kind),
    /// Noise for the time of silence.
    Comfort,
    /// Keys, by this clock.
    Keys(u32),
}

impl Port {
    /// Takes a datagram of the sound's socket, and says where it goes and how long it is now. `from` is known while the
    /// socket is loose; `wants` is what the port at the other side of a bridge takes as it is.
    pub fn take(
        &mut self,
        datagram: &mut [u8],
        from: Option<SocketAddr>,
        wants: Wants,
        moment: Moment,
        news: &mut News,
    ) -> (Onward, usize) {
        let mut length = datagram.len();
        if let Route::Relay(partner) = self.route {
            return (self.take_bytes(partner, from, moment, news), length);
        }
        if self.is_mux() && Carried::by(datagram) == Carried::Rtcp {
            return (Onward::Report, length);
        }
        if self.agreed.has_pictures && !self.has_room(length, moment) {
            self.totals.refused += 1;
            return (Onward::Nowhere, length);
        }
        let is_proven = self.agreed.is_protected;
        if is_proven {
            let guard = self.terms.as_mut().and_then(|terms| terms.protection.guard());
            // What proves nothing is nothing.
            length = guard.and_then(|guard| guard.receiver.unprotect(datagram).ok()).unwrap_or_default();
        }
        let onward = self.take_packet(&datagram[..length], from, is_proven, wants, moment, news);
        (onward, length)
    }

    fn take_packet(
        &mut self,
        packet: &[u8],
        from: Option<SocketAddr>,
        is_proven: bool,
        wants: Wants,
        moment: Moment,
        news: &mut News,
    ) -> Onward {
        let Ok(view) = View::parse(packet) else {
            self.totals.refused += 1;
            return Onward::Nowhere;
        };
        let head = view.head();
        let Some(means) = self.meaning(head.payload_type) else {
            self.totals.refused += 1;
            return Onward::Nowhere;
        };
        if let Some(from) = from
            && !self.admits(from, &head, is_proven, moment, news)
        {
            self.totals.strangers += 1;
            return Onward::Nowhere;
        }
        let heard = self.source.hear(&head, moment.now);
        if !heard.is_played() {
            return Onward::Nowhere;
        }
        self.hear(moment, news);
        self.rests = matches!(means, Means::Comfort);
        if heard == Heard::Started {
            self.want_picture();
            if let Some(ear) = &mut self.ear {
                ear.restart();
            }
        }
        match means {
            Means::Sound(place, kind) => self.lead_on(&view, &head, Some(place), kind, wants, moment),
            Means::Comfort => self.lead_on(&view, &head, None, Kind::ComfortNoise, wants, moment),
            Means::Keys(clock_hz) => self.lead_keys(&view, clock_hz, wants, moment, news),
        }
    }

    /// An event goes on as it is where sound does and the clocks agree; else the press is made anew when it is over.
    fn lead_keys(&mut self, view: &View<'_>, clock_hz: u32, wants: Wants, moment: Moment, news: &mut News) -> Onward {
        let press = self.hear_event(view, moment, news);
        if let Some(ear) = &mut self.ear {
            ear.push(view, None, moment.now);
        }
        let Route::Bridge(partner) = self.route else { return Onward::Nowhere };
        // Who takes no events hears tones in their place.
        if let Some(keys) = wants.keys
            && !self.transcodes
            && keys.clock_hz == clock_hz
        {
            return Onward::Event(partner, Head { payload_type: keys.payload_type, ..view.head() });
        }
        press.map_or(Onward::Nowhere, |press| Onward::Press(partner, press))
    }

    fn lead_on(
        &mut self,
        view: &View<'_>,
        head: &Head,
        place: Option<usize>,
        kind: Kind,
        wants: Wants,
        moment: Moment,
    ) -> Onward {
        let wanted = wants.sound;
        let fit = wants.length.fit(view.payload());
        let onward = match self.route {
            Route::Bridge(partner) if wanted == Some(kind) && fit != Fit::MadeAnew => {
                self.transcodes = false;
                match fit {
                    Fit::Cut => Onward::Cut(partner, *head, kind, view.payload_range()),
                    _ => Onward::Sound(partner, *head, kind),
                }
            }
            // Whoever hears the next packet as it came is to miss nothing.
            Route::Bridge(partner) if place.is_none() && !self.transcodes => Onward::Unsaid(partner, *head),
            Route::Bridge(_) => {
                // What is only passed on cannot be made into another codec.
                self.transcodes |= wanted.is_some() && place.is_some() && kind.is_spoken();
                Onward::Nowhere
            }
            Route::Echo => Onward::Back(*head, kind),
            Route::Nowhere | Route::Relay(_) | Route::Room(_) => Onward::Nowhere,
        };
        if self.is_recorded() && place.is_some() {
            self.note_heard(view, kind, moment);
        }
        if self.wants_frames() {
            let kind = place.map_or_else(|| self.first_heard(), |_| Some(kind));
            self.listen_to(view, place, kind, moment);
        }
        onward
    }

    /// Keeps a packet for the frames of the next rounds.
    fn listen_to(&mut self, view: &View<'_>, place: Option<usize>, kind: Option<Kind>, moment: Moment) {
        let Some(kind) = kind.filter(|kind| kind.is_spoken()) else { return };
        let ear = match &mut self.ear {
            Some(ear) if ear.hears(kind) => ear,
            other => other.insert(Box::new(Ear::new(kind, moment.now))),
        };
        ear.push(view, place, moment.now);
    }

    /// Whether somebody wants frames of this party, and not only packets.
    pub fn wants_frames(&self) -> bool {
        self.transcodes || matches!(self.route, Route::Room(_)) || self.records_frames() || self.wants_tones()
    }

    /// Whether these frames go on to somebody. Who is only recorded, or listened to for keys, has its packets passed on, and the
    /// same sound twice is none.
    pub fn carries_frames(&self) -> bool {
        self.transcodes || matches!(self.route, Route::Room(_))
    }

    fn take_bytes(&mut self, partner: Place, from: Option<SocketAddr>, moment: Moment, news: &mut News) -> Onward {
        if let Some(from) = from {
            if self.rtp.is_settling() && self.rtp.peer() != Some(from) {
                self.totals.refused += 1;
                return Onward::Nowhere;
            }
            self.rtp.hold_fast(from);
        }
        self.hear(moment, news);
        Onward::Bytes(partner)
    }

    fn hear(&mut self, moment: Moment, news: &mut News) {
        self.totals.packets_in += 1;
        self.show_life(moment, news);
    }

    /// The party is there: it spoke, or said at least how it hears us.
    pub fn show_life(&mut self, moment: Moment, news: &mut News) {
        self.last_heard = moment.now;
        if self.is_unheard {
            self.is_unheard = false;
            self.tell(news, Notice::HeardAgain(self.id));
        }
        if self.is_silent {
            self.is_silent = false;
            self.tell(news, Notice::Resumed(self.id));
        }
    }

    /// Whether reports come through the socket of sound.
    pub fn is_mux(&self) -> bool {
        self.agreed.mux
    }

    fn meaning(&self, payload_type: u8) -> Option<Means> {
        let agreed = &self.agreed;
        for (place, hears) in agreed.hears.iter().enumerate() {
            if let Some((known, kind)) = hears
                && *known == payload_type
            {
                return Some(Means::Sound(place, *kind));
            }
        }
        if agreed.comfort_in == Some(payload_type) {
            return Some(Means::Comfort);
        }
        let keys = agreed.keys_in.filter(|keys| keys.payload_type == payload_type);
        keys.map(|keys| Means::Keys(keys.clock_hz))
    }

    /// The codec in which the party is most likely to speak.
    pub fn first_heard(&self) -> Option<Kind> {
        self.agreed.hears[0].map(|(_, kind)| kind)
    }

    /// Whether a packet from that address is the party's. Once that is sure, the socket is held fast to it.
    fn admits(&mut self, from: SocketAddr, head: &Head, is_proven: bool, moment: Moment, news: &mut News) -> bool {
        if self.rtp.is_settling() && self.rtp.peer() != Some(from) {
            return false;
        }
        let verdict = self.latch.hear(from, head, is_proven, moment.now);
        if verdict == crate::rtp::latch::Verdict::Latched {
            self.aim();
            self.tell(news, Notice::Latched(self.id, from));
        }
        if !self.rtp.is_settling()
            && let Some(party) = self.latch.connect_to(moment.now)
        {
            self.rtp.hold_fast(party);
        }
        verdict.is_accepted()
    }
}
