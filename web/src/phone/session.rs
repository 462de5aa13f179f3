//! One page and its talks, as long as either lasts: the task between a WebSocket, an agent and the engine.
//!
//! ```text
//! WebSocket ⇄ words ⇄ agent ⇄ pipe ⇄ engine
//! ```
//!
//! A socket that closes in good order ends its talks at once: the page has gone. One that is lost is waited for, and whoever comes back
//! hears what was said meanwhile. The engine's connection is told nothing of it.

use std::{
    collections::VecDeque,
    future::pending,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use patchcord_engine::{routing::Pace, runtime::clock};
use tokio::{
    sync::mpsc,
    time::{Instant as At, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Error, Message},
};
use tracing::debug;

use super::{
    agent::{Agent, Out},
    desk::Seat,
    ice,
    pipe::End,
    signal::{Proof, farewell},
    words::{self, Refusal, Told, VERSION, You},
};
use crate::api::Rooms;

/// How long a page that was lost may take to come back.
pub const COME_BACK: Duration = Duration::from_secs(30);

/// The code by which a page closes a socket that it will replace: its network has changed.
const COMES_BACK: u16 = 4000;

/// How long a socket may be silent, its answers to our pings included, before it counts as lost.
const SILENCE: Duration = Duration::from_secs(45);

/// How often it is pinged.
const PING: Duration = Duration::from_secs(15);

/// How often it is looked whether who was let in still may be here.
const CHECK: Duration = Duration::from_secs(60);

/// How long the engine may take to register an endpoint before its page is let in.
const ENTER: Duration = Duration::from_secs(3);

/// Messages and bytes that are kept to be said again. What was told before them was heard, or the page comes back to nothing.
const KEPT: (usize, usize) = (256, 256 << 10);

/// Messages of a page in a second. People press a few keys; a page that says more is broken.
const PER_SECOND: u32 = 50;

/// A WebSocket of a page.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A page that has come back.
pub struct Arrived {
    /// Its new socket.
    pub socket: Socket,
    /// The number of the last message that it has heard.
    pub heard: u64,
    /// The place it takes.
    pub seat: Seat,
    /// By what it has proved who it is.
    pub proof: Proof,
}

/// Why it is over.
enum Over {
    /// The page has gone.
    Left,
    /// The engine has closed the connection.
    Closed,
    /// The page is told why, and goes.
    Told(Refusal),
}

/// One page; see the module.
pub struct Session {
    /// The house.
    pub rooms: Rooms,
    /// Its user agent.
    pub agent: Agent,
    /// The way to the engine.
    pub engine: End,
    /// Who is told that it is.
    pub you: You,
    /// The servers that it is told of.
    pub ice: Vec<ice::Server>,
    /// How it was proved.
    pub proof: Proof,
    /// Whom the key belongs to.
    pub whom: String,
    /// Its place.
    pub seat: Seat,
}

/// What goes on around the session.
struct Line {
    socket: Option<Socket>,
    lost: Option<Instant>,
    /// When something came from the page last.
    sign: Instant,
    pinged: Instant,
    checked: Instant,
    /// Numbers of the last message that was made, of the last that was sent, and of the last that was heard.
    said: u64,
    sent: u64,
    heard: u64,
    kept: VecDeque<(u64, String)>,
    bytes: usize,
    pace: Pace,
    key: String,
}

impl Session {
    /// Lives until either side ends it.
    pub async fn run(mut self, socket: Socket) {
        let now = clock::now();
        let (door, mut arrivals) = mpsc::channel(1);
        let mut line = Line {
            socket: Some(socket),
            lost: None,
            sign: now,
            pinged: now,
            checked: now,
            said: 0,
            sent: 0,
            heard: 0,
            kept: VecDeque::new(),
            bytes: 0,
            pace: Pace::default(),
            key: String::new(),
        };
        self.enter(&mut line).await;
        let over = match self.welcome(&mut line, &door, false).await {
            Ok(()) => self.talk(&mut line, &door, &mut arrivals).await,
            Err(refusal) => Over::Told(refusal),
        };
        self.rooms.phones.forget(&line.key);
        self.end(line, over).await;
    }

    /// Who is welcome can be called: its endpoint is registered first. An engine that takes its time is not waited for longer.
    async fn enter(&mut self, line: &mut Line) {
        let entering = async {
            loop {
                let now = clock::now();
                self.agent.wake(now);
                while let Some(out) = self.agent.poll(now) {
                    match out {
                        Out::Sip(bytes) => {
                            if self.engine.send(bytes).await.is_err() {
                                return;
                            }
                        }
                        // It is told when it is welcome.
                        Out::Page(told) => line.queue(&told),
                    }
                }
                if !self.agent.is_entering() {
                    return;
                }
                match self.engine.next().await {
                    Some(Ok(bytes)) => self.agent.hear(bytes, clock::now()),
                    Some(Err(_)) | None => return,
                }
            }
        };
        // What is not done by then is done beside the talks.
        let _in_time = timeout(ENTER, entering).await;
    }

    async fn talk(
        &mut self,
        line: &mut Line,
        door: &mpsc::Sender<Arrived>,
        arrivals: &mut mpsc::Receiver<Arrived>,
    ) -> Over {
        loop {
            if let Err(over) = self.flush(line).await {
                return over;
            }
            let due = line.due(self.agent.deadline());
            let turn = tokio::select! {
                message = self.engine.next() => match message {
                    Some(Ok(bytes)) => {
                        self.agent.hear(bytes, clock::now());
                        Ok(())
                    }
                    Some(Err(_)) | None => Err(Over::Closed),
                },
                message = next(&mut line.socket) => self.hear(line, message),
                Some(arrived) = arrivals.recv() => self.come_back(line, door, arrived).await,
                () = sleep_until(At::from_std(due)) => self.wake(line).await,
            };
            if let Err(over) = turn {
                return over;
            }
        }
    }

    /// What the page has said.
    fn hear(&mut self, line: &mut Line, message: Option<Result<Message, Error>>) -> Result<(), Over> {
        let now = clock::now();
        line.sign = now;
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == COMES_BACK => {
                line.lose(now);
                return Ok(());
            }
            Some(Ok(Message::Close(_))) => return Err(Over::Left),
            Some(Ok(Message::Binary(_))) => {
                return Err(Over::Told(Refusal::new("malformed", "messages are text")));
            }
            Some(Ok(_)) => return Ok(()),
            Some(Err(Error::Capacity(_))) => {
                let most = words::MAX_MESSAGE;
                return Err(Over::Told(Refusal::new("too_large", format!("a message has at most {most} bytes"))));
            }
            Some(Err(_)) | None => {
                line.lose(now);
                return Ok(());
            }
        };
        if line.pace.take(PER_SECOND, now).is_err() {
            let reason = format!("a page says at most {PER_SECOND} messages in a second");
            return Err(Over::Told(Refusal::new("too_fast", reason)));
        }
        match words::read(&text) {
            Ok((Some(number), _)) if number <= line.heard => {}
            Ok((number, said)) => {
                line.heard = number.unwrap_or(line.heard);
                self.agent.say(said, now);
            }
            Err(refusal) => line.queue(&refusal.told(None)),
        }
        Ok(())
    }

    /// Time has passed.
    async fn wake(&mut self, line: &mut Line) -> Result<(), Over> {
        let now = clock::now();
        self.agent.wake(now);
        if line.lost.is_some_and(|lost| now >= lost + COME_BACK) {
            return Err(Over::Left);
        }
        if line.socket.is_some() && now >= line.sign + SILENCE {
            line.lose(now);
        }
        if now >= line.pinged + PING {
            line.pinged = now;
            let ping = async {
                match &mut line.socket {
                    Some(socket) => socket.send(Message::Ping(Default::default())).await.is_ok(),
                    None => true,
                }
            };
            if !ping.await {
                line.lose(now);
            }
        }
        if now >= line.checked + CHECK {
            line.checked = now;
            self.proof.still_holds(&self.rooms).await.map_err(Over::Told)?;
        }
        Ok(())
    }

    /// Says what there is to say, to both sides.
    async fn flush(&mut self, line: &mut Line) -> Result<(), Over> {
        let now = clock::now();
        while let Some(out) = self.agent.poll(now) {
            match out {
                Out::Sip(bytes) => self.engine.send(bytes).await.map_err(|_| Over::Closed)?,
                Out::Page(told) => line.queue(&told),
            }
        }
        if line.kept.len() > KEPT.0 && line.lost.is_some() {
            return Err(Over::Left);
        }
        line.say(now).await;
        Ok(())
    }

    /// A page has come back over another socket.
    async fn come_back(&mut self, line: &mut Line, door: &mpsc::Sender<Arrived>, arrived: Arrived) -> Result<(), Over> {
        let Arrived { socket, heard, seat, proof } = arrived;
        let eldest = line.kept.front().map_or(line.said + 1, |(number, _)| *number);
        if heard + 1 < eldest || heard > line.said {
            return Err(Over::Told(Refusal::new("lost", "what was said meanwhile is not kept any more")));
        }
        // The one before may not know yet that it is lost.
        line.socket = Some(socket);
        (line.lost, line.sign, self.seat, self.proof) = (None, clock::now(), seat, proof);
        line.heard_by_page(heard);
        self.welcome(line, door, true).await.map_err(Over::Told)
    }

    async fn welcome(&mut self, line: &mut Line, door: &mpsc::Sender<Arrived>, resumed: bool) -> Result<(), Refusal> {
        self.rooms.phones.forget(&line.key);
        let key = self.rooms.phones.keep(&self.whom, door.clone());
        line.key = key.map_err(|error| Refusal::new("unavailable", error.to_string()))?;
        let welcome = Told::Welcome {
            version: VERSION,
            you: self.you.clone(),
            ice_servers: self.ice.clone(),
            resume: line.key.clone(),
            resumed,
            heard: line.heard,
        };
        let text = words::write(None, &welcome);
        if let Some(socket) = &mut line.socket
            && socket.send(Message::text(text)).await.is_err()
        {
            line.lose(clock::now());
        }
        Ok(())
    }

    /// The last words to both sides.
    async fn end(mut self, mut line: Line, over: Over) {
        let now = clock::now();
        self.agent.leave(now);
        while let Some(out) = self.agent.poll(now) {
            if let Out::Sip(bytes) = out {
                // Who has closed hears nothing more.
                let _closed = self.engine.send(bytes).await;
            }
        }
        let refusal = match over {
            Over::Left => None,
            Over::Closed => Some(Refusal::new("closed", "the server has ended the connection")),
            Over::Told(refusal) => Some(refusal),
        };
        let Some(socket) = line.socket.take() else { return };
        if let Some(refusal) = &refusal {
            debug!(code = refusal.code, reason = refusal.reason, "a page was sent away");
        }
        farewell(socket, refusal).await;
    }
}

