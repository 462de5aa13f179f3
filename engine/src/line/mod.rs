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
//!
//!  called ─Ring, Progress─▶ … ─Answer─▶ up ─BYE, timer, HangUp─▶ over
//!  new ─Invite─▶ calling ─2xx─▶ up        each of them ─CANCEL, refusal, HangUp─▶ over
//! ```
//!
//! Over means that the call has been told the end. The line is kept until [`Line::is_over`], because a BYE may want
//! credentials and a late 2xx its ACK and BYE.
//!
//! | file | what it knows |
//! |---|---|
//! | `terms` | what a line is made with |
//! | `called`, `reliably` | a party that calls us, until it is answered or refused |
//! | `calling`, `branch` | a party that we call, until it has answered or refused |
//! | `inside` | its requests inside the dialog |
//! | `asking` | our requests inside the dialog, and what is answered |
//! | `offers` | what we want of the sound, and what came of it |
//! | `pictures` | the same of pictures, for whoever has the other leg |
//! | `ending` | how a line ends |
//! | `held` | a party that wants to know whether its partner holds it |
//! | `refer` | transfers that the party asks for, and those that we ask for |
//! | `timer` | what is due when |
//! | `keys`, `cause`, `lead`, `unfit` | keys as INFO; causes and statuses; which way; refusals |

mod asking;
mod branch;
mod called;
mod calling;
pub mod cause;
mod ending;
pub mod held;
mod inside;
mod keys;
mod lead;
mod offers;
mod pictures;
mod refer;
mod reliably;
mod terms;
mod timer;
mod unfit;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use patchcord_media::browser::Credentials;
use patchcord_media::sdp::agreed::Sound;
use patchcord_media::sdp::{Format, Place, Policy};
use patchcord_sip::dialog::Dialog;
use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Draft, Request};
use patchcord_sip::tokens::Tokens;
use patchcord_sip::transaction::ServerId;
use patchcord_sip::transfer::Replaces;

use self::asking::{Acked, Asked, Changes};
use self::called::Called;
use self::calling::Calling;
use self::offers::Offers;
use self::refer::Refers;
use self::timer::Clock;
use crate::call::{LegEvent, LineOrder};

pub use lead::Lead;
pub use offers::ShownAt;
pub use terms::{LineTerms, Outward};
pub use unfit::Unfit;

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
    Request(Mark, Draft, Lead),
    /// An INVITE of ours is given up; the value of its Reason header.
    Cancel(Mark, Option<String>),
    /// The 2xx to this INVITE is acknowledged; the bytes come back by [`Line::acknowledged`] for repetitions.
    Ack(Mark, Draft, Lead),
    /// The same again.
    AckAgain(Bytes, Lead),
    /// Sound flows by these terms from now on; beside them what was agreed before.
    Tune(Arc<Sound>, Option<Arc<Sound>>),
    /// The party's ICE begins anew, and finds us under these credentials.
    Restart(Credentials),
    /// The party may be there as well: where, and what it thinks of each.
    Learn(Vec<(SocketAddr, u32)>),
    /// The call hears this.
    Tell(LegEvent),
}

/// What a line is lent while it is told something.
pub struct Cx<'a> {
    /// The time.
    pub now: Instant,
    /// Where randomness comes from.
    pub tokens: &'a mut Tokens,
    /// Where it says what it wants done.
    pub acts: &'a mut Vec<Act>,
}

impl Cx<'_> {
    fn tell(&mut self, event: LegEvent) {
        self.acts.push(Act::Tell(event));
    }

    fn respond(&mut self, id: ServerId, reply: &Draft) {
        self.acts.push(Act::Respond(id, reply.status().unwrap_or(500), reply.finish()));
    }
}

/// How far a line has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The party has called and waits for an answer.
    Called,
    /// Nobody has been called yet.
    New,
    /// The party has been called and has not answered.
    Calling,
    /// Answered.
    Up,
    /// The call has been told the end.
    Over,
}

