//! `mail`: a letter comes whole, waits when nobody takes it, and is told about when nobody ever will.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use patchcord_web::outside::{Login, MailServer, Rules, Safety, Settings};
use serde_json::{Value, json};

use crate::{
    lab::Lab,
    smtp::{MailRoom, Reply},
};

fn server(port: u16) -> MailServer {
    let from = "Patchcord <pbx@example.org>".parse().expect("an address");
    MailServer { host: "127.0.0.1".into(), port, safety: Safety::Open, login: None, from }
}

/// A house that sends its letters there.
async fn lab(mail: Option<MailServer>) -> Lab {
    Lab::with(Rules { mail: true, ..Rules::default() }, Settings { mail, ..Settings::default() }).await
}

fn letter() -> Value {
    json!({"to": "alice@example.net", "subject": "Voicemail", "text": "Somebody called."})
}

/// Later than any pause between two tries.
fn days_later(days: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(2_000_000_000 + days * 86_400)
}

/// How often each letter that waits was tried.
async fn tries(lab: &Lab) -> Vec<usize> {
    let waiting = lab.store.due_letters(days_later(100), 9).await.expect("asked");
    waiting.iter().map(|letter| letter.tries).collect()
}

#[tokio::test]
async fn a_letter_comes_with_its_words_and_its_recording() {
    let mut room = MailRoom::open(&[]).await;
    let login = Some(Login { user: "pbx".into(), password: "s3cret".into() });
    let lab = lab(Some(MailServer { login, ..server(room.port) })).await;
    lab.record("2026-11-21/a.wav", b"RIFF\x00\xff sound");
    let ask = json!({
        "to": ["Alice <alice@example.net>", "bob@example.net"],
        "subject": "Nachricht für Sie",
        "text": "Grüße\n.\nEnde",
        "attach": "2026-11-21/a.wav",
    });
    assert_eq!(lab.ask("mail", ask).await, Ok(json!({"status": "sent"})));
    let taken = room.letter().await;
    let line = |begin: &str| taken.lines.iter().filter(|line| line.starts_with(begin)).cloned().collect::<Vec<_>>();
    assert_eq!(line("EHLO"), ["EHLO example.org"]);
    assert_eq!(line("RCPT"), ["RCPT TO:<alice@example.net>", "RCPT TO:<bob@example.net>"]);
    assert_eq!(line("AUTH"), [format!("AUTH PLAIN {}", data_encoding::BASE64.encode(b"\0pbx\0s3cret"))]);
    let text = &taken.text;
    for part in [
        "From: Patchcord <pbx@example.org>\r\n",
        "Subject: Nachricht =?utf-8?b?",
        "Date: ",
        "Message-ID: <",
        "Content-Type: audio/wav\r\n",
        "filename=\"a.wav\"",
        &data_encoding::BASE64.encode(b"RIFF\x00\xff sound"),
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert_eq!(tries(&lab).await, Vec::<usize>::new(), "it does not wait");
}

#[tokio::test]
async fn a_letter_that_is_not_taken_waits_and_is_sent_later() {
    let mut room = MailRoom::open(&[("MAIL", "451 try again later")]).await;
    let lab = lab(Some(server(room.port))).await;
    let told = lab.ask("mail", letter()).await.expect("kept");
    assert_eq!(told["status"], "waiting");
    let why = told["why"].as_str().unwrap_or_default();
    assert!(why.starts_with("mail server 127.0.0.1: ") && why.contains("try again later"), "{why}");

    lab.porter.send_letters(UNIX_EPOCH).await;
    assert_eq!(tries(&lab).await, vec![1], "its time has not come");
    room.change(&[]);
    lab.porter.send_letters(days_later(0)).await;
    let first = room.letter().await;
    assert!(first.text.contains("Somebody called."), "{}", first.text);
    assert_eq!(tries(&lab).await, Vec::<usize>::new());
}

#[tokio::test]
async fn a_letter_waits_while_the_server_is_away_and_not_for_ever() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let lab = lab(Some(server(closed.port()))).await;
    assert_eq!(lab.ask("mail", letter()).await.expect("kept")["status"], "waiting");
    for day in 0..8 {
        let waiting = lab.store.due_letters(days_later(day), 9).await.expect("asked").len();
        assert_eq!(waiting, usize::from(day < 7), "day {day}");
        lab.porter.send_letters(days_later(day)).await;
    }
}

