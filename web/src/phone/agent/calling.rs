//! A call that the page makes: one INVITE, and what is answered to it.

use std::time::Instant;

use patchcord_engine::line::held;
use patchcord_sip::{
    Method, Name, Response,
    dialog::{Branch, Forks, Opening, Outgoing},
    transaction::ClientId,
};

use super::{ALLOWED, Agent, Errand, MAX_TALKS, Refusal, Role, SDP, Stage, Talk, Told, Why, description};

impl Agent {
    pub(super) fn dial(&mut self, name: &str, to: &str, sdp: String, now: Instant) -> Result<(), Refusal> {
        if self.at(name).is_some() {
            return Err(Refusal::new("wrong_state", "a talk of that name is there already"));
        }
        if self.talks.len() >= MAX_TALKS {
            return Err(Refusal::new("too_many_talks", format!("a page has at most {MAX_TALKS} talks")));
        }
        let target = self.target(to)?;
        let (call_id, tag) = (self.tokens.call_id(&self.sent_by), self.tokens.tag());
        let opening = Opening::new(Outgoing {
            method: Method::Invite,
            target: &target,
            from: &self.identity(),
            to: &format!("<{target}>"),
            contact: self.contact.clone(),
            call_id: &call_id,
            tag: &tag,
            routes: &[],
        });
        let opening = opening.map_err(|fault| Refusal::new("malformed", fault.to_string()))?;
        let draft = opening.draft().text(Name::Allow, ALLOWED).text(Name::UserAgent, "Patchcord browser");
        let draft = draft.text(Name::RecvInfo, held::PACKAGE).body(SDP, sdp.into());
        let id = self.transactions.request(draft, self.hop, &self.sent_by, now);
        let id = id.map_err(|full| Refusal::new("unavailable", full.to_string()))?;
        self.errands.insert(id, Errand::Invite(name.into()));
        self.talks.push(Talk {
            name: name.into(),
            role: Role::Calling { forks: Box::new(Forks::new(opening)), tag: String::new() },
            stage: Stage::Begun,
            asked: None,
            inviting: Some(id),
            unconfirmed: None,
            owed: false,
            followed: None,
            held: (false, false),
            other: None,
        });
        Ok(())
    }

    pub(super) fn invite_answered(&mut self, id: ClientId, name: &str, response: &Response, now: Instant) {
        let Some(at) = self.at(name) else { return };
        let talk = &mut self.talks[at];
        let status = response.status();
        if status.is_final() {
            talk.inviting = None;
        }
        let Role::Calling { forks, tag } = &mut talk.role else { return };
        let given_up = talk.stage == Stage::GivenUp;
        match forks.hear(response) {
            Ok(Branch::Early(dialog)) => {
                dialog.id().remote.clone_into(tag);
                if !given_up {
                    let sdp = description(response);
                    let state = if sdp.is_some() { "early" } else { "ringing" };
                    self.told.push_back(Told::Progress { talk: name.into(), state, sdp });
                }
            }
            Ok(Branch::Won(dialog)) => {
                dialog.id().remote.clone_into(tag);
                let number = response.cseq().map(|cseq| cseq.number).unwrap_or_default();
                let ack = dialog.ack(number);
                self.acks.insert(id, self.transactions.send_ack(ack, self.hop, &self.sent_by));
                if given_up {
                    // The answer was quicker than the page's hang-up.
                    return self.bye(at, now);
                }
                self.talks[at].stage = Stage::Up;
                self.told.push_back(Told::Answered { talk: name.into(), sdp: description(response) });
            }
            Ok(Branch::Failed) => self.over(name, Why::of_answer(response)),
            Ok(Branch::None) if status.code() > 100 && !given_up => {
                self.told.push_back(Told::Progress { talk: name.into(), state: "ringing", sdp: None });
            }
            // Nobody forks towards a page: what makes no dialog that counts is nobody's.
            _ => {}
        }
    }

    /// Ends a talk, however far it is.
    pub(super) fn hang_up(&mut self, name: &str, busy: bool, now: Instant) -> Result<(), Refusal> {
        self.find(name)?;
        let Some(at) = self.at(name) else { return Ok(()) };
        let talk = &mut self.talks[at];
        match (talk.stage, &talk.role) {
            (Stage::Up, _) => {
                if let Some((id, request)) = talk.asked.take() {
                    self.answer_inside(at, id, &request, 487, None, now);
                }
                self.bye(at, now);
            }
            (_, Role::Calling { .. }) => {
                talk.stage = Stage::GivenUp;
                if let Some(id) = talk.inviting {
                    self.transactions.cancel(id, None, now);
                }
            }
            (_, Role::Called { .. }) => {
                self.refuse_ring(at, if busy { 486 } else { 603 }, now);
                self.talks.remove(at);
            }
        }
        self.told.push_back(Told::Ended { talk: name.into(), why: Why::by_us() });
        Ok(())
    }

    /// Says goodbye, and forgets the talk.
    pub(super) fn bye(&mut self, at: usize, now: Instant) {
        let mut talk = self.talks.remove(at);
        let Some(dialog) = talk.dialog() else { return };
        let draft = dialog.request(Method::Bye);
        // Without room for it, the engine ends the talk when the page's connection goes.
        if let Ok(id) = self.transactions.request(draft, self.hop, &self.sent_by, now) {
            self.errands.insert(id, Errand::Inside(talk.name, Method::Bye));
        }
    }
}
