//! Addresses and networks that are refused at every door, and who guesses passwords for so long that he comes to be one of them.
//!
//! Who is banned gets no answer: neither to a datagram nor to a connection, so that a scanner learns nothing. What stands in a
//! table is looked up by a hash for each length of prefix there is, because every message asks. Writes nothing down: what changes
//! lies here until somebody takes it to the store, and what is kept there comes back by [`Bans::restore`].
//!
//! Nobody bans this machine, and no network so wide that it is half of the world. Wrong passwords ban nobody from a spared
//! network: the neighbours of the house, its carriers and whoever is registered from there.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use patchcord_sip::hop::Transport;

/// Bans at once: far more than anybody types, and a table of some hundred kilobytes.
pub const MOST: usize = 10_000;

/// Longest reason that is kept.
pub const MAX_REASON: usize = 200;

/// The widest networks that can be banned: wider ones are a slip of the keyboard.
pub const WIDEST: (u8, u8) = (8, 19);

/// Wrong passwords from one address within [`WITHIN`] that ban it. A phone with an old password repeats itself some times a
/// minute until somebody notices; a program that guesses says hundreds.
pub const GUESSES: u32 = 60;

/// How long a wrong password is remembered.
pub const WITHIN: Duration = Duration::from_secs(600);

/// How long an automatic ban lasts: the guessing goes elsewhere, and a mistake heals by itself.
pub const LASTS: Duration = Duration::from_secs(3_600);

/// Addresses whose wrong passwords are counted. Beyond it the one that was heard of longest ago is forgotten.
const WATCHED: usize = 4_096;

/// Changes that wait for the store.
const MOST_NEWS: usize = 2 * MOST;

/// Addresses of which nobody is outside: banning them would shut the house for those who run it.
const OURS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Who is refused, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// An address, or all of a network; no host bits are set.
    pub network: IpNet,
    /// Why, in words of whoever made it.
    pub reason: String,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub made_at: SystemTime,
    /// Until when; none: until somebody lifts it.
    pub until: Option<SystemTime>,
    /// Whether the house made it.
    pub automatic: bool,
}

/// Why somebody is not banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBanned {
    /// It would shut this machine out.
    #[error("this machine itself is in that network")]
    Ours,
    /// It is wider than anybody means.
    #[error("that network is too wide")]
    Wide,
    /// The table is full.
    #[error("{MOST} bans stand already")]
    Full,
}

/// What has changed and is not written yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// One was made, or made anew.
    Made(Ban),
    /// One is over.
    Over(IpNet),
}

/// See the module.
#[derive(Default)]
pub struct Bans {
    table: ArcSwap<Table>,
    book: Mutex<Book>,
    refused: [AtomicU64; Transport::ALL.len()],
    refused_pages: AtomicU64,
}

/// What every message asks: prefixes by their length, all of them as IPv6.
#[derive(Default)]
struct Table(Vec<(u8, HashSet<u128>)>);

#[derive(Default)]
struct Book {
    bans: HashMap<IpNet, Ban>,
    news: Vec<News>,
    guesses: HashMap<IpAddr, Guesses>,
    spared: Vec<IpNet>,
    /// By which address of ours somebody is reached.
    towards: Option<fn(IpAddr) -> IpAddr>,
}

#[derive(Clone, Copy)]
struct Guesses {
    wrong: u32,
    first: SystemTime,
    last: SystemTime,
}

impl Bans {
    /// Networks from which wrong passwords ban nobody.
    pub fn spare(&self, networks: Vec<IpNet>) {
        self.hold().spared = networks;
    }

    /// How to learn by which address of ours somebody is reached: who is reached by an address in a network is in it.
    pub fn look_by(&self, towards: fn(IpAddr) -> IpAddr) {
        self.hold().towards = Some(towards);
    }

    /// Whether that address is refused over that transport; counted when it is.
    pub fn refuses(&self, address: IpAddr, over: Transport) -> bool {
        let refused = self.table.load().has(address);
        if refused {
            self.refused[place(over)].fetch_add(1, Relaxed);
        }
        refused
    }

