//! One story from its beginning until nothing moves any more.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use patchcord_sip::transaction::{Heard, Limits, Output, Sender, Tally, TimerSet, Transactions};
use patchcord_sip::{Draft, FlowId, Headers, Hop, Message, Method, Name, Response, Transport};

use super::network::{Chance, Network, Weather};
use super::plan::{Kind, Plan};
use super::story::{End, Story};

/// More than any story needs; one that goes on longer never ends.
const MOST_STEPS: u32 = 20_000;

/// What is left when nothing moves any more.
pub struct Outcome {
    pub stories: Vec<Story>,
    pub left_in_tables: usize,
    pub deadlines: [Option<Instant>; 2],
    pub tallies: [Tally; 2],
    pub ended: bool,
    pub closed_at: Option<Instant>,
}

/// Something that somebody intends to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Ask(usize),
    Cancel(usize),
    Ring(usize),
    Answer(usize),
    Close,
}

struct World {
    now: Instant,
    asking: Transactions,
    serving: Transactions,
    network: Network,
    agenda: BinaryHeap<Reverse<(Instant, Deed)>>,
    stories: Vec<Story>,
    hop: Hop,
    closed_at: Option<Instant>,
}

/// Lives through one seed.
pub fn live(seed: u64, kind: Kind, transport: Transport) -> Outcome {
    let mut chance = Chance::seeded(seed);
    let start = Instant::now();
    let weather = Weather::of_the_day(&mut chance);
    let stories: Vec<Story> = (0..1 + chance.below(3)).map(|_| Story::of(Plan::drawn(kind, &mut chance))).collect();
    let mut agenda: BinaryHeap<_> = BinaryHeap::new();
    for (number, story) in stories.iter().enumerate() {
        agenda.push(Reverse((start + story.plan.ask_at, Deed::Ask(number))));
    }
    if transport.is_reliable() && chance.percent(20) {
        agenda.push(Reverse((start + chance.time(Duration::from_secs(10)), Deed::Close)));
    }
    let table = |seed| Transactions::new(TimerSet::default(), Limits::default(), [seed; 32], start);
    let mut world = World {
        now: start,
        asking: table(1),
        serving: table(2),
        network: Network::new(weather, Chance::seeded(chance.number())),
        agenda,
        stories,
        hop: Hop {
            transport,
            flow: FlowId(1),
            local: "192.0.2.1:5060".parse().expect("an address"),
            peer: "192.0.2.2:5060".parse().expect("an address"),
        },
        closed_at: None,
    };
    if chance.percent(10) {
        let address = chance.one_of(&[world.hop.local, world.hop.peer]);
        world.network.deafen(address, start + chance.time(Duration::from_secs(5)));
    }
    let ended = (0..MOST_STEPS).any(|_| !world.step());
    Outcome {
        left_in_tables: world.asking.len() + world.serving.len(),
        deadlines: [world.asking.deadline(), world.serving.deadline()],
        tallies: [*world.asking.tally(), *world.serving.tally()],
        stories: world.stories,
        ended,
        closed_at: world.closed_at,
    }
}

impl World {
    /// Goes to the next moment at which something happens. False when nothing will.
    fn step(&mut self) -> bool {
        let planned = self.agenda.peek().map(|Reverse((at, _))| *at);
        let moments = [planned, self.network.deadline(), self.asking.deadline(), self.serving.deadline()];
        let Some(next) = moments.into_iter().flatten().min() else { return false };
        self.now = self.now.max(next);
        while let Some(Reverse((_, deed))) = self.agenda.peek().copied().filter(|Reverse((at, _))| *at <= self.now) {
            self.agenda.pop();
            self.perform(deed);
            self.settle();
        }
        while let Some(parcel) = self.network.arrive(self.now) {
            let message = Message::parse(parcel.bytes).expect("what was sent is SIP");
            let to_server = parcel.hop.local == self.hop.peer;
            self.note_arrival(&message);
            let table = if to_server { &mut self.serving } else { &mut self.asking };
            table.receive(message, parcel.hop, self.now);
            self.settle();
        }
        for table in [&mut self.asking, &mut self.serving] {
            if table.deadline().is_some_and(|deadline| deadline <= self.now) {
                table.wake(self.now);
            }
        }
        self.settle();
        true
    }

