//! What every shard's door shares: who there is, where they are, and how they prove it.
//!
//! Made once at start and handed out by `Arc`. The parts lock for themselves and never for long; none is locked
//! while another is, but for what the location says of itself.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use arc_swap::ArcSwap;
use patchcord_sip::{
    digest::{self, Account, Authorization, Challenger, Counts, Refused, Side},
    message::{Fault, Name, Request},
    uri::Uri,
};

use crate::{
    bans::Bans,
    call::Bounds,
    door::Moment,
    exchange::{CallTally, RecordingRules},
    journal::Clerk,
    live::LiveCalls,
    passes::Passes,
    redact::Redacted,
    rooms::RoomHouse,
    routing::{
        self, Ask, Decision, Digests, Directory, Endpoint, Failures, Full, Gauge, Keeping, Location, Plan, PlanError,
        PlanSettings, RegistrarRules, Strangers, Ticket,
    },
    seldom::Seldom,
};

/// Everything the doors of all shards have in common.
pub struct Switchboard {
    /// Who may register.
    pub directory: Directory,
    /// Where they are.
    pub location: Location,
    /// What went wrong last when they wanted to register.
    pub failures: Failures,
    /// How writing that to the store goes.
    pub keeping: Keeping,
    /// Takes what calls leave of themselves, to be written.
    pub clerk: Clerk,
    /// What a registrar allows.
    pub rules: RegistrarRules,
    /// What happened at the doors.
    pub tally: DoorTally,
    /// What calls there are and were.
    pub calls_tally: CallTally,
    /// How many calls there are now.
    pub calls: Gauge,
    strangers: Strangers,
    draining: AtomicBool,
    /// What they are.
    pub live: LiveCalls,
    /// Who is in which conference room.
    pub rooms: RoomHouse,
    /// Who is refused at every door.
    pub bans: Arc<Bans>,
    /// By what one shard speaks to another for somebody.
    pub passes: Passes,
    plan: ArcSwap<Plan>,
    recording: ArcSwap<RecordingRules>,
    bounds: ArcSwap<Bounds>,
    /// Wrong passwords are worth a line in the log, and a flood of them is worth no more.
    pub(crate) complaints: Seldom,
    domain: Option<Box<str>>,
    digests: Digests,
    /// By what names that nobody has draw their lot.
    lots: RandomState,
    challenger: Challenger,
    counts: Mutex<Counts>,
}

/// What happened at the doors, for those who watch.
#[derive(Debug, Default)]
pub struct DoorTally {
    /// REGISTER requests that were served.
    pub registered: AtomicU64,
    /// Challenges sent.
    pub challenged: AtomicU64,
    /// Credentials that were wrong or somebody else's: what guessing looks like.
    pub wrong_credentials: AtomicU64,
    /// Requests turned away for any reason but a missing proof.
    pub refused: Refusals,
}

/// Requests turned away, by the status that they were answered with.
#[derive(Debug)]
pub struct Refusals([AtomicU64; Refusals::STATUSES]);

impl Refusals {
    /// 300 to 699.
    const STATUSES: usize = 400;
    const FIRST: u16 = 300;

