//! What scripts reach outside their calls, told by real calls: a web server, a database, a mailbox, a letter; and what their
//! manifests do not allow.

use std::{fs, time::Duration};

use patchcord_lab::{Carrier, Handset, Lab, Model, Server};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::timeout,
};

use crate::{
    calling::{at_home, house_with},
    mail_room::MailRoom,
    records::records,
    setup,
};

/// A house in which 700 leads to the service `ivr`, and letters go to that mail server.
async fn serving(text: &str, mail: &MailRoom) -> Server {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let mail =
        format!("[mail]\nserver = \"127.0.0.1\"\nport = {}\ntls = \"off\"\nfrom = \"pbx@example.org\"\n", mail.port);
    house_with(setup().service("ivr", text).toml(&mail).toml(route)).await
}

/// Puts a file beside the service, and lets the server look.
async fn put_beside(server: &Server, name: &str, text: &str) -> (String, bool) {
    let folder = server.configuration().with_file_name("scripts");
    fs::write(folder.join(name), text).expect("written");
    server.run(&["reload"], "").await
}

/// Alice calls the service; gives the record once the call is over.
async fn call(lab: &Lab, server: &Server, calls: usize) -> Value {
    let alice: Handset = at_home(lab, server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("700");
    alice.is_answered().await;
    alice.is_over().await;
    records(server, calls).await[0]["record"].clone()
}

/// A word that a script has written into a record.
fn tag<'a>(record: &'a Value, name: &str) -> &'a str {
    let tags = record["tags"].as_array().into_iter().flatten();
    tags.filter(|tag| tag[0] == name).find_map(|tag| tag[1].as_str()).unwrap_or_default()
}

/// A web server that knows one name, whoever asks.
async fn directory() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _asked = stream.read(&mut asked).await;
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\n{\"name\":\"Ann\"}";
            let _told = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

#[tokio::test]
async fn a_message_is_left_in_a_mailbox_and_mailed_to_its_owner_with_its_sound() {
    const TAKE: &str = r#"
fn on_invite(caller) {
    caller.answer();
    let message = caller.record(#{ max: 1.s() });
    mailbox::save("102", message.file, #{ from: caller.from, ms: message.ms });
    caller.tag("unheard", mailbox::count("bob").unheard);
    let letter = mail::send("bob@example.net", #{ subject: "A message", attach: message.file });
    caller.tag("letter", letter.status);
}"#;
    let mut mail = MailRoom::open(&[]).await;
    let server = serving(TAKE, &mail).await;
    let (said, good) = put_beside(&server, "ivr.toml", "mail = true\n").await;
    assert!(good, "{said}");
    let record = call(&Lab::open(), &server, 1).await;
    assert_eq!([tag(&record, "unheard"), tag(&record, "letter")], ["1", "sent"], "{record:#}");
    let letter = mail.letter().await;
    for part in ["To: bob@example.net", "Subject: A message", "Content-Type: audio/wav", "UklGR"] {
        assert!(letter.text.contains(part), "{part} is missing: {}", letter.text);
    }
}

#[tokio::test]
async fn the_next_prompt_of_a_list_is_fetched_while_the_one_before_it_is_heard() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let text = format!(
        "fn on_invite(caller) {{ caller.answer(); caller.play([\"tone::440\", \"http://127.0.0.1:{port}/next.wav\"]); }}"
    );
    let route =
        "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n[sounds]\nreach = [\"127.0.0.0/8\"]\n";
    let server = house_with(setup().service("ivr", &text).toml(route)).await;
    let lab = Lab::open();
    let alice: Handset = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("700");
    alice.is_answered().await;

    // The tone has no end: whoever asks now asks before it is over.
    let (mut stream, _) =
        timeout(Duration::from_secs(30), listener.accept()).await.expect("it is fetched").expect("a stream");
    let mut asked = [0; 4096];
    let length = stream.read(&mut asked).await.expect("a question");
    assert!(asked[..length].starts_with(b"GET /next.wav "), "{}", String::from_utf8_lossy(&asked[..length]));
    alice.hangs_up().await;
}

#[tokio::test]
async fn a_script_reaches_what_its_manifest_names_and_nothing_else() {
    const ASK: &str = r#"
fn on_invite(caller) {
    caller.answer();
    caller.tag("name", http::get("http://127.0.0.1:PORT/who").json.name);
    db::exec("CREATE TABLE people (number TEXT, name TEXT)");
    db::exec("INSERT INTO people VALUES ($1, $2)", ["101", "Ann"]);
    caller.tag("row", db::query("SELECT name FROM people WHERE number = $1", ["101"])[0].name);
    try { http::get("http://localhost:PORT/"); } catch (err) { caller.tag("host", `${err}`); }
    try { mail::send("bob@example.net", #{ subject: "?" }); } catch (err) { caller.tag("mail", `${err}`); }
    // Long enough for the caller to see that it is answered.
    caller.sleep(1.s());
}"#;
    let mail = MailRoom::open(&[]).await;
    let server = serving(&ASK.replace("PORT", &directory().await.to_string()), &mail).await;
    put_beside(&server, "people.db", "").await;
    let manifest = "[http]\nhosts = [\"127.0.0.1\"]\n[database]\nurl = \"sqlite:people.db\"\nmode = \"write\"\n";
    let (said, good) = put_beside(&server, "ivr.toml", manifest).await;
    assert!(good, "{said}");
    let record = call(&Lab::open(), &server, 1).await;
    assert_eq!([tag(&record, "name"), tag(&record, "row")], ["Ann", "Ann"], "{record:#}");
    assert!(tag(&record, "host").contains("may not ask localhost"), "{record:#}");
    assert!(tag(&record, "mail").contains("may not send mail"), "{record:#}");
}

#[tokio::test]
async fn a_broken_manifest_is_told_with_its_line_before_anybody_calls() {
    let mail = MailRoom::open(&[]).await;
    let server = serving("fn on_invite(caller) { caller.answer(); }", &mail).await;
    let (said, _) = put_beside(&server, "ivr.toml", "mail = true\n[http]\nhost = \"a.example\"\n").await;
    assert!(said.contains("ivr.toml:3:1: http.host: is unknown"), "{said}");
    let (said, good) = server.run(&["check"], "").await;
    assert!(!good && said.contains("ivr.toml:3:1: http.host: is unknown"), "{said}");
}
