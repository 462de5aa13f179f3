//! One request, several answers: a proxy forks an INVITE, and each phone that answers makes a dialog of its own.

use super::{Dialog, DialogId, Opening, State};
use crate::message::{Fault, Response};

/// Most dialogs of one request. Phones that ring for one person are fewer; who makes up tags for sport gets no more.
pub const MAX_FORKS: usize = 16;

/// A request of ours and the dialogs that its responses make, one per To tag (§12.1, §13.2.2.4).
#[derive(Clone, Debug)]
pub struct Forks {
    opening: Opening,
    dialogs: Vec<Dialog>,
    winner: Option<usize>,
}

/// What a response means for the request.
#[derive(Debug)]
pub enum Branch<'a> {
    /// No dialog comes of it: 100, or a provisional response without a tag.
    None,
    /// A provisional response of a dialog, new or known.
    Early(&'a mut Dialog),
    /// This branch alone has given up (199, RFC 6228) and is forgotten.
    Gone(Box<Dialog>),
    /// The first 2xx: this is the dialog. ACK it.
    Won(&'a mut Dialog),
    /// Another 2xx: ACK it, then BYE it, there can be only one.
    Lost(&'a mut Dialog),
    /// A 2xx that was here before, because the ACK was lost: ACK it again.
    Repeated(&'a mut Dialog),
    /// It failed, and every early dialog with it.
    Failed,
}

/// Why a response makes no dialog although it should. There is nobody to answer it to: the owner counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForkFault {
    /// More phones answered than a person can have.
    #[error("more than {MAX_FORKS} dialogs of one request")]
    TooMany,
    /// A header that the dialog would stand on cannot be read.
    #[error("the response makes no dialog")]
    Malformed(#[from] Fault),
}

impl Forks {
    /// A request that nobody has answered yet.
    pub fn new(opening: Opening) -> Self {
        Self { opening, dialogs: Vec::new(), winner: None }
    }

    /// The request.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// The request, to try it again; early dialogs of the last try are gone.
    pub fn again(&mut self) -> &mut Opening {
        self.dialogs.clear();
        self.opening.again();
        &mut self.opening
    }

    /// The dialogs so far.
    pub fn dialogs(&mut self) -> &mut [Dialog] {
        &mut self.dialogs
    }

    /// The dialog of the first 2xx, for the owner to keep. The others are dropped, so not before 64 × T1 have passed
    /// since (§13.2.2.4) or the INVITE was not forked.
    pub fn into_winner(mut self) -> Option<Dialog> {
        Some(self.dialogs.swap_remove(self.winner?))
    }

    /// Sorts a response to the request.
    pub fn hear(&mut self, response: &Response) -> Result<Branch<'_>, ForkFault> {
        let status = response.status();
        if status.is_final() && !status.is_success() {
            // After a 2xx there is no failure any more; a proxy that sends one is out of order.
            if self.winner.is_none() {
                self.dialogs.iter_mut().for_each(Dialog::end);
            }
            return Ok(Branch::Failed);
        }
        let tag = response.to_tag()?.unwrap_or("");
        if status == 100 || (status.is_provisional() && tag.is_empty()) {
            return Ok(Branch::None);
        }
        let id = DialogId { call_id: self.opening.call_id(), local: self.opening.tag(), remote: tag };
        let known = self.dialogs.iter().position(|dialog| dialog.is(id));
        match known {
            _ if status == 199 => Ok(known.map_or(Branch::None, |at| self.gone(at))),
            Some(at) => self.known(at, response),
            None => self.new_branch(response),
        }
    }

    fn gone(&mut self, at: usize) -> Branch<'_> {
        // What has answered cannot give up any more but by BYE.
        if self.dialogs[at].state != State::Early {
            return Branch::None;
        }
        if let Some(winner) = self.winner.as_mut().filter(|winner| **winner > at) {
            *winner -= 1;
        }
        let mut dialog = self.dialogs.remove(at);
        dialog.end();
        Branch::Gone(Box::new(dialog))
    }

    fn new_branch(&mut self, response: &Response) -> Result<Branch<'_>, ForkFault> {
        if self.dialogs.len() == MAX_FORKS {
            return Err(ForkFault::TooMany);
        }
        let at = self.dialogs.len();
        self.dialogs.push(Dialog::asking(&self.opening, response)?);
        if response.status().is_provisional() {
            return Ok(Branch::Early(&mut self.dialogs[at]));
        }
        Ok(self.answered(at))
    }

    fn known(&mut self, at: usize, response: &Response) -> Result<Branch<'_>, ForkFault> {
        let dialog = &mut self.dialogs[at];
        match (response.status().is_provisional(), dialog.state) {
            (false, State::Early) => {
                dialog.confirm(response)?;
                return Ok(self.answered(at));
            }
            // A later provisional response may tell a better place than the first.
            (true, State::Early) => dialog.follow(response, &self.opening.method)?,
            // Overtaken by its own 2xx.
            (true, _) => return Ok(Branch::None),
            (false, _) => return Ok(Branch::Repeated(&mut self.dialogs[at])),
        }
        Ok(Branch::Early(&mut self.dialogs[at]))
    }

    fn answered(&mut self, at: usize) -> Branch<'_> {
        let first = *self.winner.get_or_insert(at) == at;
        let dialog = &mut self.dialogs[at];
        if first { Branch::Won(dialog) } else { Branch::Lost(dialog) }
    }
}
