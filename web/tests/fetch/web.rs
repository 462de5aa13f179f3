//! HTTP as servers really speak it: redirects, versions, limits, and addresses that must not be reached.

use patchcord_media::prompt::{Bounds, Fetched, Unfetched};
use patchcord_web::fetch::Settings;

use crate::lab::{BOUNDS, SHORT, Server, answer, endless, fetch, fetchers, fetchers_of, refusal, stalled};

const SOUND: &[(&str, &str)] = &[("content-type", "audio/wav")];

/// What follows a question mark and stands before an `@` is told to nobody.
fn unreachable(name: &str, why: &str) -> Unfetched {
    Unfetched::Unreachable { name: name.into(), why: why.into() }
}

fn forbidden(name: &str, why: &str) -> Unfetched {
    Unfetched::Forbidden { name: name.into(), why: why.into() }
}

#[test]
fn a_file_is_fetched_and_its_connection_is_kept() {
    let server = Server::start(|_| answer(200, SOUND, "sound"));
    let fetchers = fetchers();
    for _ in 0..3 {
        assert_eq!(fetch(&fetchers, &server.url("/a.wav?voice=ann")).unwrap().0, b"sound");
    }
    let seen = server.seen();
    assert!(seen.iter().all(|request| request.from == seen[0].from), "one connection: {seen:?}");
    assert_eq!(seen[0].line, "GET /a.wav?voice=ann");
    assert_eq!(seen[0].header("accept-encoding"), Some("identity"));
    assert_eq!(seen[0].header("host"), Some(server.address.to_string().as_str()));
    assert_eq!((seen[0].header("authorization"), seen[0].header("if-none-match")), (None, None));
}

#[test]
fn a_file_that_did_not_change_is_not_sent_again() {
    let server = Server::start(|request| {
        let marks = [("etag", "\"1\""), ("last-modified", "Mon, 01 Jan 2024 00:00:00 GMT")];
        let status = if request.header("if-none-match") == Some("\"1\"") { 304 } else { 200 };
        answer(status, &marks, if status == 200 { "sound" } else { "" })
    });
    let (fetchers, url) = (fetchers(), server.url("/a.wav"));
    let (_, version) = fetch(&fetchers, &url).unwrap();
    assert!(matches!(fetchers["http"].fetch(&url, Some(&version), &BOUNDS), Ok(Fetched::Same)));
    let asked = server.seen();
    assert_eq!(asked[1].header("if-modified-since"), Some("Mon, 01 Jan 2024 00:00:00 GMT"));

    // The mark is good for the place that gave it.
    let other = server.url("/b.wav");
    assert!(matches!(fetchers["http"].fetch(&other, Some(&version), &BOUNDS), Ok(Fetched::Bytes { .. })));
}

#[test]
fn a_server_without_versions_is_known_by_its_bytes() {
    let server = Server::start(|request| answer(200, SOUND, request.line.clone()));
    let (fetchers, url) = (fetchers(), server.url("/a.wav"));
    let (_, version) = fetch(&fetchers, &url).unwrap();
    assert!(matches!(fetchers["http"].fetch(&url, Some(&version), &BOUNDS), Ok(Fetched::Same)));
    let changed = server.url("/a.wav?again");
    assert!(matches!(fetchers["http"].fetch(&changed, Some(&version), &BOUNDS), Ok(Fetched::Bytes { .. })));
}

#[test]
fn redirects_are_followed_and_a_version_is_known_behind_them() {
    let server = Server::start(|request| match request.line.as_str() {
        "GET /old" => answer(301, &[("location", "/moved")], ""),
        "GET /moved" => answer(307, &[("location", "new.wav?signed=1")], ""),
        _ if request.header("if-none-match").is_some() => answer(304, &[], ""),
        _ => answer(200, &[("etag", "\"1\"")], "sound"),
    });
    let (fetchers, url) = (fetchers(), server.url("/old"));
    let (bytes, version) = fetch(&fetchers, &url).unwrap();
    assert_eq!(bytes, b"sound");
    assert!(matches!(fetchers["http"].fetch(&url, Some(&version), &BOUNDS), Ok(Fetched::Same)));
    let marks: Vec<_> = server.seen().iter().map(|request| request.header("if-none-match").is_some()).collect();
    assert_eq!(marks, [false, false, false, false, false, true]);
}

