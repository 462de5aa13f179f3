//! Opus by libopus, mono at 48 kHz. SDP always writes two channels (RFC 7587); a packet in stereo is decoded to mono.
//!
//! The encoder changes its bitrate, its complexity and its forward error correction from one frame to the next, so that a
//! busy machine can ask for less. The decoder takes what a lost packet left behind in the next one, where that has come, and
//! otherwise lets libopus go on with the voice.

use opus::{Application, Bitrate, Channels, Signal};

use super::table::{Halves, Row};
use super::{Decoder, Encoder, Settings, Undecodable};
use crate::frame::Rate;

pub(super) const ROW: Row = Row {
    name: NAME,
    clock_hz: 48_000,
    rate: Rate::Full,
    channels: 2,
    payload_type: None,
    halves: Some(Halves {
        encoder: |settings| Box::new(Speaker::new(settings)),
        decoder: || Box::new(Listener::new()),
    }),
};

const NAME: &str = "opus";

/// The longest packet of one frame that libopus makes (RFC 6716 §3.4).
const MAX_BYTES: usize = 1275;
/// The most samples that a packet holds: 120 ms.
const MAX_SAMPLES: usize = 5760;
/// libopus conceals in steps of 2.5 ms.
const STEP: usize = 120;
/// A packet of so few bytes says that the quiet goes on, and need not be sent.
const SILENT_BYTES: usize = 2;
/// From this configuration on a packet is made for music (RFC 6716 §3.1).
const FIRST_OF_MUSIC: u8 = 16;

/// How long a packet plays, in ticks of 48 kHz; `None` when it is none.
pub(crate) fn ticks(packet: &[u8]) -> Option<u32> {
    if packet.is_empty() {
        return None;
    }
    let ticks = opus::packet::get_nb_samples(packet, Rate::Full.hz()).ok()?;
    (1..=MAX_SAMPLES).contains(&ticks).then_some(ticks as u32)
}

/// How many frames a packet holds; `None` when it is none.
pub(crate) fn frames(packet: &[u8]) -> Option<u64> {
    let frames = opus::packet::get_nb_frames(packet).ok()?;
    (frames > 0).then_some(frames as u64)
}

/// Whether a packet says by itself that nobody speaks in it: in the modes for speech its first bits tell of each 20 ms whether there
/// is a voice (RFC 6716 §4.2.3), and they can be read without decoding, because each has a chance of one half. Packets of
/// several frames and those in the mode for music do not tell.
fn is_unvoiced(packet: &[u8]) -> bool {
    let [head, flags, ..] = *packet else { return true };
    if packet.len() <= SILENT_BYTES {
        return true;
    }
    let (mode, is_stereo, is_one_frame) = (head >> 3, head & 4 != 0, head & 3 == 0);
    if mode >= FIRST_OF_MUSIC || !is_one_frame {
        return false;
    }
    let parts = match mode {
        2 | 6 | 10 => 2,
        3 | 7 | 11 => 3,
        _ => 1,
    };
    let voices = |before: u32| (flags << before) >> (8 - parts);
    // One bit behind those of a channel says whether it has a coarse copy.
    voices(0) == 0 && (!is_stereo || voices(parts + 1) == 0)
}

struct Speaker {
    inner: opus::Encoder,
    settings: Settings,
}

impl Speaker {
    fn new(settings: &Settings) -> Self {
        let inner = opus::Encoder::new(Rate::Full.hz(), Channels::Mono, Application::Voip)
            .expect("libopus knows 48 kHz in mono, and memory is never short of an encoder's 30 kB");
        let mut speaker = Self { inner, settings: *settings };
        speaker.obey();
        speaker
    }

