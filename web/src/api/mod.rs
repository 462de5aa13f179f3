//! The API under `/api/v1`: one table of doors, for people's browsers, programs and commands alike.
//!
//! ```text
//! DOORS      each door: method, path, the right it asks for, what it does, who answers
//! ask        what a request says, read within limits
//! endpoints  phones and browsers that may register, and where they are
//! calls      calls that go on: hung up, a party passed on
//! originate  calls that the house begins
//! records    what became of calls
//! retold     one as text, as packets, against the script of today, as a test
//! bans       who is refused at every door
//! recordings listed, heard, deleted
//! rooms      conferences there are and were, and what is wanted of them
//! room_events one room as it goes on
//! tries      who stood at the door of a room and did not come in
//! wanted     filters, as a query says them
//! export     all calls that are wanted, as CSV or JSON
//! events     what happens to calls, as it happens
//! openapi    the description of all this, made from the table
//! sounds     prompts: listed, heard, uploaded
//! receivers  to whom; added, changed, tried, removed
//! webhooks   what is told to programs elsewhere
//! people     users, tokens, the audit log
//! routing    routes, added and removed, and trunks
//! services   services that are asked over HTTP
//! server     how it is; read the configuration again
//! ```
//!
//! Who asks is found out before (`people::guard`, or the control socket's token); a door only says which right it needs.

pub(crate) mod ask;
pub(crate) mod bans;
pub(crate) mod calls;
mod endpoints;
pub(crate) mod events;
mod export;
pub(crate) mod heard;
mod openapi;
mod originate;
mod people;
pub(crate) mod receivers;
pub(crate) mod recordings;
pub(crate) mod records;
mod retold;
mod room_events;
pub(crate) mod rooms;
pub(crate) mod routing;
mod server;
mod services;
pub(crate) mod sounds;
pub(crate) mod tries;
pub(crate) mod wanted;
pub(crate) mod webhooks;

use std::{path::Path, sync::Arc};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
    routing::{MethodRouter, delete, get, patch, post, put},
};

use tokio::sync::Semaphore;

use crate::{
    accounts::Accounts,
    feed::Feed,
    house::House,
    people::{Asker, People, Right},
    phone::Phones,
    problem::Problem,
    serve::Proxies,
    sounds::Sounds,
    store::Store,
    uploads::Uploads,
    webhooks::{Settings, Webhooks},
};

/// Largest body of a request: a hundred thousand endpoints added at once.
pub const MAX_BODY: usize = 16 << 20;

/// What the doors answer from.
#[derive(Clone)]
pub struct Rooms {
    /// The endpoints.
    pub accounts: Arc<Accounts>,
    /// The running server.
    pub house: Arc<dyn House>,
    /// The database.
    pub store: Store,
    /// Users, sessions, tokens.
    pub people: Arc<People>,
    /// The folder of recordings.
    pub recordings: Arc<Path>,
    /// What happens to calls.
    pub feed: Arc<Feed>,
    /// Pages that are phones.
    pub phones: Arc<Phones>,
    /// Prompts.
    pub sounds: Sounds,
    /// Who is told over HTTP what happens.
    pub webhooks: Arc<Webhooks>,
    /// Who brings recordings into a bucket, and deletes them there.
    pub uploads: Arc<Uploads>,
    /// Proxies in front of us that say for whom they ask.
    pub proxies: Proxies,
    listeners: Arc<Semaphore>,
}

impl Rooms {
    /// Those rooms.
    pub fn new(
        accounts: Arc<Accounts>,
        house: Arc<dyn House>,
        store: Store,
        people: Arc<People>,
        recordings: Arc<Path>,
        feed: Arc<Feed>,
    ) -> Self {
        Self {
            accounts,
            house,
            store,
            people,
            recordings,
            feed,
            phones: Arc::default(),
            sounds: Sounds::nowhere(),
            webhooks: Arc::new(Webhooks::new(Settings::default())),
            uploads: Arc::default(),
            proxies: Proxies::default(),
            listeners: Arc::new(Semaphore::new(events::LISTENERS)),
        }
    }
}

