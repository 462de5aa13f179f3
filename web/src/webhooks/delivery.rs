//! One delivery: a POST of JSON, signed by the secret of the configuration, with the moment of sending under the signature.
//!
//! `Patchcord-Signature: t=1795000000,v1=…`: HMAC-SHA256 in small hex over `t`, a dot and the body. Whoever checks it also looks at `t`,
//! and takes nothing twice by `Patchcord-Delivery`: so what was recorded on the way cannot be played again. Redirects are not
//! followed: a receiver that has moved is one for the configuration to say.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Uri,
    header::{self, HeaderValue},
};
use hyper_util::client::legacy::Client;
use ring::hmac;
use url::Url;

use crate::{
    fetch::{
        connect::{Connect, failure},
        web::{AGENT, MAX_ADDRESS, bare, is_web, login},
    },
    problem::chain,
    store::webhooks::Delivery,
};

/// How long a receiver may take: whoever has more to do takes the delivery first and works then.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read, so that its connection can be used again.
const MOST_ANSWER: usize = 64 << 10;

/// Letters of a reason that are kept.
const MOST_WHY: usize = 300;

/// The way to receivers.
pub(super) struct Sender {
    client: Client<Connect, Full<Bytes>>,
    key: hmac::Key,
}

impl Sender {
    pub(super) fn new(connect: &Connect, secret: &str) -> Self {
        Self { client: connect.client(), key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()) }
    }

    /// Sends one; says why it was not taken.
    pub(super) async fn send(&self, delivery: &Delivery, now: SystemTime) -> Result<(), String> {
        let sent = tokio::time::timeout(PATIENCE, self.post(delivery, now)).await;
        let said = sent.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
        said.map_err(|why| why.chars().take(MOST_WHY).collect())
    }

    async fn post(&self, delivery: &Delivery, now: SystemTime) -> Result<(), String> {
        let url: Url = delivery.url.parse().map_err(|_| "the address cannot be read".to_owned())?;
        let target: Uri = bare(&url).as_str().parse().map_err(|_| "the address cannot be asked".to_owned())?;
        let mut request = Request::new(Full::new(Bytes::from(delivery.body.clone())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target;
        let headers = request.headers_mut();
        let text = |text: &str| HeaderValue::try_from(text).map_err(|_| "a header cannot be sent".to_owned());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert("patchcord-event", text(&delivery.event)?);
        headers.insert("patchcord-delivery", text(&delivery.id)?);
        headers.insert("patchcord-signature", text(&sign(&self.key, now, &delivery.body))?);
        if let Some(login) = login(&url) {
            headers.insert(header::AUTHORIZATION, login);
        }
        let answer = self.client.request(request).await.map_err(|error| match failure(&error) {
            Some(unconnected) => chain(unconnected),
            None => chain(&error),
        })?;
        let status = answer.status();
        let mut body = http_body_util::Limited::new(answer.into_body(), MOST_ANSWER);
        // What it says is of no interest; a connection with a rest in it cannot be used again.
        while let Some(Ok(_)) = body.frame().await {}
        match status.is_success() {
            true => Ok(()),
            false => Err(format!("the receiver says {status}")),
        }
    }
}

/// A receiver's address as it is kept, if it is one.
pub fn receiver(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| text.len() <= MAX_ADDRESS && is_web(url) && url.has_host())?;
    Some(url.into())
}

/// The signature of a body that is sent at that moment.
pub fn sign(key: &hmac::Key, now: SystemTime, body: &str) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let tag = hmac::sign(key, format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", data_encoding::HEXLOWER.encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_anybody_computes_who_has_the_secret() {
        // printf '1800000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let signed = sign(&key, UNIX_EPOCH + Duration::from_secs(1_800_000_000), r#"{"a":1}"#);
        assert_eq!(signed, "t=1800000000,v1=440dfbb83aabca24d9e5027629cfd81cb45254690f8d410bb28f1cc17c990dbc");
    }
}