    fn plan(&mut self, after: Duration, deed: Deed) {
        self.agenda.push(Reverse((self.now + after, deed)));
    }

    fn perform(&mut self, deed: Deed) {
        match deed {
            Deed::Ask(number) => {
                let draft = self.draft(number, self.stories[number].plan.method.clone());
                let id = self.asking.request(draft, self.hop, "192.0.2.1:5060", self.now).expect("there is room");
                let story = &mut self.stories[number];
                story.asker.id = Some(id);
                story.asker.asked_at = Some(self.now);
                if let Some(after) = story.plan.cancel_after {
                    self.plan(after, Deed::Cancel(number));
                }
            }
            Deed::Cancel(number) => {
                let story = &mut self.stories[number];
                story.asker.cancelled_at = Some(self.now);
                let id = story.asker.id.expect("nobody cancels what was not asked");
                self.asking.cancel(id, None, self.now);
            }
            Deed::Ring(number) => self.respond(number, 180),
            Deed::Answer(number) => self.answer(number, self.stories[number].plan.status),
            Deed::Close => {
                self.closed_at = Some(self.now);
                self.network.close(self.hop.flow);
                self.asking.flow_closed(self.hop.flow);
                self.serving.flow_closed(self.hop.flow);
            }
        }
    }

    fn draft(&self, number: usize, method: Method) -> Draft {
        let cseq = format!("1 {method}");
        Draft::request(method, "sip:server@192.0.2.2")
            .header(Name::MaxForwards, 70)
            .header(Name::From, format_args!("<sip:asker@192.0.2.1>;tag=asker{number}"))
            .header(Name::To, "<sip:server@192.0.2.2>")
            .header(Name::CallId, format_args!("{number}@192.0.2.1"))
            .header(Name::CSeq, cseq)
    }

    /// The server's owner gives its final answer, once.
    fn answer(&mut self, number: usize, status: u16) {
        let story = &mut self.stories[number];
        if story.server.answers.is_empty() {
            story.server.answers.push((status, self.now));
            self.respond(number, status);
        }
    }

    fn respond(&mut self, number: usize, status: u16) {
        let server = &self.stories[number].server;
        if let (Some(id), Some(request)) = (server.id, &server.request) {
            let bytes = Draft::reply(request, self.hop.local, status).to_tag("server").finish();
            self.serving.respond(id, status, bytes, self.now);
        }
    }

    /// Carries out what the tables say until they are silent.
    fn settle(&mut self) {
        loop {
            let (output, asking) = match (self.asking.poll(), self.serving.poll()) {
                (Some(output), other) => {
                    // Both may speak at once; the other one's word comes next.
                    if let Some(other) = other {
                        self.obey(other, false);
                    }
                    (output, true)
                }
                (None, Some(output)) => (output, false),
                (None, None) => return,
            };
            self.obey(output, asking);
        }
    }

    fn obey(&mut self, output: Output, asking: bool) {
        match output {
            Output::Send { hop, bytes, sender, .. } => {
                self.note_sending(&Message::parse(bytes.clone()).expect("what is sent is SIP"));
                // There is no other way than the one connection, so `otherwise` leads nowhere.
                if self.network.send(hop, bytes, self.now).is_err() {
                    let table = if asking { &mut self.asking } else { &mut self.serving };
                    table.transport_failed(sender);
                    assert!(asking || matches!(sender, Sender::Server(_) | Sender::Nobody));
                }
            }
            Output::Heard(heard) if asking => self.asker_hears(heard),
            Output::Heard(heard) => self.server_hears(heard),
        }
    }

    fn asker_hears(&mut self, heard: Heard) {
        let now = self.now;
        let end = match &heard {
            Heard::Response { response, .. } => End::Answered(response.status().code()),
            Heard::StrayResponse { response, .. } => {
                let ack = self.stories[number_of(response)].asker.ack.clone().expect("the first 2xx was acknowledged");
                return self.asking.send_again(ack, self.hop);
            }
            Heard::TimedOut { .. } => End::TimedOut,
            Heard::Unreachable { .. } => End::Unreachable,
            Heard::Ended { id } => {
                return self.story_of(*id).asker.closed += 1;
            }
            Heard::CancelSent { .. } => return,
            other => panic!("an asker does not hear {other:?}"),
        };
        let (Heard::Response { id, .. } | Heard::TimedOut { id } | Heard::Unreachable { id }) = heard else { return };
        let story = self.story_of(id);
        match end {
            End::Answered(status) if status < 200 => story.asker.heard.push(status),
            _ => story.asker.ends.push((end, now)),
        }
        if let Heard::Response { response, .. } = heard
            && response.status().is_success()
        {
            self.acknowledge(&response);
        }
    }

