//! What a phone hears and says, as a test asks for it.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_media::codec::Kind;
use tokio::sync::watch;
use tokio::time::timeout;

use super::handset::Handset;
use super::lab::Voices;
use crate::clock;
use crate::sound::ear::{LATEST, Reception};
use crate::sound::hearing::Hearing;
use crate::sound::port::Port;
use crate::sound::report::Told;
use crate::sound::speech::Speech;
use crate::sound::voice::Voice;
use crate::sound::wav;
use crate::wait::PATIENCE;

/// Long enough to tell voices 20 Hz apart.
const GLANCE: Duration = Duration::from_millis(250);

/// Louder than any noise of a codec, and reached within the first wave of a voice.
const LOUD: u16 = 1000;

impl Handset {
    /// Listens for that long from now on.
    pub async fn listens(&self, time: Duration) -> Hearing {
        self.has_sound().await;
        let from = clock::now();
        self.overhears(from, from + time).await
    }

    async fn overhears(&self, from: Instant, to: Instant) -> Hearing {
        let port = self.port();
        overhear(&port, &self.beat, &self.voices, from, to).await
    }

    /// Whom this phone hears, in the order in which the phones were made. Listens until the picture stands still.
    pub async fn hears(&self) -> Vec<Voice> {
        self.has_sound().await;
        let (mut from, mut before) = (clock::now(), None);
        let last = from + PATIENCE;
        loop {
            let voices = self.overhears(from, from + GLANCE).await.voices();
            if before.as_ref() == Some(&voices) || from > last {
                return voices;
            }
            before = Some(voices);
            from += GLANCE;
        }
    }

    /// Waits until this phone hears exactly these, in the order in which they were made.
    pub async fn comes_to_hear(&self, wanted: &[&Self]) {
        let wanted: Vec<&Voice> = wanted.iter().map(|phone| phone.voice()).collect();
        let mut heard = Vec::new();
        let waiting = async {
            loop {
                heard = self.hears().await;
                if heard.iter().collect::<Vec<_>>() == wanted {
                    return;
                }
            }
        };
        let came = timeout(PATIENCE, waiting).await;
        assert!(came.is_ok(), "{} is to hear {wanted:?} and hears {heard:?}", self.name());
    }

    /// Waits until this phone hears anything at all, and gives a second of it: for music, and for what a server says.
    pub async fn comes_to_hear_sound(&self) -> Hearing {
        self.has_sound().await;
        let (mut from, begins) = (clock::now(), clock::now());
        while self.overhears(from, from + GLANCE).await.is_silent() {
            assert!(from < begins + PATIENCE, "{} hears nothing", self.name());
            from += GLANCE;
        }
        self.overhears(from, from + Duration::from_secs(1)).await
    }

    /// How long what the other says takes to this phone's ear, from the packet in which it is sent to the one in which it
    /// comes. The other falls silent for that and speaks again.
    pub async fn delay_of(&self, other: &Self) -> Duration {
        other.falls_silent();
        let patience = clock::now() + PATIENCE;
        let mut from = clock::now();
        while !self.overhears(from, from + GLANCE).await.is_silent() {
            assert!(from < patience, "{} does not become silent for {}", other.name(), self.name());
            from += GLANCE;
        }
        let begins = clock::now();
        other.speaks();
        let said = other.port();
        let said = other.until("speaks again", |_| said.ends().mouth.began()).await;
        let port = self.port();
        let heard = self.until("hears the other again", |_| onset(&port, begins)).await;
        heard.saturating_duration_since(said)
    }

    /// The codec in which it speaks.
    pub fn codec(&self) -> Option<Kind> {
        let leg = self.leg();
        self.set.machine().legs[leg].talk.agreed.as_ref().map(|agreed| agreed.speaks.1)
    }

    /// What was received in its call, counted.
    pub fn reception(&self) -> Reception {
        self.port().ends().ear.reception.clone()
    }

    /// Waits until at least so many reports about the sound of its call have come, and gives them.
    pub async fn is_told(&self, reports: usize) -> Vec<Told> {
        let port = self.port();
        self.until("is told about its sound", |_| {
            let ends = port.ends();
            let told = &ends.reporter.as_ref().expect("a model with reports").told;
            (told.len() >= reports).then(|| told.clone())
        })
        .await
    }

