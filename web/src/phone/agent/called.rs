//! A call that rings the page, until it is answered, refused or given up.

use std::time::Instant;

use patchcord_engine::line::held;
use patchcord_sip::{
    Headers, Name, Request,
    dialog::{Dialog, Turn},
    transaction::ServerId,
};

use super::{ALLOWED, Agent, MAX_TALKS, Refusal, Role, SDP, Stage, Talk, Told, Why, description, other::caller};

impl Agent {
    /// An INVITE outside any talk: it rings.
    pub(super) fn rung(&mut self, id: ServerId, request: Request, now: Instant) {
        if self.talks.len() >= MAX_TALKS {
            return self.reply(id, &request, 486, now);
        }
        let tag = self.tokens.tag();
        let dialog = Dialog::answering(&request, self.hop.transport, &tag, self.contact.clone());
        let mut dialog = match dialog {
            Ok(dialog) => Box::new(dialog),
            Err(fault) => return self.reply(id, &request, fault.status(), now),
        };
        let Ok(ringing) = dialog.reply(&request, self.hop.peer, 180) else {
            return self.reply(id, &request, 400, now);
        };
        self.respond(id, &ringing, now);
        let (from, name) = caller(&request);
        let (talk, sdp) = (format!("in-{tag}"), description(&request));
        self.talks.push(Talk {
            name: talk.as_str().into(),
            role: Role::Called { dialog },
            stage: Stage::Begun,
            owed: sdp.is_none(),
            asked: Some((id, request)),
            inviting: None,
            unconfirmed: None,
            followed: None,
            held: (false, false),
            other: None,
        });
        self.told.push_back(Told::Ring { talk, from, name, sdp });
    }

    pub(super) fn answer(&mut self, name: &str, sdp: String, now: Instant) -> Result<(), Refusal> {
        let peer = self.hop.peer;
        let talk = self.find(name)?;
        let waiting = talk.asked.take().filter(|_| talk.stage == Stage::Begun);
        let (id, request) = waiting.ok_or_else(|| Refusal::new("wrong_state", "it does not ring"))?;
        let reply = talk.dialog().map(|dialog| dialog.reply(&request, peer, 200));
        let Some(Ok(draft)) = reply else {
            return Err(Refusal::new("unavailable", "the call cannot be answered"));
        };
        (talk.stage, talk.unconfirmed) = (Stage::Up, Some(id));
        let draft = draft.text(Name::Allow, ALLOWED).text(Name::RecvInfo, held::PACKAGE);
        self.respond(id, &draft.body(SDP, sdp.into()), now);
        Ok(())
    }

    /// Refuses the call that rings.
    pub(super) fn refuse_ring(&mut self, at: usize, status: u16, now: Instant) {
        let talk = &mut self.talks[at];
        let Some((id, request)) = talk.asked.take() else { return };
        let peer = self.hop.peer;
        if let Some(Ok(draft)) = talk.dialog().map(|dialog| dialog.reply(&request, peer, status)) {
            self.respond(id, &draft, now);
        }
    }

    /// The caller gave up; also a later INVITE may be.
    pub(super) fn cancelled(&mut self, id: ServerId, cancel: &Headers, now: Instant) {
        let waits = |talk: &Talk| talk.asked.as_ref().is_some_and(|(asked, _)| *asked == id);
        let Some(at) = self.talks.iter().position(waits) else { return };
        if self.talks[at].stage == Stage::Up {
            let Some((id, request)) = self.talks[at].asked.take() else { return };
            return self.answer_inside(at, id, &request, 487, None, now);
        }
        self.refuse_ring(at, 487, now);
        let name = self.talks[at].name.clone();
        self.over(&name, Why::given_up(cancel));
    }

    /// The ACK of a 2xx; it brings the answer to an offer that the page made in it.
    pub(super) fn acknowledged(&mut self, ack: &Request) {
        let Some(at) = self.talk_of(ack) else { return };
        let talk = &mut self.talks[at];
        talk.unconfirmed = None;
        let owed = std::mem::take(&mut talk.owed);
        if let Some(dialog) = talk.dialog()
            && dialog.turns.open_offer() != Some(Turn::Ours)
        {
            dialog.turns.answered();
        }
        if let Some(sdp) = description(ack).filter(|_| owed) {
            let talk = self.talks[at].name.to_string();
            self.told.push_back(Told::Accept { talk, sdp });
        }
    }

    /// Nobody acknowledged our 2xx: the talk ends (RFC 3261 §13.3.1.4).
    pub(super) fn ack_missing(&mut self, id: ServerId, now: Instant) {
        let Some(at) = self.talks.iter().position(|talk| talk.unconfirmed == Some(id)) else { return };
        let talk = self.talks[at].name.to_string();
        self.bye(at, now);
        let why = Why::of_status(408, "the other side did not take the answer");
        self.told.push_back(Told::Ended { talk, why });
    }
}