    fn acknowledge(&mut self, response: &Response) {
        let number = number_of(response);
        if self.stories[number].plan.method == Method::Invite {
            let draft = self.draft(number, Method::Ack).without(Name::To).copy(response, Name::To);
            self.stories[number].asker.ack = Some(self.asking.send_ack(draft, self.hop, "192.0.2.1:5060"));
        }
    }

    fn story_of(&mut self, id: patchcord_sip::transaction::ClientId) -> &mut Story {
        let found = self.stories.iter_mut().find(|story| story.asker.id == Some(id));
        found.expect("news are about something that was asked")
    }

    fn server_hears(&mut self, heard: Heard) {
        let now = self.now;
        match heard {
            Heard::Request { id, request, .. } => {
                let number = number_of(&request);
                let server = &mut self.stories[number].server;
                server.heard_at.push(now);
                if server.heard_at.len() > 1 {
                    // Whether that was allowed is for the laws; it gets an answer that is not mistaken for the first.
                    server.answers.push((481, now));
                    let bytes = Draft::reply(&request, self.hop.local, 481).to_tag("server").finish();
                    return self.serving.respond(id, 481, bytes, now);
                }
                (server.id, server.request) = (Some(id), Some(request));
                let plan = self.stories[number].plan.clone();
                if let Some(after) = plan.ring_after {
                    self.plan(after, Deed::Ring(number));
                }
                if let Some(after) = plan.answer_after {
                    self.plan(after, Deed::Answer(number));
                }
            }
            Heard::Cancelled { cancel, .. } => {
                let number = number_of(&cancel);
                self.stories[number].server.cancelled += 1;
                self.answer(number, 487);
            }
            Heard::Ack { id, request, .. } => {
                let server = &mut self.stories[number_of(&request)].server;
                if id.is_some() {
                    assert_eq!(id, server.id, "the ACK belongs to the INVITE it is told with");
                    server.acks += 1;
                }
            }
            Heard::AckMissing { id } | Heard::ReplyLost { id } => {
                let story = self.stories.iter_mut().find(|story| story.server.id == Some(id));
                let server = &mut story.expect("news are about something that was heard").server;
                match heard {
                    Heard::AckMissing { .. } => server.ack_missing_at = Some(now),
                    _ => server.reply_lost = true,
                }
            }
            other => panic!("a server does not hear {other:?}"),
        }
    }

    fn note_sending(&mut self, message: &Message) {
        let wires = &mut self.stories[number_of(message.headers())].wires;
        match message {
            Message::Request(request) => match request.method() {
                Method::Ack => wires.acks_sent += 1,
                Method::Cancel => wires.cancels_sent += 1,
                _ => wires.requests_sent += 1,
            },
            Message::Response(response) if answers_cancel(response) => {}
            Message::Response(response) if response.status().is_final() => wires.finals_sent += 1,
            Message::Response(_) => {}
        }
    }

    fn note_arrival(&mut self, message: &Message) {
        let wires = &mut self.stories[number_of(message.headers())].wires;
        match message {
            Message::Request(request) => match request.method() {
                Method::Ack => wires.acks_arrived.push(self.now),
                Method::Cancel => {}
                _ => wires.requests_arrived.push(self.now),
            },
            Message::Response(response) if answers_cancel(response) => {}
            Message::Response(response) if response.status().is_final() => {
                wires.finals_arrived.push((response.status().code(), self.now));
            }
            Message::Response(_) => wires.provisionals_arrived += 1,
        }
    }
}

fn answers_cancel(response: &Response) -> bool {
    response.cseq().expect("what was sent has a CSeq").method == Method::Cancel
}

/// Which story a message belongs to: its Call-ID says.
fn number_of(headers: &Headers) -> usize {
    let call_id = headers.call_id().expect("what was sent has a Call-ID");
    call_id.split('@').next().and_then(|number| number.parse().ok()).expect("Call-IDs are numbers here")
}
