//! An authority of the tests (RFC 8555): it believes nothing that is not signed and proven, and certifies for a day.
//!
//! Every name is looked for at one address that the test gives, because no name of a test is known to anybody.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use data_encoding::BASE64URL_NOPAD as BASE64;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData, SignatureAlgorithm,
};
use ring::{digest, signature};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509CertificationRequest};

pub struct Authority {
    pub directory: String,
    pub root: Certificate,
    pub desk: Arc<Desk>,
}

/// What the authority knows.
pub struct Desk {
    base: String,
    names_at: SocketAddr,
    issuer: Issuer<'static, KeyPair>,
    book: Mutex<Book>,
}

#[derive(Default)]
pub struct Book {
    nonces: HashSet<String>,
    /// The public keys of accounts as JWK, by their address.
    pub accounts: HashMap<String, Value>,
    pub orders: Vec<Order>,
}

pub struct Order {
    account: String,
    names: Vec<String>,
    /// Whether each is proven, or why not.
    proven: Vec<Option<Result<(), String>>>,
    chain: Option<String>,
}

impl Authority {
    /// One that finds every name at that address.
    pub async fn open(names_at: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).expect("a root");
        let issuer = Issuer::new(params, key);
        let desk = Arc::new(Desk { base: base.clone(), names_at, issuer, book: Mutex::default() });
        let router = Router::new().fallback(serve).with_state(desk.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { directory: format!("{base}/directory"), root, desk }
    }
}

impl Desk {
    pub fn count(&self) -> (usize, usize) {
        let book = self.book.lock().expect("nobody panics");
        (book.accounts.len(), book.orders.len())
    }

    fn nonce(&self) -> HeaderValue {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("random bytes");
        let nonce = BASE64.encode(&bytes);
        self.book.lock().expect("nobody panics").nonces.insert(nonce.clone());
        nonce.parse().expect("a header")
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// What a signed request says, by which account.
    fn read(&self, path: &str, body: &[u8]) -> Result<(String, Value, Value), &'static str> {
        let jws: Value = serde_json::from_slice(body).map_err(|_| "no JSON")?;
        let part = |name| jws[name].as_str().ok_or("a part is missing");
        let bytes = |text: &str| BASE64.decode(text.as_bytes()).map_err(|_| "no base64url");
        let (protected, payload) = (part("protected")?, part("payload")?);
        let head: Value = serde_json::from_slice(&bytes(protected)?).map_err(|_| "no JSON")?;
        let account = head["kid"].as_str().unwrap_or_default().to_owned();
        let mut book = self.book.lock().expect("nobody panics");
        if !head["nonce"].as_str().is_some_and(|nonce| book.nonces.remove(nonce)) {
            return Err("not our nonce");
        }
        if head["url"] != self.address(path) {
            return Err("signed for another address");
        }
        let key =
            if head["jwk"].is_object() { &head["jwk"] } else { book.accounts.get(&account).ok_or("no account")? };
        let point = |name: &str| key[name].as_str().ok_or("no key").and_then(bytes);
        let point = [vec![4], point("x")?, point("y")?].concat();
        let signed = format!("{protected}.{payload}");
        signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
            .verify(signed.as_bytes(), &bytes(part("signature")?)?)
            .map_err(|_| "not signed by that key")?;
        let said = bytes(payload)?;
        let said = if said.is_empty() { Value::Null } else { serde_json::from_slice(&said).map_err(|_| "no JSON")? };
        Ok((account, key.clone(), said))
    }

    fn open_account(&self, key: Value) -> (StatusCode, Option<String>, Value) {
        let mut book = self.book.lock().expect("nobody panics");
        let at = self.address(&format!("/account/{}", book.accounts.len()));
        book.accounts.insert(at.clone(), key);
        (StatusCode::CREATED, Some(at), json!({ "status": "valid" }))
    }

    fn take_order(&self, account: String, said: &Value) -> (StatusCode, Option<String>, Value) {
        let named = said["identifiers"].as_array().cloned().unwrap_or_default();
        let names: Vec<_> = named.iter().filter_map(|one| one["value"].as_str().map(str::to_owned)).collect();
        let mut book = self.book.lock().expect("nobody panics");
        let number = book.orders.len();
        book.orders.push(Order { account, proven: vec![None; names.len()], names, chain: None });
        drop(book);
        (StatusCode::CREATED, Some(self.address(&format!("/order/{number}"))), self.order(number))
    }

    fn order(&self, number: usize) -> Value {
        let book = self.book.lock().expect("nobody panics");
        let order = &book.orders[number];
        let status = match () {
            () if order.chain.is_some() => "valid",
            () if order.proven.iter().any(|one| matches!(one, Some(Err(_)))) => "invalid",
            () if order.proven.iter().all(|one| matches!(one, Some(Ok(())))) => "ready",
            () => "pending",
        };
        let names: Vec<_> = order.names.iter().map(|name| json!({ "type": "dns", "value": name })).collect();
        let proofs: Vec<_> = (0..names.len()).map(|name| self.address(&format!("/proof/{number}/{name}"))).collect();
        let mut shown = json!({
            "status": status, "identifiers": names, "authorizations": proofs,
            "finalize": self.address(&format!("/finalize/{number}")),
        });
        if order.chain.is_some() {
            shown["certificate"] = self.address(&format!("/chain/{number}")).into();
        }
        shown
    }