/// The next message of a socket; none where there is no socket.
async fn next(socket: &mut Option<Socket>) -> Option<Result<Message, Error>> {
    match socket {
        Some(socket) => socket.next().await,
        None => pending().await,
    }
}

impl Line {
    fn lose(&mut self, now: Instant) {
        self.socket = None;
        self.lost.get_or_insert(now);
    }

    fn due(&self, agent: Option<Instant>) -> Instant {
        let lost = self.lost.map(|lost| lost + COME_BACK);
        let silent = self.socket.is_some().then(|| self.sign + SILENCE);
        let rhythm = Some((self.pinged + PING).min(self.checked + CHECK));
        [lost, silent, rhythm, agent].into_iter().flatten().min().unwrap_or(self.pinged + PING)
    }

    /// Numbers a message and keeps it until it is said, and for a while after.
    fn queue(&mut self, told: &Told) {
        self.said += 1;
        let text = words::write(Some(self.said), told);
        self.bytes += text.len();
        self.kept.push_back((self.said, text));
    }

    /// Says what waits.
    async fn say(&mut self, now: Instant) {
        while let Some(socket) = &mut self.socket {
            let waiting = self.kept.iter().find(|(number, _)| *number > self.sent).cloned();
            let Some((number, text)) = waiting else { break };
            if socket.send(Message::text(text)).await.is_err() {
                self.lose(now);
                break;
            }
            self.sent = number;
        }
        while self.socket.is_some() && (self.kept.len() > KEPT.0 || self.bytes > KEPT.1) {
            let Some((_, text)) = self.kept.pop_front() else { break };
            self.bytes -= text.len();
        }
    }

    /// The page has everything up to there.
    fn heard_by_page(&mut self, heard: u64) {
        while self.kept.front().is_some_and(|(number, _)| *number <= heard) {
            let Some((_, text)) = self.kept.pop_front() else { break };
            self.bytes -= text.len();
        }
        self.sent = heard;
    }
}
