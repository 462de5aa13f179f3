//! The thread on which all phones of a test live: one runtime, one beat, however many phones.
//!
//! It is not the test's own thread, so what a test does meanwhile, or how long it thinks, is not heard.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use patchcord_media::shard::rank;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch};

use super::handset::Handset;
use super::model::Model;
use crate::clock;
use crate::sound::hearing::Hearing;
use crate::sound::port::Choir;
use crate::sound::voice::Voice;
use crate::sound::wav;

pub(crate) type Choirs = Arc<Mutex<Choir>>;
pub(crate) type Voices = Arc<Mutex<Vec<Voice>>>;

/// See the module.
pub struct Lab {
    pub(super) lab: Handle,
    pub(super) choirs: Choirs,
    pub(super) voices: Voices,
    pub(super) beat: watch::Receiver<Instant>,
    close: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lab {
    /// Opens a lab without phones.
    pub fn open() -> Self {
        let (close, closed) = oneshot::channel();
        let (teller, told) = std::sync::mpsc::channel();
        let (beats, beat) = watch::channel(clock::now());
        let choirs = Arc::new(Mutex::new(Choir::new(clock::now())));
        let singing = choirs.clone();
        let work = move || {
            // Ahead of whatever else the machine does, where that is allowed: what is late here is heard as a gap.
            let _allowed_or_not = rank::go_ahead();
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime for the lab");
            teller.send(runtime.handle().clone()).expect("the test waits for its lab");
            runtime.block_on(async {
                tokio::select! {
                    _ = closed => {}
                    () = sing(singing, beats) => {}
                }
            });
        };
        let thread = thread::Builder::new().name("lab".to_owned()).spawn(work).expect("a thread for the lab");
        let lab = told.recv().expect("the lab opens");
        Self { lab, choirs, voices: Voices::default(), beat, close: Some(close), thread: Some(thread) }
    }

    /// A plain phone: UDP, G.711.
    pub fn phone(&self, name: &str) -> Handset {
        self.phone_like(name, &Model::new())
    }

    /// A phone of that model, with a voice that no other has.
    pub fn phone_like(&self, name: &str, model: &Model) -> Handset {
        let voice = self.voice(name);
        Handset::open(
            name,
            model.clone(),
            voice,
            self.choirs.clone(),
            self.voices.clone(),
            self.beat.clone(),
            &self.lab,
        )
    }
}

impl Lab {
    /// A voice that nobody else of the lab has, for whoever is no phone of it.
    pub fn voice(&self, name: &str) -> Voice {
        let mut voices = self.voices.lock().expect("nobody panics with the voices in hand");
        let voice = Voice::numbered(voices.len(), name);
        voices.push(voice.clone());
        voice
    }

    /// What is to be heard in a channel, counted from 0, of a WAV file: a recording, by the ears of this lab.
    pub fn hears_file(&self, path: &Path, channel: usize) -> Hearing {
        let recorded = wav::read(path, channel);
        let known = self.voices.lock().expect("nobody panics with the voices in hand").clone();
        Hearing::new(recorded.rate, recorded.samples, known)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.close.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed, and has failed whoever waited for its phone.
            let _ended = thread.join();
        }
    }
}

async fn sing(choirs: Choirs, beats: watch::Sender<Instant>) {
    let mut beat = clock::beat();
    for number in 0.. {
        let due = beat.tick().await.into_std();
        let now = clock::now();
        choirs.lock().expect("nobody panics with the choir in hand").tick(number, due, now);
        beats.send_replace(now);
    }
}