    /// Counts one.
    pub fn count(&self, status: u16) {
        if let Some(counter) = self.0.get(usize::from(status.wrapping_sub(Self::FIRST))) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Each status that was answered, and how often.
    pub fn each(&self) -> impl Iterator<Item = (u16, u64)> {
        let counted = (Self::FIRST..).zip(self.0.iter().map(|counter| counter.load(Relaxed)));
        counted.filter(|(_, count)| *count > 0)
    }
}

impl Default for Refusals {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// What a request says of who sent it.
#[derive(Debug)]
pub enum Proof {
    /// It is this endpoint.
    Of(Arc<Endpoint>),
    /// It says nothing, or something that was good once.
    Missing {
        /// Whether the same password will do with a new challenge.
        stale: bool,
    },
    /// It says something wrong. There may be no such endpoint; the answer does not tell.
    Wrong,
}

impl Switchboard {
    /// A switchboard for that domain, or for whatever phones say. `digests` is what everybody is asked for who is not
    /// asked for something else; `secret` keeps others from making our challenges.
    pub fn new(domain: Option<&str>, rules: RegistrarRules, digests: Digests, secret: [u8; 32], now: Instant) -> Self {
        let challenger = Challenger::new(secret, digest::Rules::default(), now);
        Self {
            directory: Directory::default(),
            location: Location::default(),
            failures: Failures::default(),
            keeping: Keeping::default(),
            clerk: Clerk::default(),
            rules,
            tally: DoorTally::default(),
            calls_tally: CallTally::default(),
            calls: Gauge::default(),
            strangers: Strangers::default(),
            draining: AtomicBool::new(false),
            live: LiveCalls::default(),
            rooms: RoomHouse::default(),
            bans: Arc::default(),
            passes: Passes::default(),
            plan: ArcSwap::from_pointee(Plan::of_domain(domain)),
            recording: ArcSwap::default(),
            bounds: ArcSwap::default(),
            complaints: Seldom::default(),
            domain: domain.map(Into::into),
            digests,
            lots: RandomState::new(),
            counts: Mutex::new(challenger.counts(digest::MAX_NONCES)),
            challenger,
        }
    }

    /// The domain that is ours; `None`: whatever phones say.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// Whether addresses at `host` are ours. Phones that know us by address mean us, too.
    pub fn serves_domain(&self, host: &str) -> bool {
        routing::serves(self.domain.as_deref(), host)
    }

    /// Who may call whom by now. A call keeps the plan that it was decided by as long as it likes.
    pub fn plan(&self) -> Arc<Plan> {
        self.plan.load_full()
    }

    /// Replaces the plan whole, but for our domain, which a restart only changes.
    pub fn replan(&self, settings: PlanSettings) -> Result<(), PlanError> {
        let settings = PlanSettings { domain: self.domain.clone(), ..settings };
        let plan = Plan::new(settings, Some(&self.plan.load()))?;
        self.plan.store(Arc::new(plan));
        Ok(())
    }

    /// How the house records by now; a call keeps to what was so when it began.
    pub fn recording(&self) -> Arc<RecordingRules> {
        self.recording.load_full()
    }

    /// Records in this way from now on.
    pub fn record_by(&self, rules: RecordingRules) {
        self.rooms.let_calls_tell(rules.announce.is_some());
        self.recording.store(Arc::new(rules));
    }

    /// How much a call may have by now; a call keeps to what was so when it began.
    pub fn bounds(&self) -> Bounds {
        **self.bounds.load()
    }

    /// Calls that begin from now on may have so much.
    pub fn bind(&self, bounds: Bounds) {
        self.bounds.store(Arc::new(bounds));
    }

    /// Where that call leads.
    pub fn decide(&self, ask: &Ask<'_>) -> Decision {
        self.plan.load().decide(ask, &self.directory)
    }

    /// From now on no new calls are taken, or they are again. Those that go on go on; emergencies are always taken.
    pub fn drain(&self, draining: bool) {
        self.draining.store(draining, Relaxed);
    }

    /// Whether no new calls are taken.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// Room for a new call: as for whatever is done, and none while the server is drained.
    pub fn admit_call(&self, urgent: bool) -> Result<Ticket, Full> {
        if self.is_draining() && !urgent {
            return Err(Full::Draining);
        }
        self.admit(urgent)
    }

    /// Room for one more call, or for something that lasts like one. An `urgent` one has room always, here and below.
    pub fn admit(&self, urgent: bool) -> Result<Ticket, Full> {
        let limit = self.plan.load().calls();
        self.calls.enter(Some(limit), urgent).ok_or(Full::Server { limit })
    }

    /// Room for a call that the endpoint makes or takes.
    pub fn admit_endpoint(&self, endpoint: &Endpoint, urgent: bool) -> Result<Ticket, Full> {
        let limit = self.plan.load().calls_of(&endpoint.calling);
        endpoint.busy.enter(Some(limit), urgent).ok_or_else(|| Full::Endpoint { user: endpoint.user.clone(), limit })
    }

