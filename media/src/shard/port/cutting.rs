//! Packets that are passed on in the length that the party asked for.
//!
//! G.711, G.722 and L16 are cut and joined as they are ([`Cut`]). A packet of Opus cannot be parted: one that is longer than
//! the party takes is made anew, and a shorter one than it likes is what every decoder takes. Whose packets have been cut
//! once goes through the same count from then on, whatever length comes, until other terms are agreed.

use super::{Moment, Port};
use crate::codec::Kind;
use crate::rtp::cut::Cut;
use crate::rtp::packet::{HEAD, Head, View};
use crate::rtp::srtp::GROWTH;
use crate::shard::order::Speaking;

/// The longest packet that we make of others, so that no router has to part it.
const MOST_BYTES: u16 = 1400;

/// How long a packet may be that is passed on to a party.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Length {
    /// As it came.
    #[default]
    Any,
    /// Between these, in bytes; others are made as long as the third says.
    Bytes { least: u16, most: u16, cut: u16 },
    /// No longer than this, in ticks of 48 kHz: packets of Opus.
    Ticks(u32),
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    AsItIs,
    /// Its sound goes on in packets of another length.
    Cut,
    /// It is decoded, and encoded again.
    MadeAnew,
}

impl Length {
    /// What a party said about it.
    pub fn of(speaking: &Speaking) -> Self {
        let Some(per_ms) = speaking.kind.bytes_per_ms() else {
            let most = speaking.most_ms.filter(|_| speaking.kind == Kind::Opus);
            return most.map_or(Self::Any, |ms| Self::Ticks(u32::from(ms) * speaking.kind.clock_hz() / 1000));
        };
        let bytes = |ms: u16| (per_ms * usize::from(ms)).try_into().unwrap_or(u16::MAX);
        // A length that nobody speaks in is one of tens.
        let steps = |ms: u16| (ms / 10 * 10).max(10);
        match (speaking.asked_ms.map(steps), speaking.most_ms) {
            (Some(ms), _) if bytes(ms) <= MOST_BYTES => {
                Self::Bytes { least: bytes(ms), most: bytes(ms), cut: bytes(ms) }
            }
            (None, Some(most)) if bytes(most) <= MOST_BYTES => {
                Self::Bytes { least: 1, most: bytes(most), cut: bytes(speaking.packet_ms.min(most)) }
            }
            _ => Self::Any,
        }
    }

    /// What becomes of a packet with this payload.
    #[inline]
    pub(super) fn fit(self, payload: &[u8]) -> Fit {
        match self {
            Self::Any => Fit::AsItIs,
            Self::Bytes { least, most, .. } => {
                let fits = (usize::from(least)..=usize::from(most)).contains(&payload.len());
                if fits { Fit::AsItIs } else { Fit::Cut }
            }
            Self::Ticks(most) => match crate::codec::opus::ticks(payload) {
                Some(ticks) if ticks > most => Fit::MadeAnew,
                _ => Fit::AsItIs,
            },
        }
    }
}

/// See the file.
pub(super) struct Cutting {
    cut: Cut,
    /// The packet that leaves.
    packet: Vec<u8>,
}

impl Cutting {
    /// Whether something waits for the packet that makes it whole.
    pub fn is_holding(&self) -> bool {
        self.cut.is_holding()
    }
}

impl Port {
    /// Sends sound of another party's packet on, in packets of the length that this one asked for.
    pub fn pass_cut(&mut self, sound: &[u8], head: &Head, kind: Kind, moment: Moment) -> bool {
        let Some((_, payload_type)) = self.agreed.speaks.filter(|(speaks, _)| *speaks == kind) else { return false };
        let Some(mut cutting) = self.cutting.take().or_else(|| self.begin_cutting(kind)) else { return false };
        let is_free = !self.is_busy();
        if is_free {
            let Cutting { cut, packet } = &mut *cutting;
            let head = Head { payload_type, ..*head };
            cut.take(&head, sound, moment.now, |head, sound| self.pass_piece(head, sound, kind, packet, moment));
        } else {
            cutting.cut.forget();
        }
        self.cutting = Some(cutting);
        is_free
    }

    /// The same for a packet of the right length, while others are cut.
    pub(super) fn pass_uncut(&mut self, packet: &[u8], head: &Head, kind: Kind, moment: Moment) -> bool {
        View::parse(packet).is_ok_and(|view| self.pass_cut(view.payload(), head, kind, moment))
    }

