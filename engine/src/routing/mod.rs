//! Who may register, and where they can be reached now.
//!
//! ```text
//! Directory   the endpoints there are, from the configuration file and from the database
//! Location    the bindings they hold: where each can be reached, until when, over which flow
//! registrar   REGISTER in, what stands out; the only one who changes the Location on a phone's word
//! kept        how much of a phone's own words is kept
//! shelf       what the store must be able to keep for the three above
//! Keeping     how writing to the shelf goes
//!
//! Plan        who may call whom, and where a number leads: routes, trunks, shipped numbers
//! number      how numbers are written here, and what carriers make of them
//! pattern, route, trunk   what a plan is made of; traffic: what goes on over a trunk now
//! calling, forward        what an endpoint may do in a call, and where its calls go on
//! identity, diversion     who calls and who forwarded, and what others are told of it
//! health, enrolment       whether a trunk answers, and how we are registered there: machines without sockets
//! admission   how many calls at once, and how many a second
//! ```
//!
//! Nothing here waits, opens a socket or reads a clock.

mod admission;
mod binding;
mod calling;
mod digests;
mod directory;
mod diversion;
mod enrolment;
mod failures;
mod forward;
mod health;
mod identity;
mod keeping;
mod kept;
mod location;
mod number;
mod pattern;
mod plan;
mod registrar;
mod route;
mod shelf;
mod traffic;
mod trunk;
mod voucher;

pub use admission::{
    DEFAULT_CALLS, DEFAULT_ENDPOINT_CALLS, DEFAULT_STRANGER_CALLS, Full, Gauge, Pace, Strangers, Ticket,
};
pub use binding::{Binding, NO_FLOW, Reach};
pub use calling::{Calling, Codec, Srtp, UnknownWord};
pub use digests::{Digests, UnknownDigest};
pub use directory::{Directory, DirectoryError, Endpoint, MAX_ENDPOINTS, MAX_USER, Origin, check_user};
pub use diversion::{Because, Diverted, MAX_DIVERSIONS, forwarded_before};
pub use enrolment::{Enrolment, Order, Reply, Step, Turn};
pub use failures::{CameFrom, Failed, Failure, Failures, MOST as MOST_FAILURES};
pub use forward::{DEFAULT_RING, Forward, ForwardFault, MAX_FORWARDS, RING_RANGE, forward_target};
pub use health::{Health, Outcome, Standing, answer_after, in_order};
pub use identity::{ANONYMOUS, Claim, MAX_DISPLAY, Person, Shown, believe, heard};
pub use keeping::Keeping;
pub use kept::{MAX_CALL_ID, MAX_INSTANCE, MAX_PATH, MAX_USER_AGENT};
pub use location::Location;
pub use number::{Edit, Form, Inward, MAX_AFFIX, Numbering, Outward, UnknownForm, is_dialable, plain};
pub use pattern::{Expression, MAX_EXPRESSION, Pattern, PatternFault};
pub use plan::{
    Ask, Decision, Denial, EMERGENCY, NO_SUCH_NAME, Plan, PlanError, PlanSettings, Verdict, Way, Why, serves,
};
pub use registrar::{RegisterError, Registered, RegistrarRules, register};
pub use route::{Caller, MAX_EXPRESSIONS, MAX_ROUTES, MAX_TARGETS, Route, Source, Target, UnknownSource, shipped};
pub use shelf::{
    BindingChange, BindingRow, BindingShelf, DamagedEndpoint, EndpointRow, EndpointRows, EndpointShelf, ShelfError,
    Shelved, Written,
};
pub use traffic::{Mishap, Traffic};
pub use trunk::{
    Account, DEFAULT_REGISTRATION, Identity, IdentityHeader, IdentityWord, MAX_SERVERS, MAX_TRUNKS, NoWhence, Trunk,
    Whence, trunk_server,
};
pub use voucher::{GUEST, Guest, MAX_GUEST_NUMBERS, NotAllowed, Voucher};