    /// Whether that address is refused by the pages; counted when it is.
    pub fn refuses_pages(&self, address: IpAddr) -> bool {
        let refused = self.table.load().has(address);
        self.refused_pages.fetch_add(refused.into(), Relaxed);
        refused
    }

    /// How often somebody was refused, by what he came over.
    pub fn counted(&self) -> Vec<(&'static str, u64)> {
        let names = ["udp", "tcp", "tls", "ws", "wss"];
        let all = Transport::ALL.map(|over| (names[place(over)], self.refused[place(over)].load(Relaxed)));
        all.into_iter().chain([("http", self.refused_pages.load(Relaxed))]).collect()
    }

    /// All bans that stand, the latest first.
    pub fn list(&self) -> Vec<Ban> {
        let mut bans: Vec<_> = self.hold().bans.values().cloned().collect();
        bans.sort_by(|one, other| other.made_at.cmp(&one.made_at).then(one.network.cmp(&other.network)));
        bans
    }

    /// How many stand.
    pub fn count(&self) -> usize {
        self.hold().bans.len()
    }

    /// Whether that one can be made.
    pub fn fits(&self, network: IpNet) -> Result<(), NotBanned> {
        let widest = if network.addr().is_ipv4() { WIDEST.0 } else { WIDEST.1 };
        if OURS.iter().any(|ours| covers(network, *ours)) {
            return Err(NotBanned::Ours);
        }
        let towards = self.hold().towards;
        let somebody = network.hosts().next().unwrap_or_else(|| network.addr());
        if towards.is_some_and(|towards| covers(network, towards(somebody))) {
            return Err(NotBanned::Ours);
        }
        if network.prefix_len() < widest {
            return Err(NotBanned::Wide);
        }
        let book = self.hold();
        if book.bans.len() >= MOST && !book.bans.contains_key(&network) {
            return Err(NotBanned::Full);
        }
        Ok(())
    }

    /// Bans somebody, in place of what stood for the same network. It is in force at once; whoever calls keeps it.
    pub fn put(&self, ban: Ban) -> Result<(), NotBanned> {
        self.fits(ban.network)?;
        let mut book = self.hold();
        book.bans.insert(ban.network, ban);
        self.apply(&book);
        Ok(())
    }

    /// Lifts a ban; says whether it stood. Whoever calls keeps that.
    pub fn lift(&self, network: IpNet) -> bool {
        let mut book = self.hold();
        let stood = book.bans.remove(&network).is_some();
        // Who is let in again begins anew.
        book.guesses.retain(|address, _| !covers(network, *address));
        self.apply(&book);
        stood
    }

    /// What was kept comes back, as far as it still stands and fits.
    pub fn restore(&self, bans: Vec<Ban>, now: SystemTime) {
        let standing = bans.into_iter().filter(|ban| !ban.is_over(now) && self.fits(ban.network).is_ok());
        let standing: Vec<_> = standing.take(MOST).map(|ban| (ban.network, ban)).collect();
        let mut book = self.hold();
        book.bans.extend(standing);
        self.apply(&book);
    }

    /// Lets in again whose time is over.
    pub fn sweep(&self, now: SystemTime) {
        let mut book = self.hold();
        let over: Vec<_> = book.bans.values().filter(|ban| ban.is_over(now)).map(|ban| ban.network).collect();
        if over.is_empty() {
            return;
        }
        for network in over {
            book.bans.remove(&network);
            book.tell(News::Over(network));
        }
        self.apply(&book);
    }

    /// Somebody showed a wrong password from there. Gives the ban that it comes to; `is_known` says whether somebody of ours
    /// is reached there, and is asked only then.
    pub fn wrong_password(&self, address: IpAddr, now: SystemTime, is_known: impl FnOnce() -> bool) -> Option<Ban> {
        let source = source(address);
        let mut book = self.hold();
        if source.addr().is_loopback() || book.spared.iter().any(|spared| covers(*spared, address)) {
            return None;
        }
        if book.count_guess(source.addr(), now) < GUESSES {
            return None;
        }
        book.guesses.remove(&source.addr());
        drop(book);
        if is_known() || self.fits(source).is_err() {
            return None;
        }
        let reason = format!("{GUESSES} wrong passwords within {} min", WITHIN.as_secs() / 60);
        let until = now.checked_add(LASTS);
        let ban = Ban { network: source, reason, made_by: "server".into(), made_at: now, until, automatic: true };
        let mut book = self.hold();
        book.bans.insert(source, ban.clone());
        book.tell(News::Made(ban.clone()));
        self.apply(&book);
        Some(ban)
    }