#[tokio::test]
async fn a_letter_that_is_refused_for_good_is_told_at_once() {
    for (reply, words) in [
        (("RCPT", "550 no such person"), "no such person"),
        (("END", "554 that is spam"), "that is spam"),
        (("MAIL", "552 too large"), "too large"),
    ] as [(Reply, &str); 3]
    {
        let room = MailRoom::open(&[reply]).await;
        let lab = lab(Some(server(room.port))).await;
        let told = lab.refusal("mail", letter()).await;
        assert!(
            told.starts_with("mail: the mail server refuses the letter for good: mail server 127.0.0.1: "),
            "{told}"
        );
        assert!(told.contains(words), "{told}");
        assert_eq!(tries(&lab).await, Vec::<usize>::new(), "it does not wait");
    }
}

#[tokio::test]
async fn a_wrong_password_is_not_the_letters_fault() {
    let room = MailRoom::open(&[("AUTH", "535 who are you")]).await;
    let login = Some(Login { user: "pbx".into(), password: "wrong".into() });
    let lab = lab(Some(MailServer { login, ..server(room.port) })).await;
    let told = lab.ask("mail", letter()).await.expect("kept");
    assert_eq!(told["status"], "waiting");
    assert!(!told.to_string().contains("wrong"), "no password is told: {told}");
}

#[tokio::test]
async fn nothing_is_said_in_the_open_where_that_was_not_wanted() {
    let mut room = MailRoom::open(&[]).await;
    let login = Some(Login { user: "pbx".into(), password: "s3cret".into() });
    let lab = lab(Some(MailServer { login, safety: Safety::StartTls, ..server(room.port) })).await;
    assert_eq!(lab.ask("mail", letter()).await.expect("kept")["status"], "waiting");
    let said = room.guest().await.lines;
    assert!(said.iter().all(|line| line.starts_with("EHLO") || line.starts_with("QUIT")), "{said:?}");
}

#[tokio::test]
async fn wrong_asks_are_told_in_words() {
    let lab = lab(Some(server(9))).await;
    let with = |key: &str, value: Value| {
        let mut ask = letter();
        ask[key] = value;
        ask
    };
    for (ask, why) in [
        (
            with("to", json!("alice")),
            "\"alice\" is no mail address; write alice@example.org or Alice <alice@example.org>",
        ),
        (
            with("to", json!("a@b.example\r\nRCPT TO:<c@d>")),
            "\"a@b.example\\r\\nRCPT TO:<c@d>\" is no mail address; write alice@example.org or Alice <alice@example.org>",
        ),
        (with("to", json!([])), "a letter goes to 1 to 20 people"),
        (with("subject", json!("a\r\nBcc: all@example.net")), "the subject has no line ends and at most 500 bytes"),
        (with("text", json!("x".repeat(300_000))), "the text has 300000 bytes, and 262144 are the most"),
        (
            with("attach", json!("../patchcord.db")),
            "\"../patchcord.db\" is no name of a recording; take the one that record gave as .file",
        ),
        (with("attach", json!(["a.wav"])), "there is no recording \"a.wav\""),
    ] {
        assert_eq!(lab.refusal("mail", ask).await, format!("mail: {why}"));
    }
    let told = lab.ask_as("team", "mail", letter()).await.expect_err("team may not");
    assert_eq!(told, "mail: this service may not send mail: its manifest does not allow it; write mail = true there");
    lab.porter.reconfigure(None, Default::default());
    let told = lab.refusal("mail", letter()).await;
    assert!(told.starts_with("mail: no mail server is configured; write [mail] with server = "), "{told}");
}
