//! What `a=fmtp` says of a codec, and when two sides mean the same codec by it.
//!
//! What makes no sense is taken as not said.

use std::fmt;

use super::format::Codec;

/// The value of one parameter of a list `a=1; b=2`.
#[must_use]
pub fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Parameters that both sides must have alike to hear each other, with the value that holds when nothing is said.
const DECISIVE: [(&str, &[(&str, &str)]); 5] = [
    ("AMR", &[("octet-align", "0"), ("crc", "0"), ("robust-sorting", "0"), ("interleaving", ""), ("channels", "1")]),
    ("AMR-WB", &[("octet-align", "0"), ("crc", "0"), ("robust-sorting", "0"), ("interleaving", ""), ("channels", "1")]),
    ("iLBC", &[("mode", "30")]),
    ("G7221", &[("bitrate", "")]),
    ("MP4A-LATM", &[("config", ""), ("object", "")]),
];

/// Whether two sides that name this codec with these parameters can hear each other.
#[must_use]
pub fn agree(codec: &Codec, ours: Option<&str>, theirs: Option<&str>) -> bool {
    if *codec == Codec::H264 {
        return h264(ours) == h264(theirs);
    }
    let decisive = DECISIVE.iter().find(|(name, _)| name.eq_ignore_ascii_case(codec.name()));
    decisive.is_none_or(|(_, parameters)| {
        parameters.iter().all(|(name, unsaid)| {
            let said = |side: Option<&str>| parameter(side?, name).map(str::to_ascii_lowercase);
            said(ours).as_deref().unwrap_or(unsaid) == said(theirs).as_deref().unwrap_or(unsaid)
        })
    })
}

/// How pictures of H.264 are packed, and their profile without the level: what both sides must have alike (RFC 6184 §8.2.2).
/// The level is each receiver's own.
fn h264(said: Option<&str>) -> (u8, [u8; 4]) {
    let said = said.unwrap_or_default();
    let packed = parameter(said, "packetization-mode").and_then(|mode| mode.parse().ok()).unwrap_or_default();
    let profile = parameter(said, "profile-level-id").and_then(|id| id.as_bytes().first_chunk::<4>());
    // Nobody writes one for the baseline of 2003, which is meant then.
    (packed, profile.unwrap_or(b"4200").map(|digit| digit.to_ascii_lowercase()))
}

/// What a side that receives Opus asks of the one that sends (RFC 7587 §6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opus {
    /// `useinbandfec`: it can use forward error correction.
    pub fec: bool,
    /// `usedtx`: silence need not be sent.
    pub dtx: bool,
    /// `stereo`: it would rather hear two channels.
    pub stereo: bool,
    /// `sprop-stereo`: it is likely to send two.
    pub sends_stereo: bool,
    /// `cbr`: it wants a constant bit rate.
    pub constant: bool,
    /// `maxplaybackrate`: it can play no more than this.
    pub playback_hz: Option<u32>,
    /// `sprop-maxcapturerate`: it records no more than this.
    pub capture_hz: Option<u32>,
    /// `maxaveragebitrate`, in bit/s.
    pub bitrate: Option<u32>,
    /// `minptime`, in milliseconds.
    pub least_ms: Option<u16>,
}

impl Opus {
    /// Reads the parameters behind the payload type.
    #[must_use]
    pub fn parse(parameters: &str) -> Self {
        let flag = |name| parameter(parameters, name) == Some("1");
        let number = |name| parameter(parameters, name).and_then(|value| value.parse::<u32>().ok());
        Self {
            fec: flag("useinbandfec"),
            dtx: flag("usedtx"),
            stereo: flag("stereo"),
            sends_stereo: flag("sprop-stereo"),
            constant: flag("cbr"),
            playback_hz: number("maxplaybackrate").filter(|hz| (8000..=48_000).contains(hz)),
            capture_hz: number("sprop-maxcapturerate").filter(|hz| (8000..=48_000).contains(hz)),
            bitrate: number("maxaveragebitrate").filter(|bits| (6000..=510_000).contains(bits)),
            least_ms: number("minptime").filter(|ms| (3..=120).contains(ms)).and_then(|ms| ms.try_into().ok()),
        }
    }
}

