//! A phone that registers: it does one thing after the other, proves its password when asked, and remembers what it was
//! told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use patchcord_sip::digest::{Asked, Challenge, Credential};
use patchcord_sip::transaction::{ClientId, Heard, Limits, Output, TimerSet, Transactions};
use patchcord_sip::{Contact, Draft, FlowId, Hop, Message, Method, Name, Response, Transport};

use super::house::{ADDRESS, PASSWORD, USERS};
use super::network::{Chance, Network};

const SECOND: Duration = Duration::from_secs(1);
/// Times a phone asks for.
const LASTS: [u32; 4] = [60, 75, 180, 3600];
/// How long a phone waits after a failure: what it sent before has perished then (T4).
const PAUSE: Duration = Duration::from_secs(5);
const REGISTRAR: &str = "sip:example.org";

/// What a phone does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Registers, or refreshes.
    Register,
    /// Registers under another name and takes the old one away, in one request.
    Move,
    /// Takes its own contact away.
    Leave,
    /// Takes everything of its endpoint away.
    LeaveAll,
    /// Asks what there is.
    Look,
    /// Loses its connection, maybe while it waits for an answer, and makes another for what it does next.
    Hang,
}

/// What a phone knows of its registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belief {
    /// It is registered with this line; asked for then, granted then, for so long.
    Registered { line: u16, asked_at: Instant, granted_at: Instant, lasts: Duration },
    /// It is not.
    Gone,
    /// It asked and heard nothing.
    Unknown,
}

/// One deed under way.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    id: ClientId,
    deed: Deed,
    asked_at: Instant,
    requests: u32,
}

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Diary {
    pub accepted: u32,
    pub challenged: u32,
    pub stale: u32,
    pub refused: u32,
    pub timed_out: u32,
    pub unreachable: u32,
}

pub struct Phone {
    pub name: String,
    pub user: &'static str,
    pub thief: bool,
    pub belief: Belief,
    pub diary: Diary,
    pub address: SocketAddr,
    pub table: Transactions,
    pub line: u16,
    hop: Hop,
    deeds: VecDeque<(Instant, Deed)>,
    attempt: Option<Attempt>,
    lasts: u32,
    cseq: u32,
    /// The challenge last heard and how often it was answered.
    challenge: Option<(String, u32)>,
    remembers_challenges: bool,
    flows: u64,
}

/// What went wrong with a phone that does everything right.
pub type Wrong = Result<(), String>;

