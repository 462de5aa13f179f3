//! `/phone/signal`: the door of pages that speak our own JSON. Who is there, by cookie or token, and then the session.
//!
//! A cookie speaks only for pages of our own; a token speaks for a guest from any site that may open a socket. Whoever says nothing in
//! time, or something else, is sent away with a reason. Nothing of SIP stands here.

use std::{io, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use futures_util::{SinkExt, StreamExt};
use patchcord_engine::{
    routing::{Guest, Voucher},
    runtime::clock,
};
use tokio::{io::AsyncReadExt, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tracing::debug;

use super::{
    agent::{Agent, Who},
    desk::Seat,
    origin,
    pipe::pipe,
    session::{Arrived, Session, Socket},
    sip::transport,
    socket::Asked,
    words::{self, Refusal, Said, VERSION, You},
};
use crate::{
    api::Rooms,
    people::guard,
    problem::{Problem, chain},
    serve::Ends,
};

/// How long a page may take to say hello.
const HELLO: Duration = Duration::from_secs(10);

/// How long the last words to a page may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a quiet socket keeps for reading.
const READ_BUFFER: usize = 4096;

/// By what a page has proved who it is.
#[derive(Clone)]
pub enum Proof {
    /// The cookie of a session.
    Cookie(String),
    /// A guest's token.
    Token(Arc<Guest>),
}

/// Who a page is.
struct Known {
    proof: Proof,
    /// What a lost connection is known by, beside its key.
    whom: String,
    /// What it is called on the wire.
    user: String,
    voucher: Voucher,
    you: You,
}

/// `GET /phone/signal`
pub async fn open(State(rooms): State<Rooms>, mut request: Request) -> Result<Response, Problem> {
    // A page cannot read the answer to a request for a WebSocket: it is told over the socket.
    let stranger = rooms.house.origins().admit(request.headers()).err();
    let source = guard::source(request.extensions());
    let cookie = own_cookie(request.headers());
    let asked = Asked::read(&mut request)?;
    let Some(seat) = rooms.phones.sit(source) else {
        let detail = "there are too many pages connected";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).remedy("close some, or come back later"));
    };
    let answer = asked.answer(None);
    tokio::spawn(async move {
        let ends = asked.ends;
        match asked.open().await {
            Ok(stream) => {
                let config = WebSocketConfig::default()
                    .read_buffer_size(READ_BUFFER)
                    .write_buffer_size(0)
                    .max_message_size(Some(words::MAX_MESSAGE))
                    .max_frame_size(Some(words::MAX_MESSAGE));
                let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
                match stranger {
                    None => Box::pin(greet(rooms, socket, seat, cookie, ends)).await,
                    Some(problem) => send_away(socket, not_of_ours(problem)).await,
                }
            }
            Err(error) => debug!(%error, "a WebSocket was given up by its peer"),
        }
    });
    Ok(answer.into_response())
}

/// Another site's page is told so, and whoever wrote it what to do.
fn not_of_ours(problem: Problem) -> Refusal {
    let remedy = problem.remedy.unwrap_or_default();
    Refusal::new("origin", format!("{}; on the server, {remedy}", problem.detail))
}

/// A cookie speaks for nobody where another site's page shows it.
fn own_cookie(headers: &HeaderMap) -> Option<String> {
    guard::cookie(headers).filter(|_| origin::is_ours(headers)).map(str::to_owned)
}

/// Waits for the hello, and begins or goes on.
async fn greet(rooms: Rooms, mut socket: Socket, seat: Seat, cookie: Option<String>, ends: Ends) {
    let hello = timeout(HELLO, hello(&mut socket)).await;
    let hello = hello.unwrap_or_else(|_| Err(Refusal::new("malformed", "nobody said hello")));
    let known = match hello {
        Ok((token, resume, heard)) => match who(&rooms, token.as_deref(), cookie).await {
            Ok(known) => Ok((known, resume, heard)),
            Err(refusal) => Err(refusal),
        },
        Err(refusal) => Err(refusal),
    };
    let (known, resume, heard) = match known {
        Ok(found) => found,
        Err(refusal) => return send_away(socket, refusal).await,
    };
    if let Some(door) = resume.and_then(|key| rooms.phones.find(&key, &known.whom)) {
        let arrived = Arrived { socket, heard, seat, proof: known.proof };
        // The task behind the door may have ended a moment ago: then the page is told so, and begins anew.
        if let Err(nobody) = door.send(arrived).await {
            send_away(nobody.0.socket, Refusal::new("lost", "the talks of before are over")).await;
        }
        return;
    }
    begin(rooms, socket, seat, known, ends).await;
}

async fn begin(rooms: Rooms, socket: Socket, seat: Seat, known: Known, ends: Ends) {
    let Known { proof, whom, user, voucher, you } = known;
    let mut seed = [0; 32];
    if let Err(error) = getrandom::fill(&mut seed) {
        return send_away(socket, Refusal::new("unavailable", error.to_string())).await;
    }
    let (engine, theirs) = pipe();
    if let Err(refused) = rooms.house.adopt(Box::new(theirs), transport(ends), ends, Some(voucher)) {
        return send_away(socket, Refusal::new("unavailable", refused.to_string())).await;
    }
    let ice = rooms.house.ice().servers(&user, clock::wall());
    let registers = you.kind == "endpoint";
    let who = Who { user, registers, transport: transport(ends), ends: (ends.local, ends.peer) };
    let agent = Agent::new(who, seed, clock::now());
    Session { rooms, agent, engine, you, ice, proof, whom, seat }.run(socket).await;
}

