//! A call as one phone has it.

use std::sync::Arc;

use bytes::Bytes;
use patchcord_media::dtmf::Press;
use patchcord_sip::dialog::{Dialog, Forks};
use patchcord_sip::message::Request;
use patchcord_sip::reliable::{Received, Reliable};
use patchcord_sip::session_timer::{SessionTimer, Wish};
use patchcord_sip::transaction::{ClientId, ServerId};
use patchcord_sip::transfer::Progress;
use patchcord_sip::{Hop, Method};

use super::talk::Talk;
use crate::reply::Reply;
use crate::sound::port::Port;
use crate::sound::shield::Shield;

/// Who ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This phone.
    Us,
    /// The other side.
    Them,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Who ended it.
    pub by: Side,
    /// The status, where it was never answered.
    pub status: Option<u16>,
    /// The message that ended it, where one came: BYE, CANCEL or the refusal.
    pub message: Option<Reply>,
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// INVITE is out, or has come and nothing was said to it.
    Begun,
    /// It rings, here or there; the last provisional status.
    Rings(u16),
    /// It is answered. On the called side: and the ACK has come.
    Up,
    /// The called side has answered, the ACK has not come.
    Unacknowledged,
    /// It is over.
    Over(Ending),
}

/// On which side of the call this phone is, with the dialogs.
pub(crate) enum Role {
    /// It calls. The tag is the other side's on the branch that counts.
    Calling { forks: Box<Forks>, tag: String },
    /// It is called.
    Called { dialog: Box<Dialog> },
}

/// An INVITE of the other side that waits for our answer.
pub(crate) struct Invited {
    pub id: ServerId,
    pub request: Request,
    pub hop: Hop,
}

/// A reliable provisional response that is out.
pub(crate) struct Promise {
    pub reliable: Reliable,
    pub bytes: Bytes,
    pub status: u16,
}

/// How a request of ours inside a call was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub method: Method,
    pub status: u16,
}

/// See the module.
pub(crate) struct Leg {
    pub role: Role,
    pub stage: Stage,
    pub talk: Talk,
    pub port: Arc<Port>,
    /// The INVITE of the other side that is open, the first or a later one.
    pub invited: Option<Invited>,
    /// Our INVITE that is open, the first or a later one, and the headers that it says beyond the usual.
    pub inviting: Option<ClientId>,
    pub extra: Vec<(String, String)>,
    /// Whether our INVITE carries an offer; without one the offer comes in the answer.
    pub offers: bool,
    pub proved: bool,
    pub wish: Option<Wish>,
    pub timer: Option<SessionTimer>,
    pub promise: Option<Promise>,
    pub received: Received,
    /// Keys that came as INFO.
    pub informed: Vec<Press>,
    pub outcomes: Vec<Outcome>,
    /// What NOTIFYs told of a transfer that we asked for.
    pub progress: Option<Progress>,
    /// The call that asked us to make this one, and wants to hear how it goes.
    pub reports_to: Option<usize>,
    /// The request that a 491 has put off, and when it is due again.
    pub postponed: Option<std::time::Instant>,
}

impl Leg {
    pub fn new(role: Role, talk: Talk, port: Arc<Port>) -> Self {
        Self {
            role,
            stage: Stage::Begun,
            talk,
            port,
            invited: None,
            inviting: None,
            extra: Vec::new(),
            offers: true,
            proved: false,
            wish: None,
            timer: None,
            promise: None,
            received: Received::default(),
            informed: Vec::new(),
            outcomes: Vec::new(),
            progress: None,
            reports_to: None,
            postponed: None,
        }
    }

    /// The dialog of the branch that counts.
    pub fn dialog(&mut self) -> Option<&mut Dialog> {
        match &mut self.role {
            Role::Called { dialog } => Some(dialog),
            Role::Calling { forks, tag } => forks.dialogs().iter_mut().find(|dialog| dialog.id().remote == tag),
        }
    }

    pub fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Up | Stage::Unacknowledged)
    }

    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over(_))
    }

    /// Whether it was called and has not answered yet.
    pub fn is_calling_us(&self) -> bool {
        matches!(self.role, Role::Called { .. }) && matches!(self.stage, Stage::Begun | Stage::Rings(_))
    }

    /// It is over; the first end counts.
    pub fn end(&mut self, by: Side, status: Option<u16>, message: Option<Reply>) {
        if !self.is_over() {
            self.stage = Stage::Over(Ending { by, status, message });
        }
        if let Some(dialog) = self.dialog() {
            dialog.end();
        }
        (self.timer, self.postponed, self.promise) = (None, None, None);
        self.port.close();
    }

    /// Puts into effect what was agreed about sound.
    pub fn settle(&mut self) {
        let Some(agreed) = &self.talk.agreed else { return };
        let mut ends = self.port.ends();
        match &agreed.keys {
            None => ends.shield = None,
            Some(keys) if ends.shield.as_ref().is_some_and(|shield| shield.has(keys)) => {}
            Some(keys) => ends.shield = Some(Shield::new(keys)),
        }
        ends.mouth.agree(Some(agreed.speaks), agreed.speaks_keys);
        ends.mouth.turn_to(agreed.to);
        ends.reports_to = agreed.reports_to;
        if let Some(reporter) = &mut ends.reporter {
            reporter.clock(agreed.speaks.1.clock_hz());
        }
        ends.ear.agree(&agreed.hears, agreed.hears_keys);
    }
}
