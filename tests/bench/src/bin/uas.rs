//! The server under measurement: the real runtime on one shard, the real door, and calls that are answered at once.
//!
//! `uas [addr:port] [endpoints]`. What stands for calls is [`Answering`]; everything else is what the product runs.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use patchcord_bench::answering::{Answer, Answering};
use patchcord_bench::people;
use patchcord_engine::door::Door;
use patchcord_engine::runtime::{CertificateSource, Desk, Listen, Runtime, Settings, Wire, clock};
use patchcord_sip::hop::{FlowId, Hop, Transport};
use patchcord_sip::message::{Draft, Fault, Method, Request};
use patchcord_sip::transaction::{Heard, ServerId};

/// The product's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    patchcord_bench::process::small_pages()?;
    let mut arguments = std::env::args().skip(1);
    let addr = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned()).parse()?;
    let endpoints = arguments.next().map_or(Ok(0), |count| count.parse())?;
    let board = Arc::new(people::switchboard(clock::now()));
    people::invite(&board, endpoints)?;
    let data = std::env::temp_dir();
    let settings = Settings {
        listen: vec![Listen { transport: Transport::Udp, addr }],
        certificate: CertificateSource::MadeOnce { folder: data, names: Vec::new() },
        shards: 1,
        ..Settings::default()
    };
    let desk = move |_| -> Box<dyn Desk> {
        Box::new(Server { door: Door::new(board.clone(), clock::now()), calls: Answering::default() })
    };
    let runtime = Runtime::start(settings, desk)?;
    for place in runtime.bound() {
        println!("{}", place.addr);
    }
    loop {
        std::thread::park();
    }
}

/// Calls are answered here; whatever is no call goes to the door.
struct Server {
    door: Door,
    calls: Answering,
}

impl Server {
    fn decide(
        &mut self,
        id: ServerId,
        request: &Request,
        hop: &Hop,
        wire: &mut Wire<'_>,
    ) -> Option<Result<Answer, Fault>> {
        let is_outside = request.to_tag().is_ok_and(|tag| tag.is_none());
        match request.method() {
            Method::Invite if is_outside => {
                let (here, tag) = (wire.contact_on(hop), wire.tokens().tag());
                Some(self.calls.invited(id, request, hop, here, &tag))
            }
            Method::Invite | Method::Bye => Some(self.calls.asked(id, request, hop)),
            _ => None,
        }
    }
}

impl Desk for Server {
    fn hear(&mut self, heard: Heard, wire: &mut Wire<'_>) {
        match &heard {
            Heard::Request { id, request, hop } => match self.decide(*id, request, hop, wire) {
                None => self.door.hear(heard, wire),
                Some(Ok(Answer { status, bytes, silence })) => {
                    wire.respond(*id, status, bytes);
                    if let Some(invite) = silence {
                        wire.stop_repeating(invite);
                    }
                }
                Some(Err(fault)) => {
                    let tag = wire.tokens().tag();
                    let reply = Draft::reply(request, hop.peer, fault.status()).phrase(fault.phrase()).to_tag(&tag);
                    wire.respond(*id, fault.status(), reply.finish());
                }
            },
            Heard::Ack { request, .. } => {
                if let Err(fault) = self.calls.acknowledged(request) {
                    eprintln!("an ACK that cannot be read: {fault}");
                }
            }
            Heard::AckMissing { id } => {
                if let Some((bye, hop)) = self.calls.never_acknowledged(*id)
                    && let Err(full) = wire.request(bye, hop)
                {
                    eprintln!("a call ends without a BYE: {full}");
                }
            }
            _ => self.door.hear(heard, wire),
        }
    }

    fn flow_closed(&mut self, flow: FlowId, wire: &mut Wire<'_>) {
        self.door.flow_closed(flow, wire);
    }

    fn deadline(&self) -> Option<Instant> {
        self.door.deadline()
    }

    fn wake(&mut self, wire: &mut Wire<'_>) {
        self.door.wake(wire);
    }
}
