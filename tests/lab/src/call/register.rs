//! Registering, as every phone does it that has a home.

use std::time::Instant;

use patchcord_sip::message::{Draft, Response};
use patchcord_sip::{Method, Name};

use super::machine::{Errand, Machine};

impl Machine {
    /// Registers for that long; 0 takes the contact back.
    pub fn register(&mut self, seconds: u32, now: Instant) {
        self.registered = None;
        self.ask_register(None, seconds, now);
    }

    fn ask_register(&mut self, proof: Option<(String, String)>, seconds: u32, now: Instant) {
        let server = self.model.server.expect("only a phone at home with a server registers");
        let tag = self.tokens.tag();
        self.registration.1 += 1;
        let (call_id, number) = &self.registration;
        let identity = self.identity();
        let mut draft = Draft::request(Method::Register, &format!("sip:{server}"))
            .header(Name::MaxForwards, 70)
            .header(Name::From, format_args!("{identity};tag={tag}"))
            .text(Name::To, &identity)
            .text(Name::CallId, call_id)
            .header(Name::CSeq, format_args!("{number} REGISTER"))
            .text(Name::Contact, &self.contact())
            .header(Name::Expires, seconds);
        let proved = proof.is_some();
        if let Some((name, value)) = proof {
            draft = draft.raw(&name, value);
        }
        let hop = self.wire().way(server);
        let id = self.transactions.request(draft, hop, &self.sent_by(), now).expect("room for a REGISTER");
        self.errands.insert(id, Errand::Register { proved, seconds });
    }

    pub fn register_answered(&mut self, response: &Response, proved: bool, seconds: u32, now: Instant) {
        let status = response.status();
        let server = self.model.server.expect("only a phone at home with a server registers");
        if matches!(status.code(), 401 | 407) && !proved {
            let proof = self.proof(response, "REGISTER", &format!("sip:{server}"));
            if proof.is_some() {
                return self.ask_register(proof, seconds, now);
            }
        }
        if status.is_final() {
            self.registered = Some(status.code());
        }
    }
}
