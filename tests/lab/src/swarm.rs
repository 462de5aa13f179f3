//! Thousands of phones on a few lines: they register and refresh as fast as the server answers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::ask::{Ask, fresh};
use crate::digest::{Algorithm, Challenge, Proof};
use crate::line::{Carrier, Heard, Line};
use crate::reply::Reply;

/// Requests under way on one line: enough to keep a server busy, few enough for a socket buffer.
const WINDOW: usize = 32;
/// A line on which nothing comes for so long has lost what is under way.
const SILENCE: Duration = Duration::from_secs(1);
/// So often the same requests are sent again before the swarm gives up.
const MAX_REPEATS: usize = 10;

/// How many phones of the swarm heard what as their final answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SwarmCount {
    /// Phones whose REGISTER was answered 200 with their contact in it.
    pub registered: usize,
    /// Others, by status.
    pub refused: HashMap<u16, usize>,
}

struct Member {
    user: String,
    password: String,
    call_id: String,
    cseq: u32,
    known: Option<(Challenge, u32)>,
}

struct Branch {
    line: Line,
    members: Vec<Member>,
}

/// Phones that share lines.
pub struct Swarm {
    algorithm: Algorithm,
    branches: Vec<Branch>,
}

impl Swarm {
    /// Spreads the accounts over that many lines.
    pub async fn connect(
        carrier: Carrier,
        server: SocketAddr,
        lines: usize,
        algorithm: Algorithm,
        accounts: &[(String, String)],
    ) -> Self {
        let mut branches = Vec::new();
        for share in accounts.chunks(accounts.len().div_ceil(lines)) {
            let line = Line::open(carrier, server).await;
            let members = share.iter().map(|(user, password)| Member {
                user: user.clone(),
                password: password.clone(),
                call_id: format!("{}@lab.invalid", fresh()),
                cseq: 0,
                known: None,
            });
            branches.push(Branch { line, members: members.collect() });
        }
        Self { algorithm, branches }
    }

    /// Every phone registers (or refreshes) for that long; none is left without an answer.
    pub async fn register(&mut self, seconds: u32) -> SwarmCount {
        let mut work = JoinSet::new();
        let algorithm = self.algorithm;
        for mut branch in self.branches.drain(..) {
            work.spawn(async move {
                let count = branch.register(algorithm, seconds).await;
                (branch, count)
            });
        }
        let mut total = SwarmCount::default();
        while let Some(done) = work.join_next().await {
            let (branch, count) = done.expect("a branch of the swarm panicked");
            self.branches.push(branch);
            total.registered += count.registered;
            for (status, phones) in count.refused {
                *total.refused.entry(status).or_default() += phones;
            }
        }
        total
    }
}

impl Branch {
    async fn register(&mut self, algorithm: Algorithm, seconds: u32) -> SwarmCount {
        let mut count = SwarmCount::default();
        let mut under_way: HashMap<String, (usize, String)> = HashMap::new();
        let (mut next, mut repeats) = (0, 0);
        while next < self.members.len() || !under_way.is_empty() {
            while under_way.len() < WINDOW && next < self.members.len() {
                self.ask(next, seconds, &mut under_way).await;
                next += 1;
            }
            match self.line.hear_within(SILENCE).await {
                Some(Heard::Message(reply)) if reply.is_response() && reply.status() >= 200 => {
                    let Some(index) = settled(&reply, &self.members, &mut under_way) else { continue };
                    repeats = 0;
                    self.answered(index, &reply, algorithm, &mut count);
                    if reply.status() == 401 && self.members[index].known.is_some() {
                        self.ask(index, seconds, &mut under_way).await;
                    }
                }
                Some(Heard::Message(_) | Heard::Pong) => {}
                Some(Heard::Closed) => panic!("the server hung up on a swarm with {} under way", under_way.len()),
                None => {
                    repeats += 1;
                    assert!(repeats <= MAX_REPEATS, "{} REGISTERs stay without an answer", under_way.len());
                    for (_, text) in under_way.values() {
                        self.line.send(text).await;
                    }
                }
            }
        }
        count
    }

    /// Sends the REGISTER of one member.
    async fn ask(&mut self, index: usize, seconds: u32, under_way: &mut HashMap<String, (usize, String)>) {
        let ask = self.request(index, seconds);
        let text = ask.text();
        self.line.send(&text).await;
        under_way.insert(self.members[index].call_id.clone(), (index, text));
    }

    fn answered(&mut self, index: usize, reply: &Reply, algorithm: Algorithm, count: &mut SwarmCount) {
        let member = &mut self.members[index];
        let first_refusal = member.known.as_ref().is_none_or(|_| reply.text().contains("stale=true"));
        match reply.status() {
            200 if reply.contacts().iter().any(|contact| contact.contains(&format!("<sip:{}@", member.user))) => {
                count.registered += 1;
            }
            401 if first_refusal => {
                member.known = Challenge::find(reply.all("WWW-Authenticate"), algorithm).map(|known| (known, 0));
                if member.known.is_none() {
                    *count.refused.entry(401).or_default() += 1;
                }
            }
            status => {
                member.known = None;
                *count.refused.entry(status).or_default() += 1;
            }
        }
    }

    fn request(&mut self, index: usize, seconds: u32) -> Ask {
        let (registrar, local) = (self.line.uri(""), self.line.local());
        let user = self.members[index].user.clone();
        let address = format!("<{}>", self.line.uri(&user));
        let ask = self.line.ask("REGISTER", &registrar);
        let member = &mut self.members[index];
        member.cseq += 1;
        let transport = self.line.carrier().name().to_lowercase();
        let ask = ask
            .set("From", format!("{address};tag={}", fresh()))
            .set("To", address)
            .set("Call-ID", &member.call_id)
            .set("CSeq", format!("{} REGISTER", member.cseq))
            .with("Contact", format!("<sip:{user}@{local};transport={transport}>"))
            .with("Expires", seconds.to_string());
        let Some((challenge, uses)) = &mut member.known else { return ask };
        *uses += 1;
        let proof =
            Proof { user: &user, password: &member.password, method: "REGISTER", uri: &registrar, count: *uses };
        ask.with("Authorization", challenge.answer(&proof))
    }
}

/// Which member's request this answers; late answers to an earlier request are nobody's.
fn settled(reply: &Reply, members: &[Member], under_way: &mut HashMap<String, (usize, String)>) -> Option<usize> {
    let call_id = reply.header("Call-ID")?;
    let (index, _) = *under_way.get(call_id).as_ref()?;
    let cseq = format!("{} REGISTER", members[*index].cseq);
    if reply.header("CSeq") != Some(cseq.as_str()) {
        return None;
    }
    under_way.remove(call_id).map(|(index, _)| index)
}
