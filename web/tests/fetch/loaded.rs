//! Through the loader, as a call would: fetched, decoded, kept, and asked for again; and over TLS.
#![allow(clippy::disallowed_methods, reason = "a starting point for the time that is handed in")]

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use patchcord_media::codec::Kind;
use patchcord_media::frame::Rate;
use patchcord_media::prompt::{Bounds, Disk, Form, Loaded, Loader, Loudness, Settings, Unfetched, Unloaded, Wish};
use patchcord_media::recording::wav_of;
use patchcord_web::fetch;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

use crate::lab::{BOUNDS, PATIENCE, SHORT, Server, answer, fetch as fetched, fetchers, fetchers_of, refusal, stalled};

/// A soft tone as a wav file.
fn wav(samples: usize) -> Vec<u8> {
    let tone: Vec<_> = (0..samples).map(|n| ((n as f32 * 0.5).sin() * 2000.0) as i16).collect();
    wav_of(Rate::Narrow, &tone)
}

fn loader(bounds: Bounds) -> Loader {
    let folder = Arc::new(Disk::new(Vec::new()));
    Loader::start(Settings { bounds, ..Settings::default() }, folder, fetchers()).unwrap()
}

fn get(loader: &Loader, name: &str, now: Instant) -> Loaded {
    let wish = Wish { name: name.into(), loudness: Loudness::Levelled, form: Form::Payload(Kind::Pcmu) };
    loader.load_and_wait(wish, now, PATIENCE).expect("whoever asks is told")
}

#[test]
fn a_prompt_from_the_web_is_played_and_fetched_again_only_when_it_changed() {
    let server = Server::start(|request| match request.header("if-none-match") {
        Some("\"1\"") => answer(304, &[], ""),
        _ => answer(200, &[("etag", "\"1\""), ("content-type", "audio/wav")], wav(1600)),
    });
    let loader = loader(Bounds { bytes: 1 << 20, ..BOUNDS });
    let (url, now) = (server.url("/a.wav?token=hush"), Instant::now());
    let sound = get(&loader, &url, now).unwrap();
    assert_eq!(sound.frames(), 10);
    assert_eq!(server.seen().len(), 1);
    let later = now + Settings::default().fresh;
    assert!(Arc::ptr_eq(&sound, &get(&loader, &url, later).unwrap()));
    assert_eq!((server.seen().len(), loader.standing().decoded), (2, 1));
}

#[test]
fn a_caller_hears_why_a_prompt_does_not_come_and_no_secret_is_in_it() {
    let server = Server::start(|request| match request.line.as_str() {
        "GET /slow.wav?token=hush" => answer(200, &[], stalled()),
        _ => answer(200, &[("content-type", "audio/wav")], "this is no sound"),
    });
    let loader = loader(SHORT);
    let now = Instant::now();
    let slow = server.url("/slow.wav");
    let late = Unfetched::Late { name: slow.clone(), limit: SHORT.time };
    assert_eq!(get(&loader, &format!("{slow}?token=hush"), now).unwrap_err(), Unloaded::from(late));
    let text = get(&loader, &server.url("/text.wav?token=hush"), now).unwrap_err().to_string();
    assert!(text.starts_with(&server.url("/text.wav ")) && !text.contains("hush"), "{text}");
}

/// A server of one certificate that answers one request on each of two connections.
fn secure(config: ServerConfig) -> (String, std::thread::JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = Arc::new(config);
    let talker = std::thread::spawn(move || {
        for _ in 0..2 {
            let (peer, _) = listener.accept().unwrap();
            let mut tls = rustls::StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), peer);
            // A client that does not trust us says so and goes.
            let Ok(_) = std::io::Read::read(&mut tls, &mut [0; 1024]) else { continue };
            tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsound").unwrap();
        }
    });
    (format!("https://localhost:{port}/a.wav"), talker)
}

#[test]
fn over_tls_a_server_has_to_prove_its_name() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
    let (url, talker) = secure(server);

    let refused = refusal(&fetchers(), &url, &BOUNDS);
    assert!(matches!(&refused, Unfetched::Unreachable { why, .. } if why.starts_with("TLS failed: ")), "{refused}");
    let reach = fetch::Reach::and(vec!["127.0.0.1/32".parse().unwrap()]);
    let trusting = fetchers_of(fetch::Settings { reach, authorities: vec![certificate], ..Default::default() });
    assert_eq!(fetched(&trusting, &url).unwrap().0, b"sound");
    talker.join().unwrap();
}