/// The first message, which must be a hello.
async fn hello(socket: &mut Socket) -> Result<(Option<String>, Option<String>, u64), Refusal> {
    loop {
        let text = match socket.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Err(Error::Capacity(_))) => {
                let most = words::MAX_MESSAGE;
                return Err(Refusal::new("too_large", format!("a message has at most {most} bytes")));
            }
            _ => return Err(Refusal::new("malformed", "the first message is hello")),
        };
        return match words::read(&text)?.1 {
            Said::Hello { version, .. } if version != VERSION => {
                let reason = format!("version {VERSION} is spoken here, and the page speaks {version}; load it again");
                Err(Refusal::new("version", reason))
            }
            Said::Hello { token, resume, heard, .. } => Ok((token, resume, heard)),
            _ => Err(Refusal::new("malformed", "the first message is hello")),
        };
    }
}

/// Who a page is, by its token or its cookie.
async fn who(rooms: &Rooms, token: Option<&str>, cookie: Option<String>) -> Result<Known, Refusal> {
    if let Some(token) = token {
        let found = rooms.phones.guest(token, &rooms.store.signer(), clock::wall());
        let (id, guest) = found.map_err(|not| Refusal::new("token", not.to_string()))?;
        let numbers = Some(guest.numbers.iter().map(ToString::to_string).collect());
        let you = You { kind: "guest", name: guest.name.to_string(), number: None, numbers };
        let (proof, voucher) = (Proof::Token(guest.clone()), Voucher::Guest(guest));
        return Ok(Known { proof, whom: format!("guest {id}"), user: "guest".into(), voucher, you });
    }
    let cookie = cookie.ok_or_else(|| Refusal::new("login", "nobody is logged in, and no token was shown"))?;
    let endpoint = endpoint_of(rooms, &cookie).await?;
    let known = rooms.accounts.board().directory.find(&endpoint);
    let known = known.ok_or_else(|| {
        Refusal::new("login", format!("endpoint {endpoint}, which this person is tied to, is not there any more"))
    })?;
    let number = known.number.as_deref().map(str::to_owned);
    let you = You { kind: "endpoint", name: endpoint.clone(), number, numbers: None };
    let voucher = Voucher::Endpoint(known.user.clone());
    Ok(Known { proof: Proof::Cookie(cookie), whom: format!("endpoint {endpoint}"), user: endpoint, voucher, you })
}

/// The endpoint that the person of a cookie is tied to.
async fn endpoint_of(rooms: &Rooms, cookie: &str) -> Result<String, Refusal> {
    let found = rooms.people.by_cookie(cookie, clock::wall()).await;
    let found = found.map_err(|error| Refusal::new("unavailable", chain(&error)))?;
    let (session, _) = found.ok_or_else(|| Refusal::new("login", "the login has lapsed"))?;
    let endpoint = rooms.people.endpoint(&session.user).await;
    let endpoint = endpoint.map_err(|error| Refusal::new("unavailable", chain(&error)))?;
    endpoint.ok_or_else(|| {
        let reason = format!("{} is tied to no endpoint; an admin ties people to endpoints at /people", session.user);
        Refusal::new("no_endpoint", reason)
    })
}

impl Proof {
    /// Whether whoever was let in by it may still be here.
    pub async fn still_holds(&self, rooms: &Rooms) -> Result<(), Refusal> {
        match self {
            Self::Cookie(cookie) => match endpoint_of(rooms, cookie).await {
                // A store that is away sends nobody away.
                Err(refusal) if refusal.code == "unavailable" => Ok(()),
                found => found.map(drop),
            },
            Self::Token(guest) => match guest.expires {
                Some(expires) if clock::wall() >= expires && guest.busy.count() == 0 => {
                    Err(Refusal::new("token", "the token has lapsed"))
                }
                _ => Ok(()),
            },
        }
    }
}

/// Tells a page why it cannot be here, and closes.
async fn send_away(socket: Socket, refusal: Refusal) {
    debug!(code = refusal.code, reason = refusal.reason, "a page was sent away");
    farewell(socket, Some(refusal)).await;
}

/// By which code a socket closes; RFC 6455 has one for messages that are too large.
fn code(refusal: &Refusal) -> CloseCode {
    if refusal.code == "too_large" { CloseCode::Size } else { CloseCode::Policy }
}

/// The last words to a page, until it has said its own. What it is still saying is read and not heard: closing over it would take our
/// words back.
pub(super) async fn farewell(mut socket: Socket, refusal: Option<Refusal>) {
    let last = async {
        let frame = refusal.as_ref().map(|refusal| CloseFrame { code: code(refusal), reason: refusal.code.into() });
        if let Some(refusal) = refusal {
            socket.send(Message::text(words::write(None, &refusal.told(None)))).await.map_err(io::Error::other)?;
        }
        socket.close(frame).await.map_err(io::Error::other)?;
        loop {
            match socket.next().await {
                // Whoever has said goodbye as well waits for the connection to close.
                Some(Ok(Message::Close(_))) | None => break,
                Some(Ok(_)) => {}
                // What is too large, or no message, has no end that could be seen.
                Some(Err(Error::Capacity(_) | Error::Protocol(_) | Error::Utf8(_))) => {
                    let (stream, mut unheard) = (socket.get_mut(), vec![0; READ_BUFFER]);
                    while stream.read(&mut unheard).await? > 0 {}
                    break;
                }
                Some(Err(_)) => break,
            }
        }
        io::Result::Ok(())
    };
    // A page that takes nothing, or talks on, is not waited for.
    let _said_or_not = timeout(LAST_WORDS, last).await;
}