#[test]
fn a_circle_of_redirects_ends() {
    let server = Server::start(|_| answer(302, &[("location", "/again")], ""));
    let url = server.url("/a.wav");
    let told = unreachable(&url, "the server sends us elsewhere more than 3 times");
    assert_eq!(refusal(&fetchers(), &url, &BOUNDS), told);
    assert_eq!(server.seen().len(), 4);
    let none = Bounds { redirects: 0, ..BOUNDS };
    let told = unreachable(&url, "the server sends us elsewhere more than 0 times");
    assert_eq!(refusal(&fetchers(), &url, &none), told);
    assert_eq!(server.seen().len(), 5);
}

#[test]
fn a_redirect_leads_to_no_other_kind_of_address() {
    let fetchers = fetchers();
    for (location, why) in [
        ("file:///etc/passwd", "the server sends us to a file address"),
        ("ftp://127.0.0.1/a.wav", "the server sends us to a ftp address"),
        ("data:audio/wav;base64,AAAA", "the server sends us to a data address"),
    ] {
        let server = Server::start(move |_| answer(302, &[("location", location)], ""));
        let url = server.url("/a.wav");
        assert_eq!(refusal(&fetchers, &url, &BOUNDS), forbidden(&url, why));
    }
    let nowhere = Server::start(|_| answer(302, &[], ""));
    let url = nowhere.url("/a.wav");
    let told = unreachable(&url, "the server sends us elsewhere without saying where");
    assert_eq!(refusal(&fetchers, &url, &BOUNDS), told);
}

