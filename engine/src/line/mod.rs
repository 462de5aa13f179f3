//! The line of a leg: what a call wants of a party, said in SIP and SDP, and what the party says, told to the call.
//!
//! A line owns the dialog of its leg, its offers and answers, its reliable provisional responses, its session timer, and the
//! requests that wait for answers. It is a value: messages and instants go in, [`Act`]s come out. It sends nothing itself,
//! opens no port, knows no other leg and does not decide what a call is about.
//!
//! ```text
//!  call ──LineOrder──▶ ┌──────┐ ──Act::Respond, Request, Ack, Cancel──▶ wire
//!  wire ──request,───▶ │ Line │ ──Act::Tune────▶ the leg's port
//!         response     └──────┘ ──Act::Tell────▶ call (LegEvent)
//! ```

use bytes::Bytes;
use patchcord_media::sdp::agreed::Sound;
use patchcord_sip::message::Draft;
use patchcord_sip::transaction::ServerId;

use crate::call::LegEvent;

/// A request of a line, as the line counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark(pub u32);

/// What a line wants done, in the order in which it says it.
#[derive(Debug)]
pub enum Act {
    /// A request is answered.
    Respond(ServerId, u16, Bytes),
    /// A 2xx needs no repetition any more, because the dialog has ended.
    StopRepeating(ServerId),
    /// A request goes to the party; what becomes of it is told under this mark.
    Request(Mark, Draft),
    /// An INVITE of ours is given up; the value of its Reason header.
    Cancel(Mark, Option<String>),
    /// The 2xx to this INVITE is acknowledged; the bytes come back by `Line::acknowledged` for repetitions.
    Ack(Mark, Draft),
    /// The same again.
    AckAgain(Bytes),
    /// Sound flows by these terms from now on; beside them what was agreed before.
    Tune(Box<Sound>, Option<Box<Sound>>),
    /// The call hears this.
    Tell(LegEvent),
}
