//! Answers calls at once, as the owner of dialogs should: what stands between the transactions and a call.
//!
//! It keeps a [`Dialog`] for each call, by the local tag, from the INVITE to the BYE. It sends nothing itself; the caller
//! of each function does, over a wire or, where memory is measured, nowhere.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use patchcord_sip::dialog::{Dialog, DialogId, State, Turn};
use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Draft, Fault, Method, Request};
use patchcord_sip::transaction::ServerId;

const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 20000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n";

/// The calls that are up.
#[derive(Default)]
pub struct Answering {
    calls: HashMap<Box<str>, Call>,
    /// Our Contact, and the address that it was written from: one text for all dialogs.
    contact: Option<(SocketAddr, Arc<str>)>,
}

struct Call {
    dialog: Dialog,
    hop: Hop,
    /// The INVITE whose 200 is not acknowledged yet.
    unheard: Option<ServerId>,
}

/// What to send for a request, and what to stop sending.
pub struct Answer {
    /// The status of the reply.
    pub status: u16,
    /// The reply.
    pub bytes: Bytes,
    /// A 200 that need not be repeated any more.
    pub silence: Option<ServerId>,
}

impl Answering {
    /// How many calls are up.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether no call is up.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// An INVITE outside any dialog: a call, answered with 200.
    pub fn invited(
        &mut self,
        id: ServerId,
        request: &Request,
        hop: &Hop,
        here: SocketAddr,
        tag: &str,
    ) -> Result<Answer, Fault> {
        let contact = self.contact(here);
        let mut dialog = Dialog::answering(request, hop.transport, tag, contact)?;
        let reply = accept(&mut dialog, request, hop)?;
        self.calls.insert(tag.into(), Call { dialog, hop: *hop, unheard: Some(id) });
        Ok(reply)
    }

    /// A request inside a dialog.
    pub fn asked(&mut self, id: ServerId, request: &Request, hop: &Hop) -> Result<Answer, Fault> {
        let nobody = Fault::new(481, "Call/Transaction Does Not Exist");
        let name = DialogId::of_request(request)?.ok_or(nobody)?;
        let call = self.calls.get_mut(name.local).filter(|call| call.dialog.is(name)).ok_or(nobody)?;
        call.dialog.hear(request)?;
        if *request.method() == Method::Invite {
            call.unheard = Some(id);
            return accept(&mut call.dialog, request, hop);
        }
        let bytes = call.dialog.reply(request, hop.peer, 200)?.finish();
        let mut answer = Answer { status: 200, bytes, silence: None };
        if call.dialog.state() == State::Ended {
            answer.silence = call.unheard;
            self.calls.remove(name.local);
        }
        Ok(answer)
    }

    /// An ACK: the call stands.
    pub fn acknowledged(&mut self, ack: &Request) -> Result<(), Fault> {
        let Some(name) = DialogId::of_request(ack)? else { return Ok(()) };
        if let Some(call) = self.calls.get_mut(name.local).filter(|call| call.dialog.is(name)) {
            call.dialog.hear(ack)?;
            call.unheard = None;
        }
        Ok(())
    }

    /// Nobody acknowledged the 200 to this INVITE: the BYE that ends the call, and where it goes. So rare that all calls
    /// are looked through.
    pub fn never_acknowledged(&mut self, invite: ServerId) -> Option<(Draft, Hop)> {
        let (tag, _) = self.calls.iter().find(|(_, call)| call.unheard == Some(invite))?;
        let tag = tag.clone();
        let mut call = self.calls.remove(&tag)?;
        Some((call.dialog.request(Method::Bye), call.hop))
    }

    fn contact(&mut self, here: SocketAddr) -> Arc<str> {
        match &self.contact {
            Some((addr, contact)) if *addr == here => contact.clone(),
            _ => {
                let contact: Arc<str> = format!("<sip:{here}>").into();
                self.contact = Some((here, contact.clone()));
                contact
            }
        }
    }
}

/// 200 with an answer to the offer.
fn accept(dialog: &mut Dialog, request: &Request, hop: &Hop) -> Result<Answer, Fault> {
    let offered = !request.body_bytes().is_empty();
    let clash = Fault::new(491, "Request Pending");
    dialog.turns.begin(Turn::Theirs, &Method::Invite, offered).map_err(|_| clash)?;
    let reply = dialog.reply(request, hop.peer, 200)?.body("application/sdp", Bytes::from_static(SDP));
    if offered {
        dialog.turns.answered();
    } else {
        dialog.turns.offered(Turn::Ours);
    }
    dialog.turns.finish(&Method::Invite, 200);
    Ok(Answer { status: 200, bytes: reply.finish(), silence: None })
}
