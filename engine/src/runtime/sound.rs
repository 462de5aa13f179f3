//! Sound at a shard: what its ports tell and prompts that are ready, heard on the shard's own thread.
//!
//! The media plane knows no tokio and no calls: it tells a listener, and rings a bell. Each shard is one listener; tasks of
//! the shard wait for the bell and for the loader, and tell the desk one thing after another. A prompt is finished on a thread
//! of the loader, or was ready before it was asked for; either way it comes back through a queue, so that a desk is never
//! called while it calls. Nothing here opens a port or decides what is heard.
//!
//! ```text
//! media thread ─▶ Notices ══bell══▶ hear_notices ─▶ Desk::hear_sound
//! Wire::load ─▶ Loader ─▶ queue ──▶ hear_prompts ─▶ Desk::hear_prompt
//! ```

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_media::prompt::{Loaded, Loader, Wish};
use patchcord_media::recording::{Control, Plan, Tap};
use patchcord_media::shard::{Notice, Notices, Plane};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use super::recordings::{self, Ends, NotRecorded, RecordTicket, Recordings, RecordingsAtShard};
use super::shard::Shard;

/// Prompts that may be on their way to one shard: one for each call of a very full server, and as many again.
const PROMPTS: usize = 16_384;

/// Notices told before sockets and timers of the shard have their turn.
const NOTICES: usize = 64;

/// Prompts told at once.
const BATCH: usize = 64;

/// Stands for a peer somewhere outside whose address is not known (RFC 5737).
pub(super) const SOMEBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// What a runtime needs for its calls to have sound.
pub struct Sound {
    /// The media threads.
    pub plane: Plane,
    /// What they tell: one for each shard, in their order.
    pub notices: Vec<Notices>,
    /// Who makes prompts ready.
    pub loader: Arc<Loader>,
    /// Who writes recordings; `None`: nobody does.
    pub recordings: Option<Recordings>,
    /// How ports are opened.
    pub rules: SoundRules,
}

/// How ports are opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SoundRules {
    /// The address that ports are bound to; `None`: any of ours.
    pub address: Option<IpAddr>,
    /// The address of sound as the world outside sees it; `None`: as it sees that of SIP.
    pub advertise: Option<IpAddr>,
    /// After how long without a packet a party counts as silent; `None`: never.
    pub silence_after: Option<Duration>,
    /// How many kbit/s of pictures a leg may send; `None`: pictures do not pass between legs.
    pub picture_kbit: Option<u32>,
}

/// Where sound is taken for a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoundAddress {
    /// What a port is bound to.
    pub bind: IpAddr,
    /// What a port for browsers is bound to: an address of ours, because checks are answered from where they were sent to.
    pub exact: IpAddr,
    /// What stands in the description that the peer gets.
    pub shown: IpAddr,
}

/// A prompt that was asked for. Never used again on its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PromptTicket(u64);

/// Why a prompt was not even asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// There is no sound at all.
    #[error("the server was started without sound")]
    NoSound,
    /// Too many are on their way already.
    #[error("{PROMPTS} prompts are on their way to this shard already")]
    Busy,
}

/// A prompt on its way to the desk.
type Finished = (PromptTicket, Loaded);

impl Sound {
    /// The share of each shard.
    ///
    /// # Panics
    /// When there is not one listener for each.
    pub(super) fn share(self, shards: usize) -> impl Iterator<Item = SoundInside> {
        let Self { plane, notices, loader, recordings, rules } = self;
        assert_eq!(notices.len(), shards, "the media plane is started with one listener for each shard");
        notices.into_iter().map(move |notices| SoundInside {
            plane: plane.clone(),
            loader: loader.clone(),
            recordings: recordings.clone(),
            rules: rules.clone(),
            notices,
        })
    }
}

/// What one shard is started with.
pub(super) struct SoundInside {
    plane: Plane,
    loader: Arc<Loader>,
    recordings: Option<Recordings>,
    rules: SoundRules,
    notices: Notices,
}

