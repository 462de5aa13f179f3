//! What a dialog makes of the messages of the other side.

use super::route::RouteSet;
use super::{Dialog, State, target};
use crate::message::{Fault, Headers, Method, Request, Response};

/// Whether a request with this method tells where its sender is from now on (RFC 3261 §12.2, RFC 3311 §5.1,
/// RFC 6665 §4.4.1, RFC 5057 §5.1).
pub fn moves_target(method: &Method) -> bool {
    matches!(method, Method::Invite | Method::Update | Method::Subscribe | Method::Notify | Method::Refer)
}

impl Dialog {
    /// Judges a request for this dialog before anybody acts on it (§12.2.2).
    ///
    /// 481 when the dialog is over, 500 when a later request was here before. Numbers may be left out: a proxy may have
    /// challenged the request that had them. The same number again is no repetition, those end in the transaction; it is
    /// a second request that no peer in order sends, and gets 500 as well. A BYE ends the dialog.
    pub fn hear(&mut self, request: &Request) -> Result<(), Fault> {
        // They bear the number of their INVITE.
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(());
        }
        if self.state == State::Ended {
            return Err(Fault::new(481, "Call/Transaction Does Not Exist"));
        }
        let (number, _) = request.cseq_text()?;
        if self.remote_seq.is_some_and(|last| number <= last) {
            return Err(Fault::new(500, "CSeq Out of Order"));
        }
        self.remote_seq = Some(number);
        if request.method() == &Method::Bye {
            self.state = State::Ended;
        }
        Ok(())
    }

    /// Learns from a response to a request that this side sent inside the dialog: a 2xx may move the target, 481 and 408
    /// mean that the other side knows the dialog no more (§12.2.1.2).
    ///
    /// A 2xx whose Contact cannot be read leaves the target where it was.
    pub fn hear_response(&mut self, response: &Response) -> Result<(), Fault> {
        match response.status().code() {
            408 | 481 => self.state = State::Ended,
            200..=299 => self.follow(response, &response.cseq()?.method)?,
            _ => {}
        }
        Ok(())
    }

    /// The 2xx to the INVITE that had made this dialog early: the route set is what the 2xx says (§13.2.2.4).
    pub(super) fn confirm(&mut self, response: &Response) -> Result<(), Fault> {
        self.routes = RouteSet::of_response(response)?;
        self.follow(response, &Method::Invite)?;
        if self.state == State::Early {
            self.state = State::Confirmed;
        }
        Ok(())
    }

    pub(super) fn follow(&mut self, headers: &Headers, method: &Method) -> Result<(), Fault> {
        if !moves_target(method) {
            return Ok(());
        }
        if let Some(moved) = target(headers)? {
            let before = std::mem::replace(&mut self.target, moved);
            if self.text_len() > super::MAX_DIALOG_TEXT {
                self.target = before;
                return Err(Fault::new(513, "Message Too Large"));
            }
        }
        Ok(())
    }
}