    /// Tells libopus the settings. It refuses what is out of its range, so that is cut to the range before.
    fn obey(&mut self) {
        let Settings { bitrate, most_bitrate, as_music, complexity, .. } = self.settings;
        let Settings { forward_error_correction, expected_loss_percent, discontinuous, .. } = self.settings;
        let bitrate = Bitrate::Bits(bitrate.min(most_bitrate).clamp(6000, 510_000) as i32);
        let signal = if as_music { Signal::Music } else { Signal::Auto };
        let obeyed = self
            .inner
            .set_bitrate(bitrate)
            .and_then(|()| self.inner.set_signal(signal))
            .and_then(|()| self.inner.set_complexity(i32::from(complexity.min(10))))
            .and_then(|()| self.inner.set_inband_fec(forward_error_correction))
            .and_then(|()| self.inner.set_packet_loss_perc(i32::from(expected_loss_percent.min(100))))
            .and_then(|()| self.inner.set_dtx(discontinuous));
        obeyed.expect("every setting is within libopus's range");
    }
}

impl Encoder for Speaker {
    fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>) {
        let from = payload.len();
        payload.resize(from + MAX_BYTES, 0);
        // libopus refuses only lengths that are no frame; then nothing is said.
        let written = self.inner.encode(samples, &mut payload[from..]).unwrap_or(0);
        let silent = self.settings.discontinuous && written <= SILENT_BYTES;
        payload.truncate(if silent { from } else { from + written });
    }

    fn adjust(&mut self, settings: &Settings) {
        if self.settings != *settings {
            self.settings = *settings;
            self.obey();
        }
    }
}

struct Listener(opus::Decoder);

impl Listener {
    fn new() -> Self {
        let inner = opus::Decoder::new(Rate::Full.hz(), Channels::Mono)
            .expect("libopus knows 48 kHz in mono, and memory is never short of a decoder's 20 kB");
        Self(inner)
    }

    /// Appends `missing` samples by what `payload` says of them, or by libopus's own guess when it is empty.
    fn guess(&mut self, missing: usize, payload: &[u8], samples: &mut Vec<i16>) {
        let from = samples.len();
        samples.resize(from + missing.next_multiple_of(STEP), 0);
        let ahead = &mut samples[from..];
        if !payload.is_empty() && self.0.decode(payload, ahead, true).is_err() {
            // A next packet that is none says nothing about the one before it.
            ahead.fill(0);
            self.go_on(ahead);
        } else if payload.is_empty() {
            self.go_on(ahead);
        }
        samples.truncate(from + missing);
    }

    /// libopus's own guess; silence where it has none.
    fn go_on(&mut self, ahead: &mut [i16]) {
        if self.0.decode(&[], ahead, false).is_err() {
            ahead.fill(0);
        }
    }
}

impl Decoder for Listener {
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> Result<(), Undecodable> {
        let undecodable = Undecodable { codec: NAME, length: payload.len() };
        if payload.is_empty() {
            return Err(undecodable);
        }
        let length = self.0.get_nb_samples(payload).map_err(|_| undecodable)?;
        let from = samples.len();
        samples.resize(from + length, 0);
        match self.0.decode(payload, &mut samples[from..], false) {
            Ok(written) => {
                samples.truncate(from + written);
                Ok(())
            }
            Err(_) => {
                samples.truncate(from);
                Err(undecodable)
            }
        }
    }

    fn conceal(&mut self, missing: usize, next: Option<&[u8]>, samples: &mut Vec<i16>) {
        let mut left = missing;
        // Only the end of the gap can stand in the next packet.
        while left > MAX_SAMPLES {
            self.guess(MAX_SAMPLES, &[], samples);
            left -= MAX_SAMPLES;
        }
        if left > 0 {
            self.guess(left, next.unwrap_or_default(), samples);
        }
    }

    fn doze(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> bool {
        if payload.is_empty() || !is_unvoiced(payload) {
            return false;
        }
        let Ok(length) = self.0.get_nb_samples(payload) else { return false };
        samples.resize(samples.len() + length, 0);
        true
    }
}

#[cfg(test)]
mod tests;