impl SoundInside {
    /// What the shard works with, and what its tasks wait for.
    ///
    /// # Errors
    /// When the bell cannot be waited for.
    pub fn open(self) -> io::Result<(SoundAtShard, Bells)> {
        let Self { plane, loader, recordings, rules, notices } = self;
        let (finished, prompts) = mpsc::channel(PROMPTS);
        let notices = Bell(notices).watch()?;
        let (recordings, ends) = recordings.map(Recordings::open).unzip();
        let at_shard = SoundAtShard { plane, loader, recordings, rules, finished, asked: 0 };
        Ok((at_shard, Bells { notices, prompts, ends }))
    }
}

/// The way from a shard to the media threads and to the loader.
pub(crate) struct SoundAtShard {
    pub plane: Plane,
    pub rules: SoundRules,
    loader: Arc<Loader>,
    recordings: Option<RecordingsAtShard>,
    finished: mpsc::Sender<Finished>,
    asked: u64,
}

impl SoundAtShard {
    /// Asks for a prompt. Its place in the queue is taken before, so that what comes of it is never lost.
    pub fn load(&mut self, wish: Wish, now: Instant) -> Result<PromptTicket, NotAsked> {
        let place = self.finished.clone().try_reserve_owned().map_err(|_| NotAsked::Busy)?;
        self.asked += 1;
        let ticket = PromptTicket(self.asked);
        let told = move |loaded| drop(place.send((ticket, loaded)));
        self.loader.load(wish, now, Box::new(told));
        Ok(ticket)
    }

    /// Throws a recording away.
    pub fn discard(&self, name: &Path) {
        if let Some(recordings) = &self.recordings {
            recordings.discard(name);
        }
    }

    /// Begins a recording.
    pub fn record(&mut self, plan: Plan) -> Result<(RecordTicket, Tap, Control), NotRecorded> {
        self.recordings.as_mut().ok_or(NotRecorded::NoFolder)?.record(plan)
    }
}

/// What the tasks of a shard wait for.
pub(super) struct Bells {
    notices: AsyncFd<Bell>,
    prompts: mpsc::Receiver<Finished>,
    ends: Option<Ends>,
}

/// The notices of one listener, as tokio waits for them.
struct Bell(Notices);

impl Bell {
    #[allow(unsafe_code, reason = "tokio wants a promise about the descriptor that no type makes")]
    fn watch(self) -> io::Result<AsyncFd<Self>> {
        // SAFETY: the descriptor is one eventfd, made with the ring of the notices, which owns it as long as it lives; it is
        // neither replaced nor closed before.
        Ok(unsafe { AsyncFd::register_with_interest(self, Interest::READABLE) }?)
    }
}

impl AsRawFd for Bell {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// Makes a shard hear.
pub(super) fn listen(shard: &Rc<Shard>, bells: Bells) {
    tokio::task::spawn_local(hear_notices(shard.clone(), bells.notices));
    tokio::task::spawn_local(hear_prompts(shard.clone(), bells.prompts));
    if let Some(ends) = bells.ends {
        recordings::listen(shard, ends);
    }
}

async fn hear_notices(shard: Rc<Shard>, mut bell: AsyncFd<Bell>) {
    loop {
        match bell.readable().await {
            Ok(mut rung) => rung.clear_ready(),
            Err(error) => {
                tracing::error!(shard = shard.index, %error, "this shard hears no more of its ports");
                return;
            }
        }
        // Quiet first: what comes while we take rings again.
        bell.get_ref().0.hush();
        let mut told = 0;
        while let Some(notice) = bell.get_mut().0.take() {
            tell(&shard, notice);
            told += 1;
            if told % NOTICES == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
}

fn tell(shard: &Shard, notice: Notice) {
    shard.tell_desk(|desk, wire| desk.hear_sound(notice, wire));
}

async fn hear_prompts(shard: Rc<Shard>, mut prompts: mpsc::Receiver<Finished>) {
    let mut batch = Vec::new();
    while prompts.recv_many(&mut batch, BATCH).await > 0 {
        for (ticket, loaded) in batch.drain(..) {
            shard.tell_desk(|desk, wire| desk.hear_prompt(ticket, loaded, wire));
        }
    }
}
