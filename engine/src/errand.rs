//! What a program wants from outside its call: what is known of a leg, the time of day, and the world beyond the switch.
//!
//! A program reads no clock and opens nothing. It sends an [`Errand`] by a verb and is resumed with what was [`Brought`]; so
//! whatever it knows was handed in, is journaled, and can be handed in again. What lies beyond the switch is a [`World`], which
//! knows nouns (`store`, `http`, `mail` …) and speaks JSON; who implements it is joined in where the house is put together.
//!
//! ```text
//! program ─Verb::Errand─▶ call ─Effect::Errand─▶ exchange ─▶ World ══Reply══▶ Event::Brought ─▶ Outcome::Brought
//! ```

use std::time::Duration;

use crate::call::LegId;
use crate::journal::CallId;
use crate::originate::{NotBegun, Wanted};
use crate::room::{Order, Rules};

/// What a program wants to know or have done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Errand {
    /// What is known of a leg now.
    Facts(LegId),
    /// What time of day it is, and a number that nobody could guess.
    Moment,
    /// Something of a conference room, by its name.
    Room(String, RoomErrand),
    /// Something in the world beyond the switch.
    Outside(Outside),
    /// A call of its own that the house begins.
    Originate(Box<Wanted>),
    /// The answer to an occasion, as JSON.
    Reply(String),
    /// The party of a leg, whom it talks with, and whoever talks with the same account in another call of it go on in one room.
    Merge(LegId),
}

/// What a program wants of a conference room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoomErrand {
    /// That it is opened by these rules, where it is not there yet.
    Open(Box<Rules>),
    /// That this is done. Legs are those of the program's own call.
    Order(Box<Order>),
}

/// An errand into the world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outside {
    /// The service that asks, and whose rights it has.
    pub service: String,
    /// What part of the world: `store`, `http`, `db`, `mail` …
    pub noun: String,
    /// What is asked, as JSON.
    pub ask: String,
    /// How long the program waits.
    pub patience: Duration,
}

/// What came of an errand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Brought {
    /// What is known of a leg; `None`: the leg has gone.
    Facts(Option<Box<Facts>>),
    /// The time of day, since 1970 in UTC, and a number drawn for this.
    Moment {
        /// Since 1970.
        wall: Duration,
        /// Drawn.
        seed: u64,
    },
    /// JSON, or in words why there is none.
    Answer(Result<String, String>),
    /// The name of the call that was begun, or why none was.
    Begun(Result<CallId, NotBegun>),
}

/// What is known of a leg.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Facts {
    /// The number of the call among all records, by which its recordings are named.
    pub call: String,
    /// The number of whoever calls, as far as we believe it; empty where it is hidden.
    pub from: String,
    /// The number that was called.
    pub to: String,
    /// The number of the party at this leg.
    pub number: String,
    /// The name that goes with it.
    pub name: String,
    /// The headers of the INVITE that began it, as they came.
    pub headers: Vec<(String, String)>,
    /// The endpoint at its other end.
    pub endpoint: Option<String>,
    /// The trunk at its other end.
    pub trunk: Option<String>,
    /// `udp`, `tcp`, `tls`, `ws`, `wss`.
    pub transport: String,
    /// Whether its sound is encrypted.
    pub secure: bool,
    /// The codec of its sound; empty before it was agreed on.
    pub codec: String,
    /// `ringing`, `early`, `answered`, `ended`.
    pub state: String,
    /// How its sound goes, once that is known.
    pub quality: Option<Quality>,
    /// What whoever had the call begun wants its service to know: a JSON map, or nothing.
    pub vars: String,
}

/// How the sound of a leg goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quality {
    /// The mean opinion score, in hundredths.
    pub mos_hundredths: u16,
    /// Packets lost of a thousand.
    pub loss_permille: u16,
    /// How unevenly they come.
    pub jitter: Duration,
    /// There and back.
    pub round_trip: Duration,
}

/// The world beyond the switch.
pub trait World: Send + Sync {
    /// Does an errand, and says through `reply` what came of it. It must not wait.
    fn go(&self, errand: Outside, reply: Reply);
}

/// Who is told what came of an errand.
type Told = Box<dyn FnOnce(Result<String, String>) + Send>;

/// The way back of an errand. Dropped without a word it says that nobody answered.
pub struct Reply(Option<Told>);

impl Reply {
    /// A way back that ends there.
    pub fn new(told: impl FnOnce(Result<String, String>) + Send + 'static) -> Self {
        Self(Some(Box::new(told)))
    }

    /// Says what came of the errand.
    pub fn with(mut self, answer: Result<String, String>) {
        if let Some(told) = self.0.take() {
            told(answer);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(told) = self.0.take() {
            told(Err("nobody answered".into()));
        }
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn an_errand_is_answered_once_even_by_who_forgets_it() {
        let (tell, told) = mpsc::channel();
        let reply = |tell: mpsc::Sender<_>| Reply::new(move |answer| drop(tell.send(answer)));
        reply(tell.clone()).with(Ok("1".into()));
        drop(reply(tell));
        assert_eq!(told.iter().collect::<Vec<_>>(), [Ok("1".into()), Err("nobody answered".into())]);
    }
}