    /// Room for a call that comes from there, from somebody whom nobody knows.
    pub fn admit_stranger(&self, address: IpAddr, urgent: bool) -> Result<Ticket, Full> {
        let limit = self.plan.load().calls_of_stranger();
        self.strangers.enter(address, limit, urgent).ok_or(Full::Stranger { limit })
    }

    /// The realm in which whoever stands in To proves itself: our domain, or what the phone takes us for.
    pub fn realm<'a>(&'a self, to: &Uri<'a>) -> &'a str {
        self.domain.as_deref().or(to.host()).unwrap_or_default()
    }

    /// Who sent this, by the password it was sent with.
    pub fn prove(&self, request: &Request, realm: &str, now: Instant) -> Result<Proof, Fault> {
        let Some(given) = Authorization::find(request.all(Name::Authorization), realm)? else {
            return Ok(Proof::Missing { stale: false });
        };
        let said = given.user().unwrap_or_default();
        // Some phones say their whole address where the user name belongs.
        let user = said.split_once('@').map_or(&*said, |(user, _)| user);
        let endpoint = self.directory.find(user);
        let credential = endpoint.as_ref().map(|endpoint| &endpoint.credential);
        let digests = self.asked(user, endpoint.as_deref());
        if given.algorithm().is_none_or(|algorithm| !digests.has(algorithm)) {
            return Ok(Proof::Missing { stale: false });
        }
        let account = Account { user: &said, realm, credential };
        let proof = self.challenger.check(&given, request.into(), account, now);
        let spent = proof.and_then(|proof| self.counts.lock().expect("nobody panics in there").spend(proof));
        match spent {
            Ok(()) => Ok(endpoint.map_or(Proof::Wrong, Proof::Of)),
            Err(Refused::Wrong | Refused::OtherUser) => Ok(Proof::Wrong),
            Err(refused @ (Refused::OtherUri | Refused::NoQop | Refused::Full)) => {
                Err(Fault::new(refused.status(Side::Server), phrase(refused)))
            }
            Err(refused) => Ok(Proof::Missing { stale: refused.is_stale() }),
        }
    }

    /// Somebody has shown a wrong user name or password: it is counted, now and then told, and who guesses on is banned.
    pub(crate) fn note_wrong(&self, claimed: &Uri<'_>, moment: &Moment) {
        self.tally.wrong_credentials.fetch_add(1, Relaxed);
        let peer = moment.hop.peer;
        if let Some(unsaid) = self.complaints.say(moment.now) {
            let endpoint = Redacted(claimed.user_text().unwrap_or_default());
            tracing::warn!(%endpoint, peer = %Redacted(peer), unsaid, "wrong user name or password");
        }
        let address = peer.ip().to_canonical();
        let is_known = || self.plan().knows(address) || self.location.is_reached_at(address, moment.now);
        if let Some(ban) = self.bans.wrong_password(address, moment.wall, is_known) {
            tracing::warn!(network = %Redacted(ban.network), reason = ban.reason, "banned");
        }
    }

    /// A challenge for each algorithm that whoever stands in To is asked for, the strongest first. `random` makes its
    /// nonce unlike any other.
    pub fn challenges(&self, to: &Uri<'_>, stale: bool, random: [u8; 8], now: Instant) -> Vec<String> {
        self.tally.challenged.fetch_add(1, Relaxed);
        let user = to.user_text().unwrap_or_default();
        let digests = self.asked(&user, self.directory.find(&user).as_deref());
        let offers = self.challenger.challenge(self.realm(to), digests.iter(), stale, random, now);
        offers.map(|offer| offer.text()).collect()
    }

    /// What whoever calls itself `user` is asked for. Names that nobody has are asked like some endpoint, the same name
    /// always the same, so that guessing names by their challenges finds nobody.
    fn asked(&self, user: &str, endpoint: Option<&Endpoint>) -> Digests {
        let own = match endpoint {
            Some(endpoint) => endpoint.digests,
            None => self.directory.asked_by_lot(|| self.lots.hash_one(user)),
        };
        own.unwrap_or(self.digests)
    }
}

fn phrase(refused: Refused) -> &'static str {
    match refused {
        Refused::OtherUri => "Credentials Are For Another Request-URI",
        Refused::NoQop => "Credentials Without qop",
        _ => "Too Many Nonces In Use",
    }
}

#[cfg(test)]
mod tests {
    use patchcord_sip::digest::Credential;