/// See the module.
#[derive(Debug)]
pub struct Line {
    terms: Arc<LineTerms>,
    stage: Stage,
    /// What only the time before our answer needs.
    called: Option<Box<Called>>,
    /// What only the time before the party's answer needs, and further answers of a fork.
    calling: Option<Box<Calling>>,
    dialog: Option<Box<Dialog>>,
    offers: Offers,
    /// How the party's last message came.
    hop: Option<Hop>,
    marks: u32,
    asked: Vec<Asked>,
    acks: Vec<Acked>,
    unheard: Option<Unheard>,
    clock: Option<Clock>,
    changes: Changes,
    refers: Option<Box<Refers>>,
    /// Whether the call knows that the party holds us.
    told_held: bool,
    /// What tells the party with whom it talks, since that has changed.
    introduced: Option<Box<[(String, String)]>>,
    /// Whether the party takes UPDATE.
    takes_update: bool,
    /// Whether it wants to be told that its partner holds it, and what it was told last.
    wants_holds: bool,
    knows_held: bool,
    /// A BYE that has to wait for the ACK of our 2xx (RFC 3261 §15): the value of its Reason.
    bye: Option<Box<str>>,
    /// When it is said although the last word about a transfer was not answered.
    bye_by: Option<Instant>,
}

/// A 2xx of ours that waits for its ACK.
#[derive(Clone, Copy, Debug)]
struct Unheard {
    id: ServerId,
    /// The number of its INVITE.
    seq: u32,
    /// Whether the ACK brings the answer to our offer.
    wants_answer: bool,
    /// Whether it is the 2xx that the call has answered with.
    is_first: bool,
}

impl Line {
    fn new(terms: Arc<LineTerms>, stage: Stage) -> Self {
        let offers = Offers::new(terms.clone());
        Self {
            terms,
            stage,
            called: None,
            calling: None,
            dialog: None,
            offers,
            hop: None,
            marks: 0,
            asked: Vec::new(),
            acks: Vec::new(),
            unheard: None,
            clock: None,
            changes: Changes::default(),
            refers: None,
            told_held: false,
            introduced: None,
            takes_update: false,
            wants_holds: false,
            knows_held: false,
            bye: None,
            bye_by: None,
        }
    }

    /// Whether it is answered and stands.
    pub fn is_up(&self) -> bool {
        self.stage == Stage::Up
    }

    /// How far it has come, in a word.
    pub fn stage(&self) -> impl std::fmt::Debug {
        self.stage
    }

    /// How the party's last message came; `None` before the first.
    pub fn hop(&self) -> Option<&Hop> {
        self.hop.as_ref()
    }

    /// Our tag: the name by which its dialogs are found.
    #[must_use]
    pub fn tag(&self) -> &str {
        match (&self.dialog, &self.calling) {
            (Some(dialog), _) => dialog.id().local,
            (None, Some(calling)) => calling.tag(),
            (None, None) => "",
        }
    }

    /// The dialog, once there is one: what a Replaces is compared with.
    #[must_use]
    pub fn dialog(&self) -> Option<&Dialog> {
        self.dialog.as_deref()
    }

    /// What an INVITE that has called us wants to take the place of.
    #[must_use]
    pub fn replaces(&self) -> Option<&Replaces> {
        self.called.as_ref()?.replaces.as_ref()
    }

    /// The INVITE by which the party calls us, until it is answered.
    #[must_use]
    pub fn unanswered(&self) -> Option<&Request> {
        self.called.as_ref().map(|called| &called.invite)
    }