    fn proof(&self, number: usize, name: usize) -> Value {
        let book = self.book.lock().expect("nobody panics");
        let order = &book.orders[number];
        let (status, error) = match &order.proven[name] {
            None => ("pending", Value::Null),
            Some(Ok(())) => ("valid", Value::Null),
            Some(Err(why)) => ("invalid", json!({ "type": "urn:ietf:params:acme:error:unauthorized", "detail": why })),
        };
        let mut question = json!({
            "type": "http-01", "status": status, "token": format!("token-{number}-{name}"),
            "url": self.address(&format!("/question/{number}/{name}")),
        });
        if !error.is_null() {
            question["error"] = error;
        }
        json!({
            "identifier": { "type": "dns", "value": order.names[name] }, "status": status, "challenges": [question],
        })
    }

    /// Asks the name for the word, as anybody on the internet could.
    async fn ask(&self, number: usize, name: usize, key: &Value) {
        let host = self.book.lock().expect("nobody panics").orders[number].names[name].clone();
        let plain = format!(r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#, key["crv"], key["kty"], key["x"], key["y"]);
        let print = BASE64.encode(digest::digest(&digest::SHA256, plain.as_bytes()).as_ref());
        let token = format!("token-{number}-{name}");
        let mut stream = TcpStream::connect(self.names_at).await.expect("the name is reached");
        let asked =
            format!("GET /.well-known/acme-challenge/{token} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(asked.as_bytes()).await.expect("asked");
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.expect("an answer");
        let word = heard.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        let proven = match heard.starts_with("HTTP/1.1 200") && word == format!("{token}.{print}") {
            true => Ok(()),
            false => Err(format!("the word at {host} is wrong")),
        };
        self.book.lock().expect("nobody panics").orders[number].proven[name] = Some(proven);
    }

    fn certify(&self, number: usize, said: &Value) -> Result<Value, &'static str> {
        let request = said["csr"].as_str().and_then(|text| BASE64.decode(text.as_bytes()).ok()).ok_or("no request")?;
        let (_, request) = X509CertificationRequest::from_der(&request).map_err(|_| "no request")?;
        let asked: Vec<_> = request
            .requested_extensions()
            .into_iter()
            .flatten()
            .filter_map(|one| match one {
                ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
                _ => None,
            })
            .flatten()
            .filter_map(|name| match name {
                x509_parser::extensions::GeneralName::DNSName(name) => Some((*name).to_owned()),
                _ => None,
            })
            .collect();
        let key = Asked(request.certification_request_info.subject_pki.subject_public_key.data.to_vec());
        let mut book = self.book.lock().expect("nobody panics");
        let order = &mut book.orders[number];
        if asked != order.names || !order.proven.iter().all(|one| matches!(one, Some(Ok(())))) {
            return Err("not what was proven");
        }
        let mut params = CertificateParams::new(asked).map_err(|_| "no names")?;
        params.not_before = patchcord_engine::runtime::clock::wall().into();
        params.not_after = (patchcord_engine::runtime::clock::wall() + std::time::Duration::from_secs(86_400)).into();
        let made = params.signed_by(&key, &self.issuer).map_err(|_| "no certificate")?;
        order.chain = Some(made.pem());
        drop(book);
        Ok(self.order(number))
    }
}

/// The key that a request names.
struct Asked(Vec<u8>);

impl PublicKeyData for Asked {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

async fn serve(State(desk): State<Arc<Desk>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let (status, location, shown) = answer(&desk, &method, uri.path(), &body).await;
    let mut headers = HeaderMap::new();
    headers.insert("replay-nonce", desk.nonce());
    if let Some(location) = location {
        headers.insert("location", location.parse().expect("a header"));
    }
    match shown {
        Value::String(text) => (status, headers, text).into_response(),
        shown => (status, headers, axum::Json(shown)).into_response(),
    }
}

async fn answer(desk: &Desk, method: &Method, path: &str, body: &[u8]) -> (StatusCode, Option<String>, Value) {
    let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
    match (method.as_str(), parts[0]) {
        ("GET", "directory") => {
            let at = |path| desk.address(path);
            let all = json!({
                "newNonce": at("/nonce"), "newAccount": at("/accounts"), "newOrder": at("/orders"),
                "revokeCert": at("/revoke"), "keyChange": at("/rekey"),
            });
            return (StatusCode::OK, None, all);
        }
        ("HEAD" | "GET", "nonce") => return (StatusCode::OK, None, Value::String(String::new())),
        _ => {}
    }
    let refused = |why: &str| {
        let told = json!({ "type": "urn:ietf:params:acme:error:malformed", "detail": why });
        (StatusCode::BAD_REQUEST, None, told)
    };
    let (account, key, said) = match desk.read(path, body) {
        Ok(read) => read,
        Err(why) => return refused(why),
    };
    let numbers: Vec<usize> = parts[1..].iter().filter_map(|part| part.parse().ok()).collect();
    let fine = |shown| (StatusCode::OK, None, shown);
    match (parts[0], &*numbers) {
        ("accounts", []) => desk.open_account(key),
        ("orders", []) => desk.take_order(account, &said),
        ("order", [number]) => fine(desk.order(*number)),
        ("proof", [number, name]) => fine(desk.proof(*number, *name)),
        ("question", [number, name]) => {
            // What comes of it is told to whoever asks for the proof.
            let begun = desk.proof(*number, *name)["challenges"][0].clone();
            desk.ask(*number, *name, &key).await;
            fine(begun)
        }
        ("finalize", [number]) => desk.certify(*number, &said).map_or_else(refused, fine),
        ("chain", [number]) => {
            let book = desk.book.lock().expect("nobody panics");
            assert_eq!(book.orders[*number].account, account, "only whoever ordered it asks for it");
            fine(book.orders[*number].chain.clone().expect("it was made").into())
        }
        _ => refused("there is nothing there"),
    }
}