/// One door.
pub struct Door {
    /// `get`, `post`, `put`, `patch` or `delete`.
    pub method: &'static str,
    /// Its path, with names of what varies in braces.
    pub path: &'static str,
    /// What who asks must be allowed.
    pub right: Right,
    /// What it does, in a line.
    pub does: &'static str,
    answer: fn() -> MethodRouter<Rooms>,
}

const fn door(
    method: &'static str,
    path: &'static str,
    right: Right,
    does: &'static str,
    answer: fn() -> MethodRouter<Rooms>,
) -> Door {
    Door { method, path, right, does, answer }
}

/// Where services are asked.
const ASK: &str = "/api/v1/services/{name}/ask";

/// All doors of the API.
pub const DOORS: &[Door] = &[
    door("get", "/api/v1/status", Right::ReadStatus, "How the server is", || get(server::status)),
    door("post", "/api/v1/reload", Right::ChangeServer, "Reads the configuration again", || post(server::reload)),
    door("get", "/api/v1/drain", Right::ReadStatus, "Whether new calls are taken", || get(server::draining)),
    door("post", "/api/v1/drain", Right::ChangeServer, "Takes no new calls; those that go on go on", || {
        post(server::drain)
    }),
    door("delete", "/api/v1/drain", Right::ChangeServer, "Takes new calls again", || delete(server::undrain)),
    door("get", "/api/v1/endpoints", Right::ReadEndpoints, "Who may register", || get(endpoints::list)),
    door("post", "/api/v1/endpoints", Right::ChangeEndpoints, "Adds endpoints, all or none", || post(endpoints::add)),
    door("delete", "/api/v1/endpoints/{user}", Right::ChangeEndpoints, "Removes an endpoint", || {
        delete(endpoints::remove)
    }),
    door("put", "/api/v1/endpoints/{user}/password", Right::ChangeEndpoints, "Gives it another password", || {
        put(endpoints::password)
    }),
    door("get", "/api/v1/registrations", Right::ReadEndpoints, "Where endpoints can be reached", || {
        get(endpoints::registrations)
    }),
    door("get", "/api/v1/calls", Right::ReadCalls, "Calls that go on, the latest first", || get(calls::list)),
    door("delete", "/api/v1/calls/{call}", Right::ChangeCalls, "Hangs a call up", || delete(calls::end)),
    door(
        "post",
        "/api/v1/calls/{call}/transfer",
        Right::ChangeCalls,
        "Passes a party of a call on to somebody else",
        || post(calls::transfer),
    ),
    door("post", "/api/v1/originate", Right::ChangeCalls, "Begins a call", || post(originate::begin)),
    door("get", "/api/v1/rooms", Right::ReadCalls, "Rooms that are open, with their members", || get(rooms::list)),
    door("get", "/api/v1/rooms/{room}", Right::ReadCalls, "One of them", || get(rooms::show)),
    door(
        "get",
        "/api/v1/rooms/{room}/events",
        Right::ReadCalls,
        "Who speaks in it and how loud, as server-sent events",
        || get(room_events::watch),
    ),
    door("get", "/api/v1/rooms/{room}/story", Right::ReadCalls, "What its record says so far", || get(rooms::so_far)),
    door("get", "/api/v1/rooms/{room}/heard", Right::ReadRecordings, "What a member heard so far, as a wav", || {
        get(heard::now)
    }),
    door("get", "/api/v1/rooms/{room}/tries", Right::ReadRecords, "Wrong PINs and refusals at its door", || {
        get(tries::list)
    }),
    door("post", "/api/v1/rooms/{room}/orders", Right::ChangeCalls, "Does something with a room or a member", || {
        post(rooms::obey)
    }),
    door("get", "/api/v1/past-rooms", Right::ReadRecords, "Rooms that are over, the latest first", || get(rooms::past)),
    door("get", "/api/v1/past-rooms/{id}", Right::ReadRecords, "One of them: who was in, who talked when", || {
        get(rooms::past_one)
    }),
    door("get", "/api/v1/past-rooms/{id}/heard", Right::ReadRecordings, "What a member of it heard, as a wav", || {
        get(heard::past)
    }),
    door("get", "/api/v1/routes", Right::ReadRoutes, "Where numbers lead", || get(routing::routes)),
    door("post", "/api/v1/routes", Right::ChangeRoutes, "Adds a route beside those of the configuration", || {
        post(routing::add)
    }),
    door("put", "/api/v1/routes/{id}", Right::ChangeRoutes, "Has a route that was added say something else", || {
        put(routing::put)
    }),
    door("delete", "/api/v1/routes/{id}", Right::ChangeRoutes, "Removes a route that was added", || {
        delete(routing::remove)
    }),
    door("get", "/api/v1/trunks", Right::ReadRoutes, "Carriers, and whether they answer", || get(routing::trunks)),
    door("get", "/api/v1/services", Right::ReadRoutes, "Scripts that are served", || get(server::services)),
    door(
        "get",
        "/api/v1/services/{name}/versions",
        Right::ReadRoutes,
        "Texts that a service had, the latest first",
        || get(services::versions),
    ),
    door("get", ASK, Right::AskServices, "Asks a service, which answers as it likes", || asking(get(services::ask))),
    door("post", ASK, Right::AskServices, "Asks a service with a body", || asking(post(services::ask))),
    door("put", ASK, Right::AskServices, "Asks a service with a body", || asking(put(services::ask))),
    door("patch", ASK, Right::AskServices, "Asks a service with a body", || asking(patch(services::ask))),
    door("delete", ASK, Right::AskServices, "Asks a service", || asking(delete(services::ask))),
    door("get", "/api/v1/events", Right::ReadCalls, "What happens to calls, as server-sent events", || {
        get(events::listen)
    }),
    door("get", "/api/v1/bans", Right::ReadEndpoints, "Who is refused at every door, the latest first", || {
        get(bans::list)
    }),
    door("post", "/api/v1/bans", Right::ChangeBans, "Refuses an address or a network", || post(bans::add)),
    door("delete", "/api/v1/bans/{network}", Right::ChangeBans, "Lets it in again", || delete(bans::remove)),
    door("get", "/api/v1/webhooks", Right::ChangeServer, "Who is told over HTTP what happens, and what waits", || {
        get(webhooks::standings)
    }),
    door(
        "get",
        "/api/v1/webhooks/deliveries",
        Right::ChangeServer,
        "Deliveries that are dead, or that wait, the latest first",
        || get(webhooks::deliveries),
    ),
    door("post", "/api/v1/webhooks/deliveries/{id}/resend", Right::ChangeServer, "Has a delivery tried anew", || {
        post(webhooks::resend)
    }),
    door("delete", "/api/v1/webhooks/deliveries/{id}", Right::ChangeServer, "Throws a delivery away", || {
        delete(webhooks::remove)
    }),
    door("post", "/api/v1/webhooks/receivers", Right::ChangeServer, "Has another receiver told what happens", || {
        post(receivers::post)
    }),
    door("put", "/api/v1/webhooks/receivers/{id}", Right::ChangeServer, "Changes a receiver that was added", || {
        put(receivers::put)
    }),
    door(
        "delete",
        "/api/v1/webhooks/receivers/{id}",
        Right::ChangeServer,
        "Removes a receiver that was added, and what waits for it",
        || delete(receivers::delete),
    ),
    door("post", "/api/v1/webhooks/receivers/{id}/ping", Right::ChangeServer, "Tells one a ping", || {
        post(receivers::ping)
    }),
    door("post", "/api/v1/webhooks/ping", Right::ChangeServer, "Tells all receivers a ping", || post(webhooks::ping)),
    door("get", "/api/v1/recordings", Right::ReadRecordings, "Calls that were recorded, the newest first", || {
        get(recordings::list)
    }),
    door(
        "get",
        "/api/v1/recordings/{call}/{number}",
        Right::ReadRecordings,
        "A recording, whole or in part; each listening is noted",
        || get(recordings::give),
    ),
    door(
        "delete",
        "/api/v1/recordings/{call}/{number}",
        Right::ChangeRecordings,
        "Deletes the sound of a recording",
        || delete(recordings::remove),
    ),
    door("get", "/api/v1/sounds", Right::ReadRoutes, "Prompts, by name", || get(sounds::list)),
    door(
        "get",
        "/api/v1/sounds/{name}",
        Right::ReadRoutes,
        "The sound of a prompt, or of a version that it had",
        || get(sounds::give),
    ),
    door("put", "/api/v1/sounds/{name}", Right::ChangeSounds, "Uploads a prompt; what stood there is kept", || {
        put(sounds::put)
    }),
    door("post", "/api/v1/sounds/{name}/restore", Right::ChangeSounds, "Puts a version of a prompt back", || {
        post(sounds::restore)
    }),
    door("delete", "/api/v1/sounds/{name}", Right::ChangeSounds, "Removes a prompt; it is kept as a version", || {
        delete(sounds::remove)
    }),
    door("get", "/api/v1/openapi.json", Right::ReadStatus, "This description", || get(openapi::give)),
    door("get", "/api/v1/records", Right::ReadRecords, "Past calls, the newest first", || get(records::list)),
    door("get", "/api/v1/records/export", Right::ReadRecords, "All calls that are wanted, as CSV or JSON", || {
        get(records::give_all)
    }),
    door("get", "/api/v1/records/{call}", Right::ReadRecords, "One call with its legs and journal", || {
        get(records::show)
    }),
    door(
        "get",
        "/api/v1/records/{call}/text",
        Right::ReadRecords,
        "One call as text: what happened, the ladder, its journal",
        || get(retold::text),
    ),
    door("get", "/api/v1/records/{call}/pcap", Right::ReadNumbers, "Its messages, for whoever reads packets", || {
        get(retold::pcap)
    }),
    door(
        "get",
        "/api/v1/records/{call}/replay",
        Right::ReadNumbers,
        "What the script of today would do in that call",
        || get(retold::replay),
    ),
    door(
        "get",
        "/api/v1/records/{call}/test",
        Right::ReadNumbers,
        "That call as a test of its service, run once",
        || get(retold::test),
    ),
    door("get", "/api/v1/users", Right::ChangePeople, "Who may open the dashboard", || get(people::users)),
    door("post", "/api/v1/users", Right::ChangePeople, "Adds a user", || post(people::add)),
    door("put", "/api/v1/users/{user}", Right::ChangePeople, "Gives a user another password or role", || {
        put(people::change)
    }),
    door("delete", "/api/v1/users/{user}", Right::ChangePeople, "Removes a user", || delete(people::remove)),
    door("get", "/api/v1/tokens", Right::ChangePeople, "Tokens of programs, without their secrets", || {
        get(people::tokens)
    }),
    door(
        "post",
        "/api/v1/tokens",
        Right::MintTokens,
        "Makes a token of a program or a guest; its text is told once",
        || post(people::make_token),
    ),
    door("delete", "/api/v1/tokens/{token}", Right::ChangePeople, "Removes a token", || delete(people::remove_token)),
    door("get", "/api/v1/audit", Right::ReadAudit, "Who did what, the latest first", || get(people::audit)),
];