    use super::*;
    use crate::routing::{Caller, Origin, Route, Target, Trunk, Verdict};

    fn board() -> Switchboard {
        #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
        let now = Instant::now();
        let board = Switchboard::new(Some("example.org"), RegistrarRules::default(), Digests::default(), [7; 32], now);
        let alice = Endpoint::new("alice", Credential::Password("x".into()), Origin::File);
        board.directory.replace_file(vec![alice], Vec::new()).expect("one endpoint");
        board
    }

    fn settings(service: &str, calls: u32) -> PlanSettings {
        let target = Target::Service(service.into());
        let from = vec![routing::Source::Endpoints];
        let number = "7".parse().expect("a number");
        let routes = vec![Route { number, from, target, rewrite: None, origin: Origin::File }];
        let trunks = vec![Trunk::new("north", vec!["sip:203.0.113.1".into()])];
        PlanSettings { routes, trunks, calls, calls_per_endpoint: 1, ..PlanSettings::default() }
    }

    fn leads(plan: &Plan, board: &Switchboard) -> String {
        match plan.decide(&Ask::new(Caller::Endpoint("alice"), "7"), &board.directory).verdict {
            Verdict::Service(service) => service.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_new_plan_holds_for_new_calls_and_the_old_one_for_those_under_way() {
        let board = board();
        board.replan(settings("first", 5)).expect("a plan");
        let kept = board.plan();
        board.replan(settings("second", 5)).expect("a plan");
        assert_eq!((leads(&kept, &board), leads(&board.plan(), &board)), ("first".into(), "second".into()));

        let foreign = Ask { host: Some("example.com"), ..Ask::new(Caller::Endpoint("alice"), "7") };
        let refused = board.decide(&foreign).verdict;
        assert!(matches!(refused, Verdict::Refused(_)), "our domain outlives a plan: {refused:?}");
    }

    #[test]
    fn a_plan_that_contradicts_itself_leaves_the_old_one() {
        let board = board();
        board.replan(settings("first", 5)).expect("a plan");
        let twice = settings("second", 5);
        let trunks = [twice.trunks.clone(), twice.trunks.clone()].concat();
        assert!(board.replan(PlanSettings { trunks, ..twice }).is_err());
        assert_eq!(leads(&board.plan(), &board), "first");
    }

    #[test]
    fn a_server_that_is_drained_takes_emergencies_only_until_it_is_told_otherwise() {
        let board = board();
        let before = board.admit_call(false).expect("room");
        board.drain(true);
        assert_eq!(board.admit_call(false).expect_err("drained"), Full::Draining);
        let urgent = board.admit_call(true).expect("help is never refused");
        assert_eq!(board.calls.count(), 2, "what goes on goes on");
        board.drain(false);
        drop((before, urgent, board.admit_call(false).expect("room again")));
        assert_eq!(board.calls.count(), 0);
    }

    #[test]
    fn calls_count_over_a_reload_of_endpoints_and_limits() {
        let board = board();
        board.replan(settings("first", 1)).expect("a plan");
        let alice = board.directory.find("alice").expect("alice");
        let held = (board.admit(false).expect("room"), board.admit_endpoint(&alice, false).expect("room"));
        assert_eq!(board.admit(false).expect_err("full"), Full::Server { limit: 1 });

        board.replan(settings("first", 2)).expect("a plan");
        let again = Endpoint::new("alice", Credential::Password("x".into()), Origin::File);
        board.directory.replace_file(vec![again], Vec::new()).expect("one endpoint");
        let alice = board.directory.find("alice").expect("alice");
        let full = board.admit_endpoint(&alice, false).expect_err("she talks already");
        assert_eq!(full, Full::Endpoint { user: "alice".into(), limit: 1 });
        drop(board.admit(false).expect("the limit has grown"));
        drop(board.admit_endpoint(&alice, true).expect("an emergency"));
        drop(held);
        assert_eq!((board.calls.count(), alice.busy.count()), (0, 0));
    }
}