#[test]
fn no_way_leads_to_an_address_inside() {
    let fetchers = fetchers();
    let limit = "where no prompt is fetched from unless the configuration allows it";
    for (inside, what) in [
        ("http://127.0.0.2/a.wav", "127.0.0.2 is this machine"),
        ("http://127.2/a.wav", "127.0.0.2 is this machine"),
        ("http://0x7f000002/a.wav", "127.0.0.2 is this machine"),
        ("http://10.0.0.1:8080/a.wav", "10.0.0.1 is a private network"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254 is the local link"),
        ("http://[::1]/a.wav", "::1 is not of the public internet"),
        ("http://[::ffff:10.0.0.1]/a.wav", "::ffff:10.0.0.1 is a private network"),
    ] {
        let told = forbidden(inside, &format!("{what}, {limit}"));
        assert_eq!(refusal(&fetchers, inside, &BOUNDS), told);
        let server = Server::start(move |_| answer(302, &[("location", inside)], ""));
        let url = server.url("/a.wav");
        assert_eq!(refusal(&fetchers, &url, &BOUNDS), forbidden(&url, &format!("{what}, {limit}")));
    }
}

#[test]
fn this_machine_is_reached_by_no_name_unless_it_is_allowed() {
    let server = Server::start(|_| answer(200, SOUND, "sound"));
    let url = format!("http://localhost:{}/a.wav", server.address.port());
    let refused = refusal(&fetchers_of(Settings::default()), &url, &BOUNDS);
    assert!(matches!(&refused, Unfetched::Forbidden { why, .. } if why.contains("allows it")), "{refused}");
    assert!(server.seen().is_empty());
    assert_eq!(fetch(&fetchers(), &url).unwrap().0, b"sound");
}

#[test]
fn a_password_goes_to_its_own_server_only_and_into_no_message() {
    let other = Server::start(|_| answer(200, SOUND, "sound"));
    let elsewhere = other.url("/a.wav");
    let server = Server::start(move |request| match request.line.as_str() {
        "GET /first" => answer(302, &[("location", "/second")], ""),
        "GET /second" => answer(302, &[("location", elsewhere.as_str())], ""),
        _ => answer(403, &[], ""),
    });
    let fetchers = fetchers();
    let secret = format!("http://ann:hush@{}", server.address);
    assert_eq!(fetch(&fetchers, &format!("{secret}/first")).unwrap().0, b"sound");
    let logins: Vec<_> =
        server.seen().iter().map(|request| request.header("authorization").map(str::to_owned)).collect();
    assert_eq!(logins, [Some("Basic YW5uOmh1c2g=".into()), Some("Basic YW5uOmh1c2g=".into())]);
    assert_eq!(other.seen()[0].header("authorization"), None);

    let told = refusal(&fetchers, &format!("{secret}/no.wav?token=hush#hush"), &BOUNDS);
    assert_eq!(told, forbidden(&server.url("/no.wav"), "the server answers 403 Forbidden"));
}

#[test]
fn what_is_missing_or_broken_is_told_with_the_status() {
    let server = Server::start(|request| {
        let status = request.line.trim_start_matches("GET /").parse().unwrap();
        answer(status, &[], "")
    });
    let fetchers = fetchers();
    for (status, told) in [
        (500, "the server answers 500 Internal Server Error"),
        (503, "the server answers 503 Service Unavailable"),
        (204, "the server answers 204 No Content"),
        (206, "the server answers 206 Partial Content"),
        (304, "the server answers 304 Not Modified"),
    ] {
        let url = server.url(&format!("/{status}"));
        assert_eq!(refusal(&fetchers, &url, &BOUNDS), unreachable(&url, told));
    }
    for status in [404, 410] {
        let url = server.url(&format!("/{status}"));
        let told = Unfetched::Missing { name: url.clone(), places: "127.0.0.1".into() };
        assert_eq!(refusal(&fetchers, &url, &BOUNDS), told);
    }
}

#[test]
fn what_is_plainly_no_sound_is_not_even_read() {
    let server = Server::start(|request| match request.line.as_str() {
        "GET /page" => answer(200, &[("content-type", "text/html; charset=utf-8")], endless()),
        "GET /packed" => answer(200, &[("content-encoding", "gzip")], "packed"),
        _ => answer(200, &[("content-type", "application/octet-stream")], "sound"),
    });
    let fetchers = fetchers();
    let url = server.url("/page");
    let told = Unfetched::WrongKind { name: url.clone(), kind: "text/html".into() };
    assert_eq!(refusal(&fetchers, &url, &BOUNDS), told);
    let url = server.url("/packed");
    let told = unreachable(&url, "the server sends it compressed, which was not asked for");
    assert_eq!(refusal(&fetchers, &url, &BOUNDS), told);
    assert_eq!(fetch(&fetchers, &server.url("/any")).unwrap().0, b"sound");
}

#[test]
fn too_much_is_refused_whether_it_was_announced_or_not() {
    let server = Server::start(|request| match request.line.as_str() {
        "GET /endless" => answer(200, SOUND, endless()),
        "GET /announced" => answer(200, &[("content-length", "10001")], stalled()),
        _ => answer(200, SOUND, vec![0; 10_000]),
    });
    let fetchers = fetchers();
    for path in ["/endless", "/announced"] {
        let url = server.url(path);
        let told = Unfetched::TooBig { name: url.clone(), limit: BOUNDS.bytes };
        assert_eq!(refusal(&fetchers, &url, &BOUNDS), told);
    }
    assert_eq!(fetch(&fetchers, &server.url("/just")).unwrap().0.len(), 10_000);
}

#[test]
fn nobody_waits_longer_than_the_limit() {
    let server = Server::start(|_| answer(200, SOUND, stalled()));
    // It takes the connection, and never says a word.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let fetchers = fetchers();
    for url in [server.url("/slow.wav"), format!("http://{}/mute.wav", mute.local_addr().unwrap())] {
        assert_eq!(refusal(&fetchers, &url, &SHORT), Unfetched::Late { name: url.clone(), limit: SHORT.time });
    }
}

#[test]
fn who_answers_nonsense_or_not_at_all_is_told() {
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = deaf.local_addr().unwrap();
    let talker = std::thread::spawn(move || {
        let (mut peer, _) = deaf.accept().unwrap();
        std::io::Write::write_all(&mut peer, b"SSH-2.0-nonsense\r\n\r\n").unwrap();
    });
    let fetchers = fetchers();
    let url = format!("http://{address}/a.wav");
    let told = refusal(&fetchers, &url, &BOUNDS);
    assert!(matches!(&told, Unfetched::Unreachable { name, .. } if *name == url), "{told}");
    talker.join().unwrap();

    let told = refusal(&fetchers, &url, &BOUNDS);
    assert!(matches!(&told, Unfetched::Unreachable { why, .. } if why.starts_with("nobody answers there: ")), "{told}");
    // No name server is asked for a name that is too long to be one.
    let nobody = format!("http://{}.invalid/a.wav", "x".repeat(64));
    let unknown = refusal(&fetchers, &nobody, &BOUNDS);
    let whole = "the name of the host is not known: ";
    assert!(matches!(&unknown, Unfetched::Unreachable { why, .. } if why.starts_with(whole)), "{unknown}");
}

#[test]
fn a_body_that_breaks_off_is_no_file() {
    let short = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.wav", short.local_addr().unwrap());
    let talker = std::thread::spawn(move || {
        let (mut peer, _) = short.accept().unwrap();
        std::io::Read::read(&mut peer, &mut [0; 1024]).unwrap();
        std::io::Write::write_all(&mut peer, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nRIFF").unwrap();
    });
    let told = refusal(&fetchers(), &url, &BOUNDS);
    assert!(matches!(&told, Unfetched::Unreachable { .. }), "{told}");
    talker.join().unwrap();
}