    /// How far it has come, as programs say it.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.stage {
            Stage::Called | Stage::New | Stage::Calling => "ringing",
            Stage::Up => "answered",
            Stage::Over => "ended",
        }
    }

    /// Whether the line can be forgotten: the call has been told the end, and nothing is waited for.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over && self.asked.is_empty() && self.calling.is_none() && self.bye.is_none()
    }

    /// Whether a port has to be opened before sound can be offered or answered.
    #[must_use]
    pub fn needs_place(&self) -> bool {
        !self.offers.has_place() && self.stage != Stage::Over
    }

    /// Where our port is. Keys for SRTP are drawn here where the terms may need some and none are brought.
    pub fn place(&mut self, place: Place, cx: &mut Cx<'_>) {
        self.offers.set_place(place, cx.tokens);
    }

    /// Other codecs than those of the terms, from the next offer or answer on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.offers.set_policy(policy);
    }

    /// Whether the party is a browser, or speaks as one: its port must be one for browsers.
    #[must_use]
    pub fn is_browser(&self) -> bool {
        self.offers.is_browser()
    }

    /// Whether our side of ICE is to be full: we offer, or the party only answers.
    #[must_use]
    pub fn looks_for_the_way(&self) -> bool {
        self.called.as_ref().is_none_or(|called| called.leaves_the_way_to_us())
    }

    /// The codecs that the party has taken, or has offered while we have not answered: what the other leg of the call should
    /// prefer.
    #[must_use]
    pub fn formats(&self) -> &[Format] {
        match (self.offers.sound(), &self.called) {
            (Some(sound), _) => &sound.send,
            (None, Some(called)) => &called.formats,
            (None, None) => &[],
        }
    }

    /// What is agreed of the sound.
    #[must_use]
    pub fn sound(&self) -> Option<&Sound> {
        self.offers.sound().map(Arc::as_ref)
    }

    /// Which way a request inside the dialog goes.
    #[must_use]
    pub fn way(&self) -> Lead {
        self.dialog.as_ref().map_or(Lead::Opening, |dialog| lead::of(dialog, self.hop.as_ref()))
    }

    /// The address to which requests inside the dialog go by the book: for when the connection of [`Line::way`] has closed.
    #[must_use]
    pub fn address(&self) -> &str {
        self.dialog.as_ref().map_or("", |dialog| dialog.next_hop())
    }

    /// Does what the call wants. After the end nothing is done and nothing is told any more.
    pub fn obey(&mut self, order: LineOrder, cx: &mut Cx<'_>) {
        if self.stage == Stage::Over {
            return;
        }
        match order {
            LineOrder::Ring => self.advance(called::Step::Ring, cx),
            LineOrder::Progress => self.advance(called::Step::Progress, cx),
            LineOrder::Answer => self.advance(called::Step::Answer, cx),
            LineOrder::Refuse(status, words, elsewhere) => self.refuse(status, words, elsewhere, cx),
            LineOrder::Invite(_) => self.invite(cx),
            LineOrder::HangUp { cause, sip, words } => self.hang_up(cause, sip, words, cx),
            LineOrder::Hold(hold) => self.hold(hold, cx),
            // Who that is, is not the line's to know: it comes by `introduce` and `focus`.
            LineOrder::Introduce(_) | LineOrder::Focus(_) => {}
            LineOrder::Info(kind, body) => self.send_info(&kind, body, cx),
            LineOrder::Message(text) => self.send_message(text, cx),
            LineOrder::Refer(to) => self.send_refer(&to, cx),
            LineOrder::AcceptRefer => self.accept_refer(cx),
            LineOrder::RejectRefer(status) => self.reject_refer(status, cx),
            LineOrder::ReferProgress(status) => self.refer_progress(status, cx),
        }
        self.go_on(cx);
    }

    fn mark(&mut self) -> Mark {
        self.marks += 1;
        Mark(self.marks)
    }

    /// Tells the call when the party begins to hold us, or ends it.
    fn tell_held(&mut self, cx: &mut Cx<'_>) {
        let is_held = self.offers.is_held();
        if self.stage == Stage::Up && !self.offers.is_holding() && is_held != self.told_held {
            self.told_held = is_held;
            cx.tell(LegEvent::Held(is_held));
        }
    }
}
