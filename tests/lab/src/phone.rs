//! A phone of our own: it registers over any carrier with any digest, and can be asked to do it oddly.

use std::net::SocketAddr;

use crate::ask::{Ask, fresh};
use crate::digest::{Algorithm, Challenge, Proof};
use crate::line::{Carrier, Line};
use crate::reply::Reply;

/// What a REGISTER shall say beyond what every REGISTER says.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    contacts: Option<Vec<String>>,
    expires: Option<u32>,
    headers: Vec<(String, String)>,
}

impl Wish {
    /// The phone's own contact for that many seconds.
    pub fn expires(seconds: u32) -> Self {
        Self { expires: Some(seconds), ..Self::default() }
    }

    /// No contact at all: the question who is bound.
    pub fn fetch() -> Self {
        Self { contacts: Some(Vec::new()), ..Self::default() }
    }

    /// `Contact: *` with `Expires: 0`: all bindings go.
    pub fn clear() -> Self {
        Self::expires(0).contact("*")
    }

    /// One more contact, as it shall stand in the header; the phone's own is left out then.
    pub fn contact(mut self, contact: impl Into<String>) -> Self {
        self.contacts.get_or_insert_default().push(contact.into());
        self
    }

    /// One more header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A phone with an account on a line of its own.
pub struct Phone {
    line: Line,
    user: String,
    password: String,
    algorithm: Algorithm,
    call_id: String,
    cseq: u32,
    known: Option<(Challenge, u32)>,
}

impl Phone {
    /// Opens a line for an account. It proves by MD5, as phones do that were told nothing else.
    pub async fn connect(carrier: Carrier, server: SocketAddr, user: &str, password: &str) -> Self {
        let line = Line::open(carrier, server).await;
        let call_id = format!("{}@lab.invalid", fresh());
        Self {
            line,
            user: user.to_owned(),
            password: password.to_owned(),
            algorithm: Algorithm::Md5,
            call_id,
            cseq: 0,
            known: None,
        }
    }

    /// Proves by that algorithm from now on.
    pub fn proving_by(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self.known = None;
        self
    }

    /// The line it is on.
    pub fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    /// Where this phone says that it is.
    pub fn contact(&self) -> String {
        format!("<sip:{}@{};transport={}>", self.user, self.line.local(), self.line.carrier().name().to_lowercase())
    }

    /// Registers this phone's contact for that long.
    pub async fn register(&mut self, seconds: u32) -> Reply {
        self.wish(&Wish::expires(seconds)).await
    }

    /// Takes this phone's contact back.
    pub async fn unregister(&mut self) -> Reply {
        self.register(0).await
    }

    /// The contacts that the server knows of this account.
    pub async fn fetch(&mut self) -> Vec<String> {
        let reply = self.wish(&Wish::fetch()).await;
        assert_eq!(reply.status(), 200, "asked for the bindings of {}: {}", self.user, reply.text());
        reply.contacts().into_iter().map(str::to_owned).collect()
    }

    /// Sends a REGISTER that says this, with proof when it is asked for, and gives back the final answer.
    pub async fn wish(&mut self, wish: &Wish) -> Reply {
        let ask = self.request(wish);
        let reply = self.line.exchange(&ask).await;
        if reply.status() != 401 {
            return reply;
        }
        let challenge = Challenge::find(reply.all("WWW-Authenticate"), self.algorithm);
        let challenge =
            challenge.unwrap_or_else(|| panic!("no challenge for {:?} in: {}", self.algorithm, reply.text()));
        self.known = Some((challenge, 0));
        let ask = self.request(wish);
        self.line.exchange(&ask).await
    }

    /// A REGISTER in order, with proof when a challenge is known.
    pub fn request(&mut self, wish: &Wish) -> Ask {
        let registrar = self.line.uri("");
        let address = format!("<{}>", self.line.uri(&self.user));
        self.cseq += 1;
        let mut ask = self
            .line
            .ask("REGISTER", &registrar)
            .set("From", format!("{address};tag={}", fresh()))
            .set("To", address)
            .set("Call-ID", &self.call_id)
            .set("CSeq", format!("{} REGISTER", self.cseq));
        for contact in wish.contacts.clone().unwrap_or_else(|| vec![self.contact()]) {
            ask = ask.with("Contact", contact);
        }
        if let Some(seconds) = wish.expires {
            ask = ask.with("Expires", seconds.to_string());
        }
        for (name, value) in &wish.headers {
            ask = ask.with(name, value);
        }
        if let Some((challenge, count)) = &mut self.known {
            *count += 1;
            let (user, password) = (&self.user, &self.password);
            let proof = Proof { user, password, method: "REGISTER", uri: &registrar, count: *count };
            ask = ask.with("Authorization", challenge.answer(&proof));
        }
        ask
    }
}
