//! Errands of a shard's calls into the world beyond the switch: sent for its desk, and told to it when they are answered.
//!
//! The world works where it likes and answers from any thread. What comes back goes through a queue in which it has its place
//! from the start, so that no answer is ever lost and none is waited for here.
//!
//! ```text
//! Wire::send_errand ─▶ World ══ reply ══▶ queue ─▶ hear_errands ─▶ Desk::hear_errand
//! ```

use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::shard::Shard;
use crate::errand::{Outside, Reply, World};

/// Errands of one shard that are on their way: one for each call of a very full server, and as many again.
const MOST: usize = 16_384;

/// Answers told at once.
const BATCH: usize = 64;

/// An errand that was sent. Never used again on its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrandTicket(u64);

/// Why an errand was not even sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// There is no world.
    #[error("the server was started without a world outside")]
    NoWorld,
    /// Too many are on their way already.
    #[error("{MOST} errands of this shard are on their way already")]
    Busy,
}

/// An answer on its way to the desk.
type Answered = (ErrandTicket, Result<String, String>);

/// The way from a shard into the world.
pub(super) struct WorldAtShard {
    world: Arc<dyn World>,
    answered: mpsc::Sender<Answered>,
    sent: u64,
}

/// What the task of a shard waits for.
pub(super) struct Answers(mpsc::Receiver<Answered>);

impl WorldAtShard {
    /// What one shard works with, and what its task waits for.
    pub fn open(world: Arc<dyn World>) -> (Self, Answers) {
        let (answered, answers) = mpsc::channel(MOST);
        (Self { world, answered, sent: 0 }, Answers(answers))
    }

    /// Sends an errand.
    pub fn send(&mut self, errand: Outside) -> Result<ErrandTicket, NotSent> {
        let place = self.answered.clone().try_reserve_owned().map_err(|_| NotSent::Busy)?;
        self.sent += 1;
        let ticket = ErrandTicket(self.sent);
        self.world.go(errand, Reply::new(move |answer| drop(place.send((ticket, answer)))));
        Ok(ticket)
    }
}

/// Makes a shard hear what came of its errands.
pub(super) fn listen(shard: &Rc<Shard>, answers: Answers) {
    tokio::task::spawn_local(hear_errands(shard.clone(), answers.0));
}

async fn hear_errands(shard: Rc<Shard>, mut answers: mpsc::Receiver<Answered>) {
    let mut batch = Vec::new();
    while answers.recv_many(&mut batch, BATCH).await > 0 {
        for (ticket, answer) in batch.drain(..) {
            shard.tell_desk(|desk, wire| desk.hear_errand(ticket, answer, wire));
        }
    }
}