    /// How many packets of sound it has sent in its call.
    pub fn sent(&self) -> u64 {
        self.port().ends().mouth.sent()
    }

    /// Says nothing from now on, in packets full of silence.
    pub fn falls_silent(&self) {
        self.says(Speech::Silence);
    }

    /// Speaks its tone again.
    pub fn speaks(&self) {
        self.says(Speech::Tone(self.voice().clone()));
    }

    /// Speaks a WAV file once, in its call or from the beginning of its next.
    pub fn speaks_file(&self, path: &Path) {
        self.says(Speech::File(Arc::new(wav::read(path, 0))));
    }

    /// Waits until a file was said to its end.
    pub async fn has_spoken(&self) {
        self.until("has said all of its file", |machine| {
            machine.legs.last()?.port.ends().mouth.is_done().then_some(())
        })
        .await;
    }

    /// Has every packet of sound that this phone sends in its call go through `mischief`, which may lose, double, delay or
    /// spoil it: one packet goes in, those that are to be sent come out.
    pub fn misbehaves(&self, mischief: impl FnMut(Vec<u8>) -> Vec<Vec<u8>> + Send + 'static) {
        self.port().ends().mischief = Some(Box::new(mischief));
    }

    /// Sends bytes from where its sound comes from to where its sound goes, as they are.
    pub async fn sends_packet(&self, bytes: &[u8]) {
        self.has_sound().await;
        let leg = self.leg();
        let machine = self.set.machine();
        let to = machine.legs[leg].talk.agreed.as_ref().and_then(|agreed| agreed.to).expect("somewhere to send to");
        machine.legs[leg].port.send(bytes, to);
    }

    /// Where it hears, and where the other side wants its sound.
    pub async fn sound_addresses(&self) -> (SocketAddr, Option<SocketAddr>) {
        self.has_sound().await;
        let leg = self.leg();
        let machine = self.set.machine();
        let leg = &machine.legs[leg];
        (leg.port.local(), leg.talk.agreed.as_ref().and_then(|agreed| agreed.to))
    }

    fn says(&self, speech: Speech) {
        let mut machine = self.set.machine();
        machine.speech = speech.clone();
        machine.legs.iter().for_each(|leg| leg.port.ends().mouth.say(speech.clone()));
    }

    fn port(&self) -> Arc<Port> {
        let leg = self.leg();
        self.set.machine().legs[leg].port.clone()
    }
}

/// What a port hears from one moment to another. Waits until the lab's beat has come past it: everything that was spoken before is
/// in the ears.
pub(super) async fn overhear(
    port: &Port,
    beat: &watch::Receiver<Instant>,
    voices: &Voices,
    from: Instant,
    to: Instant,
) -> Hearing {
    let (mut beat, moment) = (beat.clone(), to + LATEST);
    let waiting = beat.wait_for(|at| *at >= moment);
    let patience = PATIENCE + moment.saturating_duration_since(clock::now());
    let came = timeout(patience, waiting).await;
    assert!(came.is_ok_and(|beat| beat.is_ok()), "the lab's beat stands still");
    let ends = port.ends();
    let tape = ends.ear.tape();
    let samples = tape.stretch(tape.place(from), tape.place(to));
    let known = voices.lock().expect("nobody panics with the voices in hand").clone();
    Hearing::new(tape.rate(), samples, known)
}

/// When the first loud sample after that moment came, counted from the packet in which it lies.
fn onset(port: &Port, from: Instant) -> Option<Instant> {
    let ends = port.ends();
    let tape = ends.ear.tape();
    let start = tape.place(from);
    let loud = tape.stretch(start, tape.place(clock::now())).iter().position(|sample| sample.unsigned_abs() > LOUD)?;
    let (begins, came) = ends.ear.arrival(start + loud as u64)?;
    Some(came + tape.moment(start + loud as u64).saturating_duration_since(tape.moment(begins)))
}

impl fmt::Debug for Handset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.voice().fmt(f)
    }
}

impl PartialEq<&Handset> for Voice {
    fn eq(&self, other: &&Handset) -> bool {
        self == other.voice()
    }
}