impl Phone {
    pub fn new(number: u8, alone: bool, transport: Transport, start: Instant, chance: &mut Chance) -> Self {
        let user = if alone { USERS[usize::from(number) % 2] } else { chance.one_of(&USERS) };
        let address = SocketAddr::new([198, 51, 100, 10 + number].into(), 5060);
        let thief = chance.percent(10);
        let mut at = start;
        let count = 1 + chance.below(4);
        let deeds = (0..count).map(|_| {
            let pause = chance.one_of(&[SECOND, 20 * SECOND, 100 * SECOND, 400 * SECOND]);
            at += chance.time(pause);
            let all = [Deed::Register, Deed::Register, Deed::Register, Deed::Move, Deed::Leave, Deed::Look];
            let deed = match chance.below(12) {
                0 if alone => Deed::LeaveAll,
                1 if transport.is_reliable() => Deed::Hang,
                _ => chance.one_of(&all),
            };
            (at, deed)
        });
        Self {
            name: format!("phone{number}"),
            user,
            thief,
            belief: Belief::Gone,
            diary: Diary::default(),
            address,
            table: Transactions::new(TimerSet::default(), Limits::default(), [10 + number; 32], start),
            line: 1,
            hop: Hop {
                transport,
                flow: FlowId(if transport.is_reliable() { u64::from(number) * 100 + 1 } else { 0 }),
                local: address,
                peer: ADDRESS.parse().expect("an address"),
            },
            deeds: deeds.collect(),
            attempt: None,
            lasts: chance.one_of(&LASTS),
            cseq: 0,
            challenge: None,
            remembers_challenges: chance.percent(60),
            flows: 1,
        }
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Instant> {
        // One thing after the other; but a connection breaks when it likes.
        let may_be = |deed: &Deed| self.attempt.is_none() || *deed == Deed::Hang;
        let next = self.deeds.front().filter(|(_, deed)| may_be(deed)).map(|(at, _)| *at);
        [next, self.table.deadline()].into_iter().flatten().min()
    }

    /// The connection that must be closed now, if it hangs up.
    pub fn hangs(&mut self, now: Instant) -> Option<FlowId> {
        let due = matches!(self.deeds.front(), Some((at, Deed::Hang)) if *at <= now);
        due.then(|| {
            self.deeds.pop_front();
            self.belief = Belief::Gone;
            let old = self.hop.flow;
            self.flows += 1;
            self.hop.flow = FlowId(old.0 + 1);
            self.table.flow_closed(old);
            old
        })
    }

    pub fn wake(&mut self, now: Instant) {
        if self.table.deadline().is_some_and(|deadline| deadline <= now) {
            self.table.wake(now);
        }
        if self.attempt.is_none()
            && let Some((_, deed)) = self.deeds.pop_front_if(|(at, _)| *at <= now)
        {
            if deed == Deed::Move {
                self.line += 1;
            }
            self.ask(deed, 1, now, now);
        }
    }

    fn ask(&mut self, deed: Deed, requests: u32, asked_at: Instant, now: Instant) {
        self.cseq += 1;
        let mut draft = Draft::request(Method::Register, REGISTRAR)
            .header(Name::MaxForwards, 70)
            .header(Name::From, format_args!("<sip:{}@example.org>;tag={}", self.user, self.name))
            .header(Name::To, format_args!("<sip:{}@example.org>", self.user))
            .header(Name::CallId, format_args!("{}@{}", self.name, self.address.ip()))
            .header(Name::CSeq, format_args!("{} REGISTER", self.cseq));
        draft = match deed {
            Deed::Register => draft.header(Name::Contact, self.contact(self.line, self.lasts)),
            Deed::Leave => draft.header(Name::Contact, self.contact(self.line, 0)),
            Deed::Move => draft
                .header(Name::Contact, self.contact(self.line - 1, 0))
                .header(Name::Contact, self.contact(self.line, self.lasts)),
            Deed::LeaveAll => draft.header(Name::Contact, "*").header(Name::Expires, 0),
            Deed::Look | Deed::Hang => draft,
        };
        if let Some((challenge, count)) = &mut self.challenge {
            *count += 1;
            let credential = Credential::Password(if self.thief { "guess".into() } else { PASSWORD.into() });
            let asked = Asked { method: "REGISTER", uri: REGISTRAR, body: b"" };
            let challenge = Challenge::parse(challenge).expect("it was read before");
            let answer = challenge.answer(self.user, &credential, asked, *count, "cnonce");
            draft = draft.header(Name::Authorization, answer.expect("the challenge can be answered"));
        }
        let sent_by = self.address.to_string();
        let id = self.table.request(draft, self.hop, &sent_by, now).expect("there is room");
        self.attempt = Some(Attempt { id, deed, asked_at, requests });
        if !matches!(deed, Deed::Look) {
            self.belief = Belief::Unknown;
        }
    }

    fn contact(&self, line: u16, lasts: u32) -> String {
        // It names the source, as phones learn to do whose connection is the only way to them.
        let Hop { transport, .. } = self.hop;
        format!("<sip:{}.{line}@{};transport={transport}>;expires={lasts}", self.name, self.address)
    }

    /// Which line of this phone a contact means.
    pub fn line_of(&self, contact: &str) -> Option<u16> {
        let line = contact.strip_prefix("sip:")?.strip_prefix(&*self.name)?.strip_prefix('.')?;
        line.split('@').next()?.parse().ok()
    }

    /// Carries out what its table says. True when there was anything.
    pub fn settle(&mut self, network: &mut Network, now: Instant) -> Result<bool, String> {
        let mut busy = false;
        while let Some(output) = self.table.poll() {
            busy = true;
            match output {
                Output::Send { hop, bytes, sender, .. } => {
                    if network.send(hop, bytes, now).is_err() {
                        self.table.transport_failed(sender);
                    }
                }
                Output::Heard(heard) => self.hear(heard, now)?,
            }
        }
        Ok(busy)
    }

    fn hear(&mut self, heard: Heard, now: Instant) -> Wrong {
        let attempt = self.attempt.take().ok_or("news came to a phone that waits for none")?;
        match heard {
            Heard::Response { id, response, .. } => {
                law(id == attempt.id, || "an answer belongs to another attempt".to_owned())?;
                match response.status().code() {
                    100 => self.attempt = Some(attempt),
                    200 => self.accepted(&attempt, &response, now)?,
                    401 => self.challenged(attempt, &response, now)?,
                    403 if self.thief => self.refused(),
                    status => return Err(format!("{} was answered {status} {}", self.name, response.reason())),
                }
            }
            Heard::TimedOut { .. } => {
                self.diary.timed_out += 1;
                self.postpone(now + PAUSE);
            }
            Heard::Unreachable { .. } => {
                self.diary.unreachable += 1;
                self.postpone(now + PAUSE);
            }
            other => return Err(format!("a phone does not hear {other:?}")),
        }
        Ok(())
    }

    fn accepted(&mut self, attempt: &Attempt, response: &Response, now: Instant) -> Wrong {
        law(!self.thief, || format!("{} guessed the password", self.name))?;
        self.diary.accepted += 1;
        if attempt.deed == Deed::Look {
            return Ok(());
        }
        self.belief = Belief::Gone;
        for contact in response.contacts() {
            let Ok(Contact::Addr(contact)) = contact else { return Err("a 200 lists no addresses".into()) };
            let (Some(line), Some(lasts)) = (self.line_of(contact.uri.as_str()), contact.expires()) else { continue };
            law(self.belief == Belief::Gone, || format!("{} is told of two contacts of its own", self.name))?;
            law(line == self.line, || format!("{} is told of the contact it took away", self.name))?;
            let lasts = Duration::from_secs(lasts.into());
            self.belief = Belief::Registered { line, asked_at: attempt.asked_at, granted_at: now, lasts };
        }
        let wants = matches!(attempt.deed, Deed::Register | Deed::Move);
        law(wants == (self.belief != Belief::Gone), || format!("{} got the reverse of {:?}", self.name, attempt.deed))
    }

    fn challenged(&mut self, attempt: Attempt, response: &Response, now: Instant) -> Wrong {
        // Once for the password, and once more when the nonce it remembered has become stale meanwhile.
        law(attempt.requests <= 2, || format!("{} is asked for its password without end", self.name))?;
        self.diary.challenged += 1;
        let credential = Credential::Password("any".into());
        let challenge = Challenge::strongest(response.all(Name::WwwAuthenticate), &credential);
        self.diary.stale += u32::from(challenge.is_ok_and(|challenge| challenge.is_stale()));
        let line = response.all(Name::WwwAuthenticate).next().ok_or("a challenge is empty")?;
        self.challenge = Some((line.to_owned(), 0));
        // The first request of a deed says when the registration began at the earliest.
        self.ask(attempt.deed, attempt.requests + 1, now, now);
        Ok(())
    }

    fn refused(&mut self) {
        self.diary.refused += 1;
        self.challenge = None;
    }

    /// Puts off what comes next.
    fn postpone(&mut self, until: Instant) {
        if let Some((at, _)) = self.deeds.front_mut() {
            *at = until.max(*at);
        }
    }

    /// Forgets the challenge between two deeds, if it is that kind of phone.
    pub fn tidy(&mut self) {
        if self.attempt.is_none() && !self.remembers_challenges {
            self.challenge = None;
        }
    }

    /// Whether it has nothing to do any more.
    pub fn is_idle(&self) -> bool {
        self.attempt.is_none() && self.deeds.is_empty() && self.table.is_empty()
    }

    pub fn flow(&self) -> FlowId {
        self.hop.flow
    }

    pub fn receive(&mut self, message: Message, hop: Hop, now: Instant) {
        self.table.receive(message, hop, now);
    }
}

pub fn law(holds: bool, words: impl FnOnce() -> String) -> Wrong {
    if holds { Ok(()) } else { Err(words()) }
}