/// The routes of all doors. Whoever mounts them says who asks, as an [`Asker`] in the request's extensions.
pub fn routes(rooms: Rooms) -> Router {
    let doors = DOORS.iter().fold(Router::new(), |router, door| {
        router.route(door.path, (door.answer)().layer(middleware::from_fn_with_state(door.right, check)))
    });
    // What a browser gets there is the page of the service.
    let changes = post(services::ask).put(services::ask).patch(services::ask).delete(services::ask);
    let changes = asking(changes).layer(middleware::from_fn_with_state(Right::AskServices, check));
    doors.layer(DefaultBodyLimit::max(MAX_BODY)).route("/services/{name}", changes).with_state(rooms)
}

/// Services are asked with little.
fn asking(asks: MethodRouter<Rooms>) -> MethodRouter<Rooms> {
    asks.layer(DefaultBodyLimit::max(services::MAX_ASKED))
}

/// Lets nobody past who may not.
async fn check(State(right): State<Right>, asker: Asker, request: Request, next: Next) -> Result<Response, Problem> {
    match asker.rights.has(right) {
        true => Ok(next.run(request).await),
        false => Err(may_not(right)),
    }
}

/// What is said to somebody who may not.
pub(crate) fn may_not(right: Right) -> Problem {
    let detail = format!("this needs the right {}", right.word());
    Problem::new(StatusCode::FORBIDDEN, detail).remedy("ask an admin for it")
}