    /// What has changed since the last time and wants to be written.
    pub fn take_news(&self) -> Vec<News> {
        std::mem::take(&mut self.hold().news)
    }

    /// It could not be written.
    pub fn give_back(&self, news: Vec<News>) {
        let mut book = self.hold();
        let later = std::mem::replace(&mut book.news, news);
        later.into_iter().for_each(|news| book.tell(news));
    }

    fn apply(&self, book: &Book) {
        let mut by_length: HashMap<u8, HashSet<u128>> = HashMap::new();
        for network in book.bans.keys() {
            let length = length(*network);
            by_length.entry(length).or_default().insert(prefix(bits(network.addr()), length));
        }
        self.table.store(Table(by_length.into_iter().collect()).into());
    }

    fn hold(&self) -> MutexGuard<'_, Book> {
        // Whoever panics elsewhere leaves whole bans behind.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ban {
    /// Whether its time is over.
    pub fn is_over(&self, now: SystemTime) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl Book {
    /// The store is away for long: what has to be written then is forgotten, and only a restart would notice.
    fn tell(&mut self, news: News) {
        if self.news.len() < MOST_NEWS {
            self.news.push(news);
        }
    }

    fn count_guess(&mut self, source: IpAddr, now: SystemTime) -> u32 {
        let old = |guesses: &Guesses| now.duration_since(guesses.first).is_ok_and(|since| since >= WITHIN);
        if self.guesses.len() >= WATCHED && !self.guesses.contains_key(&source) {
            self.guesses.retain(|_, guesses| !old(guesses));
            let eldest = self.guesses.iter().min_by_key(|(_, guesses)| guesses.last).map(|(source, _)| *source);
            if let Some(eldest) = eldest.filter(|_| self.guesses.len() >= WATCHED) {
                self.guesses.remove(&eldest);
            }
        }
        let guesses = self.guesses.entry(source).or_insert(Guesses { wrong: 0, first: now, last: now });
        if old(guesses) {
            *guesses = Guesses { wrong: 0, first: now, last: now };
        }
        guesses.wrong = guesses.wrong.saturating_add(1);
        guesses.last = now;
        guesses.wrong
    }
}

impl Table {
    fn has(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        self.0.iter().any(|(length, prefixes)| prefixes.contains(&prefix(bits, *length)))
    }
}

/// A network as people write it: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`. Host bits are cut off.
pub fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    let read =
        text.parse().ok().or_else(|| text.parse().ok().map(|address: IpAddr| IpNet::from(address.to_canonical())));
    read.map(|network: IpNet| network.trunc())
}

/// A network as people write it; of one address only that.
pub fn shown(network: IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() { network.addr().to_string() } else { network.to_string() }
}

/// Whether that address lies in it, however both are written.
pub fn covers(network: IpNet, address: IpAddr) -> bool {
    let length = length(network);
    prefix(bits(network.addr()), length) == prefix(bits(address), length)
}

/// What is banned for one address: of IPv6 the network, because one machine has all its addresses.
fn source(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V6(address) => ipnet::Ipv6Net::new_assert(address, 64).trunc().into(),
        address => address.into(),
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn length(network: IpNet) -> u8 {
    if network.addr().is_ipv4() { network.prefix_len() + 96 } else { network.prefix_len() }
}

fn prefix(bits: u128, length: u8) -> u128 {
    // All bits gone is no shift that a processor knows.
    u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or_default() & bits
}

fn place(over: Transport) -> usize {
    Transport::ALL.iter().position(|known| *known == over).unwrap_or_default()
}

#[cfg(test)]
mod tests;