impl fmt::Display for Opus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = |set: bool| set.then_some(1);
        let said = [
            ("minptime", self.least_ms.map(u32::from)),
            ("useinbandfec", flag(self.fec)),
            ("usedtx", flag(self.dtx)),
            ("stereo", flag(self.stereo)),
            ("sprop-stereo", flag(self.sends_stereo)),
            ("cbr", flag(self.constant)),
            ("maxplaybackrate", self.playback_hz),
            ("sprop-maxcapturerate", self.capture_hz),
            ("maxaveragebitrate", self.bitrate),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name, value?)));
        for (index, (name, value)) in said.enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { "" } else { ";" })?;
        }
        Ok(())
    }
}

/// Which events of RFC 4733 a side takes, up to 31: the keys are 0 to 15, 16 is the flash of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Events(u32);

impl Events {
    /// The sixteen keys: what holds when nothing is said (RFC 4733 §2.4.1).
    pub const KEYS: Self = Self(0xffff);

    /// Reads `0-15,16`; what makes no sense means the sixteen keys.
    #[must_use]
    pub fn parse(parameters: &str) -> Self {
        let list = parameter(parameters, "events").unwrap_or(parameters);
        let mut events = 0;
        for range in list.split(',').map(str::trim) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (Ok(first), Ok(last)) = (first.trim().parse::<u8>(), last.trim().parse::<u8>()) else { continue };
            events |= (0..32).filter(|event| (first..=last).contains(event)).fold(0, |set, event| set | 1 << event);
        }
        if events == 0 { Self::KEYS } else { Self(events) }
    }

    /// Whether an event is among them.
    #[must_use]
    pub const fn has(self, event: u8) -> bool {
        event < 32 && self.0 & (1 << event) != 0
    }
}

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        let mut event = 0;
        while event < 32 {
            let run = (event..32).take_while(|event| self.has(*event)).count() as u8;
            if run > 0 {
                let comma = if first { "" } else { "," };
                first = false;
                match run {
                    1 => write!(f, "{comma}{event}")?,
                    run => write!(f, "{comma}{event}-{}", event + run - 1)?,
                }
            }
            event += run + 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opus_says_what_it_was_told() {
        let asked = "minptime=10; useinbandfec=1;usedtx=0;stereo=1;maxplaybackrate=16000;maxaveragebitrate=20000;x=y";
        let opus = Opus::parse(asked);
        let fields = (opus.fec, opus.dtx, opus.stereo, opus.playback_hz, opus.bitrate, opus.least_ms);
        assert_eq!(fields, (true, false, true, Some(16_000), Some(20_000), Some(10)));
        let written = opus.to_string();
        assert_eq!(written, "minptime=10;useinbandfec=1;stereo=1;maxplaybackrate=16000;maxaveragebitrate=20000");
        assert_eq!(Opus::parse(&written), opus);
        assert_eq!(Opus::parse("maxplaybackrate=99999999999;maxaveragebitrate=0;;=;"), Opus::default());
    }

    #[test]
    fn events_without_sense_are_the_sixteen_keys() {
        for silent in ["", "x", "300", "0-", "-", "9-3"] {
            assert_eq!(Events::parse(silent), Events::KEYS, "{silent}");
        }
        assert_eq!(Events::KEYS.to_string(), "0-15");
    }

    #[test]
    fn events_are_written_as_they_were_read() {
        for list in ["0-16", "0-15,17", "0-9,11,16-20", "0-31", "1"] {
            assert_eq!(Events::parse(list).to_string(), list);
        }
        let events = Events::parse("0-9,16, 66,70-255");
        assert!(events.has(9) && events.has(16) && !events.has(10) && !events.has(66));
    }

    #[test]
    fn amr_agrees_only_in_the_same_packing() {
        assert!(agree(&Codec::AMR, Some("octet-align=1; mode-set=7"), Some("mode-change-period=2;octet-align=1")));
        assert!(!agree(&Codec::AMR, Some("octet-align=1"), None));
        assert!(agree(&Codec::AMR_WB, Some("octet-align=0"), None));
        assert!(agree(&Codec::G729, Some("annexb=no"), None));
        assert!(agree(&Codec::OPUS, Some("stereo=1"), Some("stereo=0")));
    }
}
