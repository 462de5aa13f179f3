//! A DNS server for tests: it knows what it was told, counts what it is asked, and can be made to wait.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, NAPTR, SOA, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::sync::watch;

/// How long answers may be kept. Long enough for a test.
const TTL: u32 = 300;

/// What the server knows.
#[derive(Default)]
pub struct Zone {
    records: BTreeMap<(String, u16), Vec<RData>>,
}

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).expect("a name");
    name.set_fqdn(true);
    name
}

impl Zone {
    fn add(mut self, owner: &str, kind: RecordType, data: RData) -> Self {
        self.records.entry((name(owner).to_lowercase().to_ascii(), kind.into())).or_default().push(data);
        self
    }

    /// A NAPTR record that is final.
    pub fn naptr(self, owner: &str, order: u16, preference: u16, service: &str, replacement: &str) -> Self {
        let bytes = |text: &str| text.as_bytes().into();
        let naptr = NAPTR::new(order, preference, bytes("s"), bytes(service), bytes(""), name(replacement));
        self.add(owner, RecordType::NAPTR, RData::NAPTR(naptr))
    }

    pub fn srv(self, owner: &str, priority: u16, weight: u16, port: u16, host: &str) -> Self {
        self.add(owner, RecordType::SRV, RData::SRV(SRV::new(priority, weight, port, name(host))))
    }

    pub fn host(self, owner: &str, ip: &str) -> Self {
        match ip.parse().expect("an address") {
            IpAddr::V4(ip) => self.add(owner, RecordType::A, RData::A(A(ip))),
            IpAddr::V6(ip) => self.add(owner, RecordType::AAAA, RData::AAAA(AAAA(ip))),
        }
    }
}

/// The running server.
pub struct DnsServer {
    pub addr: SocketAddr,
    asked: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
    open: watch::Sender<bool>,
}

impl DnsServer {
    pub async fn with(zone: Zone) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let addr = socket.local_addr().expect("an address");
        let (open, mut is_open) = watch::channel(true);
        let server = Self { addr, asked: Arc::default(), seen: Arc::default(), open };
        let (asked, seen) = (server.asked.clone(), server.seen.clone());
        tokio::spawn(async move {
            let mut buffer = vec![0; 4096];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                asked.fetch_add(1, Ordering::SeqCst);
                let question = Message::from_vec(&buffer[..length]).expect("a question");
                seen.lock().expect("nobody panicked").push(question.queries[0].to_string());
                if is_open.wait_for(|open| *open).await.is_err() {
                    return;
                }
                let answer = answer(&zone, question).to_vec().expect("it can be written");
                socket.send_to(&answer, peer).await.expect("it is sent");
            }
        });
        server
    }

    /// How many questions came.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Waits until a question has come.
    pub async fn was_asked(&self) {
        while self.asked() == 0 {
            tokio::task::yield_now().await;
        }
    }

    /// From now on questions wait.
    pub fn hold(&self) {
        self.open.send_replace(false);
    }

    /// Questions are answered again, also those that wait.
    pub fn release(&self) {
        self.open.send_replace(true);
    }
}

fn answer(zone: &Zone, question: Message) -> Message {
    let query = question.queries[0].clone();
    let owner = query.name().to_lowercase().to_ascii();
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.add_query(query.clone());
    let record = |data: &RData| Record::from_rdata(query.name().clone(), TTL, data.clone());
    match zone.records.get(&(owner.clone(), query.query_type().into())) {
        Some(records) => {
            answer.add_answers(records.iter().map(record));
        }
        None => {
            if !zone.records.keys().any(|(known, _)| *known == owner) {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            // How long the absence may be remembered.
            let ttl = TTL as i32;
            let soa = SOA::new(name("ns.example"), name("admin.example"), 1, ttl, ttl, ttl, TTL);
            answer.add_authority(Record::from_rdata(name("example"), TTL, RData::SOA(soa)));
        }
    }
    answer
}
