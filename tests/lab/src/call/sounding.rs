//! A mouth and ears for somebody whose signalling is done elsewhere: SIPp names their address in its description and hears nothing
//! itself.
//!
//! They speak A-law, and to where they are spoken to, so that nobody has to read the answer for them.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_media::codec::Kind;
use tokio::sync::watch;

use super::lab::{Lab, Voices};
use super::listening::overhear;
use crate::clock;
use crate::sound::ear::Ear;
use crate::sound::hearing::Hearing;
use crate::sound::mouth::Mouth;
use crate::sound::port::Port;
use crate::sound::speech::Speech;
use crate::sound::voice::Voice;
use crate::wait::eventually;

/// The payload type that stands for A-law everywhere.
const PAYLOAD: u8 = 8;

/// See the module.
pub struct Sounding {
    voice: Voice,
    port: Arc<Port>,
    beat: watch::Receiver<Instant>,
    voices: Voices,
}

impl Lab {
    /// A mouth that speaks a tone of its own, and ears, for somebody of that name.
    pub fn sounding(&self, name: &str) -> Sounding {
        let voice = self.voice(name);
        // Whoever knows one stream knows no other: the voice's number is enough of a name.
        let mut mouth = Mouth::new(Speech::Tone(voice.clone()), u64::from(voice.hz()) << 32);
        mouth.agree(Some((PAYLOAD, Kind::Pcma)), None);
        let mut ear = Ear::new(Kind::Pcma.rate(), clock::now());
        ear.agree(&[(PAYLOAD, Kind::Pcma)], None);
        let mut choir = self.choirs.lock().expect("nobody panics with the choir in hand");
        let port = Port::open(Ipv4Addr::LOCALHOST.into(), mouth, ear, false, choir.sloth(), &self.lab);
        choir.join(port.clone());
        drop(choir);
        Sounding { voice, port, beat: self.beat.clone(), voices: self.voices.clone() }
    }
}

impl Sounding {
    /// Its tone.
    pub fn voice(&self) -> &Voice {
        &self.voice
    }

    /// A description that asks for sound at its ears.
    pub fn description(&self) -> String {
        let port = self.port.local().port();
        format!(
            "v=0\no=sipp 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n\
             m=audio {port} RTP/AVP {PAYLOAD}\na=rtpmap:{PAYLOAD} PCMA/8000\n"
        )
    }

    /// Waits until somebody speaks to it, and speaks to that one from then on.
    pub async fn is_spoken_to(&self) {
        let from = async || self.port.ends().ear.reception.from;
        let from = eventually(&format!("{} is spoken to", self.voice.name()), from).await;
        self.port.ends().mouth.turn_to(Some(from));
    }

    /// Says its tone, or packets full of silence.
    pub fn speaks(&self, aloud: bool) {
        let speech = if aloud { Speech::Tone(self.voice.clone()) } else { Speech::Silence };
        self.port.ends().mouth.say(speech);
    }

    /// Listens for that long from now on.
    pub async fn listens(&self, time: Duration) -> Hearing {
        let from = clock::now();
        overhear(&self.port, &self.beat, &self.voices, from, from + time).await
    }
}

impl Drop for Sounding {
    fn drop(&mut self) {
        self.port.close();
    }
}
