//! Speaks to a running server over the control socket in its data folder.

use std::{io, path::Path, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, header};
use hyper_util::rt::TokioIo;
use patchcord_web::{
    control::{SOCKET_FILE, Token},
    folder,
    problem::{Problem, chain},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::UnixStream, time::timeout};

use super::outcome::{Exit, Failure};

/// A server that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest answer: a list of all the endpoints that a server holds.
const MAX_ANSWER: usize = 256 << 20;

/// A connection to the running server's control socket.
pub struct Client {
    stream: UnixStream,
    token: String,
}

impl Client {
    /// The server that runs on that data folder; `None` when there is none.
    pub async fn connect(data: &Path) -> Result<Option<Self>, Failure> {
        let socket = data.join(SOCKET_FILE);
        let stream = match UnixStream::connect(&socket).await {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                return Ok(None);
            }
            Err(error) => {
                let reason = format!("control socket {} cannot be used: {error}", socket.display());
                return Err(Failure::new(Exit::NoServer, reason, "run this as the user that the server runs as"));
            }
        };
        let token = Token::read(data).map_err(|error| {
            Failure::new(Exit::NoServer, chain(&error), "run this as the user that the server runs as")
        })?;
        Ok(Some(Self { stream, token }))
    }

    /// Asks for something.
    pub async fn get<T: DeserializeOwned>(self, path: &str) -> Result<T, Failure> {
        read(self.send(Method::GET, path, Bytes::new()).await?)
    }

    /// Asks for something that is no JSON.
    pub async fn bytes(self, path: &str) -> Result<Bytes, Failure> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    /// Orders something and reads the answer.
    pub async fn order<T: DeserializeOwned>(self, method: Method, path: &str) -> Result<T, Failure> {
        read(self.send(method, path, Bytes::new()).await?)
    }

    /// Orders something, says how it is wanted, and reads the answer.
    pub async fn ask<T: DeserializeOwned>(
        self,
        method: Method,
        path: &str,
        said: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(said).expect("what we say is JSON");
        read(self.send(method, path, body.into()).await?)
    }

    /// Orders something that has no answer beyond "done".
    pub async fn tell<T: Serialize>(self, method: Method, path: &str, said: Option<&T>) -> Result<(), Failure> {
        let body = said.map(|said| serde_json::to_vec(said).expect("what we say is JSON")).unwrap_or_default();
        self.send(method, path, body.into()).await.map(drop)
    }

    async fn send(self, method: Method, path: &str, body: Bytes) -> Result<Bytes, Failure> {
        match timeout(PATIENCE, self.exchange(method, path, body)).await {
            Ok(Ok((status, body))) if status.is_success() => Ok(body),
            Ok(Ok((status, body))) => Err(serde_json::from_slice::<Problem>(&body)
                .unwrap_or_else(|_| Problem::new(status, format!("the server answered {status}")))
                .into()),
            Ok(Err(told)) => Err(lost(told)),
            Err(_) => Err(lost("it does not answer".into())),
        }
    }

    async fn exchange(self, method: Method, path: &str, body: Bytes) -> Result<(StatusCode, Bytes), String> {
        let broken = |error: hyper::Error| chain(&error);
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(self.stream)).await;
        let (mut sender, connection) = handshake.map_err(broken)?;
        // It ends with the answer; what breaks it is told to whoever waits for that.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "control")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .expect("the parts of the request are ours");
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
    }
}

fn read<T: DeserializeOwned>(body: Bytes) -> Result<T, Failure> {
    serde_json::from_slice(&body).map_err(|error| {
        let remedy = "see that the command and the server are of the same version";
        Failure::new(Exit::NoServer, format!("the server's answer cannot be read: {error}"), remedy)
    })
}

fn lost(told: String) -> Failure {
    let remedy = "see whether the server runs; its log may say more";
    Failure::new(Exit::NoServer, format!("the running server was lost: {told}"), remedy)
}

/// What a command says that needs a running server and finds none.
pub fn nobody(data: &Path) -> Failure {
    if folder::is_held(data) {
        let reason = format!("a server with data folder {} is starting and answers nobody yet", data.display());
        return Failure::new(Exit::NoServer, reason, "ask again when it listens; its log says what it waits for");
    }
    let reason = format!("no server runs with data folder {}", data.display());
    Failure::new(Exit::NoServer, reason, "start one with `patchcord run`, or name its configuration with -c")
}