    /// The head of a packet that goes on beside sound that is cut.
    pub(super) fn pass_beside(&mut self, head: &Head, moment: Moment) -> Head {
        let speaks = self.agreed.speaks;
        let (Some(mut cutting), Some((kind, payload_type))) = (self.cutting.take(), speaks) else { return *head };
        let Cutting { cut, packet } = &mut *cutting;
        let ours = cut.beside(head, |head, sound| {
            self.pass_piece(&Head { payload_type, ..*head }, sound, kind, packet, moment);
        });
        self.cutting = Some(cutting);
        ours
    }

    /// Sends what is held of a sentence that nobody goes on with.
    pub fn pass_rest(&mut self, moment: Moment) {
        if !self.cutting.as_deref().is_some_and(|cutting| cutting.cut.is_stale(moment.now)) {
            return;
        }
        let (Some(mut cutting), Some((kind, _))) = (self.cutting.take(), self.agreed.speaks) else { return };
        let Cutting { cut, packet } = &mut *cutting;
        if self.is_busy() {
            cut.forget();
        } else {
            cut.rest(|head, sound| self.pass_piece(head, sound, kind, packet, moment));
        }
        self.cutting = Some(cutting);
    }

    /// Other terms may ask for another length.
    pub(super) fn cease_cutting(&mut self) {
        if self.cutting.take().is_some() {
            self.forward.part();
        }
    }

    /// Whether sound is held that waits to be passed on.
    pub fn holds_passed_sound(&self) -> bool {
        self.cutting.as_deref().is_some_and(Cutting::is_holding)
    }

    fn begin_cutting(&mut self, kind: Kind) -> Option<Box<Cutting>> {
        let Length::Bytes { cut, .. } = self.agreed.length else { return None };
        let per_tick = kind.bytes_per_ms()? / (kind.clock_hz() as usize / 1000);
        // What went so far had another count.
        self.forward.part();
        let cut = Cut::new(cut.into(), per_tick, kind.clock_hz());
        Some(Box::new(Cutting { cut, packet: Vec::with_capacity(usize::from(MOST_BYTES) + HEAD + GROWTH) }))
    }

    fn pass_piece(&mut self, head: &Head, sound: &[u8], kind: Kind, packet: &mut Vec<u8>, moment: Moment) {
        head.packet(sound, packet);
        let length = packet.len();
        packet.resize(length + GROWTH, 0);
        self.pass_under(head, packet, length, Some(kind), moment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Settings;
    use crate::frame::Rate;

    fn length(kind: Kind, asked_ms: Option<u16>, most_ms: Option<u16>) -> Length {
        Length::of(&Speaking { asked_ms, most_ms, ..Speaking::new(kind, 0, Settings::default()) })
    }

    #[test]
    fn what_a_party_said_is_what_its_packets_are_measured_by() {
        let exactly = |bytes| Length::Bytes { least: bytes, most: bytes, cut: bytes };
        assert_eq!(length(Kind::Pcmu, None, None), Length::Any);
        assert_eq!(length(Kind::Pcmu, Some(30), None), exactly(240));
        assert_eq!(length(Kind::Pcmu, Some(35), Some(40)), exactly(240), "in steps of ten");
        assert_eq!(length(Kind::G722, Some(5), None), exactly(80));
        assert_eq!(length(Kind::L16(Rate::Wide), Some(20), None), exactly(640));
        assert_eq!(length(Kind::L16(Rate::Full), Some(20), None), Length::Any, "no router would pass it whole");
        assert_eq!(length(Kind::Pcma, None, Some(40)), Length::Bytes { least: 1, most: 320, cut: 160 });
        assert_eq!(length(Kind::Pcma, None, Some(10)), Length::Bytes { least: 1, most: 80, cut: 80 });
        assert_eq!(length(Kind::Opus, Some(20), Some(40)), Length::Ticks(1920));
        assert_eq!(length(Kind::Opus, Some(60), None), Length::Any);
        assert_eq!(length(Kind::G729, Some(40), Some(40)), Length::Any, "nobody here can part it");
    }

    #[test]
    fn a_packet_of_opus_is_made_anew_only_where_it_is_too_long() {
        let most = Length::Ticks(1920);
        // 20 ms, twice 20 ms, three times 20 ms.
        assert_eq!(most.fit(&[0x78, 1, 2]), Fit::AsItIs);
        assert_eq!(most.fit(&[0x79, 1, 2]), Fit::AsItIs);
        assert_eq!(most.fit(&[0x7b, 3, 1, 2, 3]), Fit::MadeAnew);
        assert_eq!(most.fit(&[]), Fit::AsItIs);
    }
}
