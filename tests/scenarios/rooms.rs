//! Conference rooms with real phones, each with a tone of its own: who hears whom, through everything that can be done with a
//! member, and what is left of it in the records.

use std::path::PathBuf;
use std::time::Duration;

use patchcord_lab::{Carrier, Handset, Lab, Model, Reply, Server, Setup, Side, eventually};
use serde_json::Value;

use crate::{calling::at_home, records::records, setup};

/// People of a meeting: as many as may be heard at once and be told apart.
const TWELVE: usize = 12;

/// A meeting whose members run it with keys: `*6` mutes, and what the menu does not know the script does.
const MEETING: &str = r#"
fn on_invite(caller) {
    caller.answer();
    let room = room::open("meeting", #{ sounds: false, announce: "nothing", record_members: true });
    let stay = caller.join(room, #{ keys: #{ "*6": "toggle_mute" } });
    caller.tag("stay", stay.status);
}

fn on_dtmf(leg, key) {
    let room = room::open("meeting", #{});
    switch key.digit {
        "1" => room.deaf(leg),
        "2" => room.undeaf(leg),
        "3" => room.move_to(leg, "side"),
        "4" => room.merge("side"),
        "5" => { let all = room.members(); room.gain(all[0].member, all[1].member, -60); }
        "7" => room.play("tone::440:20000"),
        // The phone has let go of its key by then.
        "8" => { leg.sleep(500.ms()); room.kick(leg); }
        "9" => { leg.sleep(500.ms()); room.end(); }
        _   => {}
    }
}"#;

/// A room with PINs that ends with its moderator.
const BOARD: &str = r#"
fn on_invite(caller) {
    caller.answer();
    let room = room::open("board", #{
        pin: "4711", moderator_pin: "9999", wait_for: "moderator", end_with_moderator: true, sounds: false,
        announce: "nothing", music: "tone::440"
    });
    let stay = caller.join(room);
    if stay.status == "denied" { caller.sleep(500.ms()); }
    caller.tag("stay", stay.status);
    caller.tag("why", stay.why);
}"#;

fn people() -> impl Iterator<Item = String> {
    (1..=TWELVE).map(|number| format!("p{number:02}"))
}

/// A server with twelve people, for whom 700 leads to that service.
async fn meeting(text: &str, change: impl FnOnce(Setup) -> Setup) -> Server {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"meeting\"\n";
    let setup = setup().service("meeting", text).toml(route);
    change(people().fold(setup, |setup, user| setup.endpoint(&user, "secret"))).start().await
}

/// So many of the people, at home.
async fn phones(lab: &Lab, server: &Server, count: usize) -> Vec<Handset> {
    let mut phones = Vec::new();
    for (number, user) in people().take(count).enumerate() {
        let carrier = Carrier::ALL[number % Carrier::ALL.len()];
        phones.push(at_home(lab, server, &user, carrier, &Model::new()).await);
    }
    phones
}

/// All of them call the meeting at once, and are in.
async fn all_join(phones: &[Handset]) {
    phones.iter().for_each(|phone| phone.dial("700"));
    for phone in phones {
        phone.is_answered().await;
    }
}

/// Each of these hears exactly the others of them.
pub async fn hear_each_other(group: &[&Handset]) {
    for listener in group {
        let others: Vec<&Handset> = group.iter().copied().filter(|phone| phone.name() != listener.name()).collect();
        listener.comes_to_hear(&others).await;
    }
}

fn tag<'a>(told: &'a Value, name: &str) -> Option<&'a str> {
    told["record"]["tags"].as_array()?.iter().find(|tag| tag[0] == name)?[1].as_str()
}

/// The files of recordings whose names begin so.
fn recordings(server: &Server, begins: &str) -> Vec<PathBuf> {
    let days = std::fs::read_dir(server.data().join("recordings")).expect("a folder of recordings");
    let files = days.filter_map(Result::ok).filter_map(|day| std::fs::read_dir(day.path()).ok()).flatten();
    let files = files.filter_map(Result::ok).map(|file| file.path());
    let named = |path: &PathBuf| {
        path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with(begins) && name.ends_with(".wav")
        })
    };
    files.filter(named).collect()
}

#[tokio::test]
async fn twelve_who_join_at_once_hear_exactly_the_others() {
    let server = meeting(MEETING, |setup| setup).await;
    let lab = Lab::open();
    let phones = phones(&lab, &server, TWELVE).await;
    all_join(&phones).await;
    hear_each_other(&phones.iter().collect::<Vec<_>>()).await;

    // Talkers change: who falls silent is not heard, and hears with all others.
    phones[4..].iter().for_each(Handset::falls_silent);
    let talkers: Vec<&Handset> = phones[..4].iter().collect();
    phones[11].comes_to_hear(&talkers).await;
    hear_each_other(&talkers).await;

    for phone in &phones {
        phone.hangs_up().await;
    }
    let told = records(&server, TWELVE).await;
    for told in &told {
        let stay = &told["record"]["legs"][0]["rooms"][0];
        let (came, left) = (stay["came_us"].as_u64(), stay["left_us"].as_u64());
        assert_eq!(stay["room"], "meeting", "{told}");
        assert!(came.zip(left).is_some_and(|(came, left)| left > came), "its time in the room: {told}");
        assert!(told["record"]["talk_us"].as_u64().is_some_and(|talk| talk > 0), "{told}");
    }
    // The recordings agree: a file for each member, and in each that one's voice alone.
    let files = recordings(&server, "member-meeting");
    let mut heard: Vec<String> =
        files.iter().flat_map(|file| lab.hears_file(file, 0).voices()).map(|voice| voice.name().to_owned()).collect();
    heard.sort_unstable();
    assert_eq!((files.len(), heard), (TWELVE, people().collect()));
}

#[tokio::test]
async fn members_are_muted_deafened_whispered_moved_and_merged_and_everybody_hears_who_is_left() {
    for shards in [1, 2] {
        let server = meeting(MEETING, |setup| setup.shards(shards)).await;
        let lab = Lab::open();
        let phones = phones(&lab, &server, 4).await;
        let [a, b, c, d] = &phones[..] else { panic!("four phones") };
        // One after the other: orders name members by the order in which they came.
        for phone in &phones {
            phone.dial("700");
            phone.is_answered().await;
            phone
                .comes_to_hear(&phones.iter().take_while(|other| other.name() != phone.name()).collect::<Vec<_>>())
                .await;
        }
        hear_each_other(&[a, b, c, d]).await;

        b.press("*6").await;
        c.comes_to_hear(&[a, d]).await;
        b.comes_to_hear(&[a, c, d]).await;
        b.press("*6").await;
        c.comes_to_hear(&[a, b, d]).await;

        c.press("1").await;
        c.comes_to_hear(&[]).await;
        a.comes_to_hear(&[b, c, d]).await;
        c.press("2").await;
        c.comes_to_hear(&[a, b, d]).await;

        d.press("5").await;
        a.comes_to_hear(&[c, d]).await;
        b.comes_to_hear(&[a, c, d]).await;
        c.comes_to_hear(&[a, b, d]).await;

        c.press("3").await;
        d.comes_to_hear(&[a, b]).await;
        c.comes_to_hear(&[]).await;
        d.press("4").await;
        c.comes_to_hear(&[a, b, d]).await;
        d.comes_to_hear(&[a, b, c]).await;

        d.press("8").await;
        assert_eq!(d.is_over().await.by, Side::Them, "kicked, with {shards} shards");
        b.comes_to_hear(&[a, c]).await;
        // All leave while something is said to all.
        b.press("7").await;
        b.press("9").await;
        for phone in [a, b, c] {
            assert_eq!(phone.is_over().await.by, Side::Them, "the room ended, with {shards} shards");
        }
        let told = records(&server, 4).await;
        let mut stays: Vec<_> = told.iter().filter_map(|told| tag(told, "stay")).collect();
        stays.sort_unstable();
        assert_eq!(stays, ["ended", "ended", "ended", "kicked"]);
        let moved = told.iter().filter_map(|told| told["record"]["legs"][0]["rooms"].as_array());
        let rooms = moved.map(|rooms| rooms.iter().filter_map(|stay| stay["room"].as_str()).collect::<Vec<_>>());
        assert!(rooms.into_iter().any(|rooms| rooms == ["meeting", "side", "meeting"]), "{told:#?}");
    }
}

#[tokio::test]
async fn who_waits_comes_in_with_the_moderator_and_goes_when_the_moderators_leg_dies() {
    let server = meeting(BOARD, |setup| setup).await;
    let lab = Lab::open();
    let phones = phones(&lab, &server, 3).await;
    let [guest, other, moderator] = &phones[..] else { panic!("three phones") };
    for phone in [guest, other] {
        phone.dial("700");
        phone.is_answered().await;
        phone.comes_to_hear_sound().await;
        phone.press("4711#").await;
    }
    moderator.dial("700");
    moderator.is_answered().await;
    moderator.comes_to_hear_sound().await;
    moderator.press("9999#").await;
    hear_each_other(&[guest, other, moderator]).await;
    moderator.hangs_up().await;
    assert_eq!(guest.is_over().await.by, Side::Them);
    assert_eq!(other.is_over().await.by, Side::Them);
    let told = records(&server, 3).await;
    assert_eq!(told.iter().filter(|told| tag(told, "stay") == Some("ended")).count(), 2);
}

#[tokio::test]
async fn pins_are_guessed_three_times_and_then_from_there_no_more() {
    let server = meeting(BOARD, |setup| setup).await;
    let lab = Lab::open();
    let phones = phones(&lab, &server, 1).await;
    let mallory = &phones[0];
    for call in 0..4 {
        mallory.dial("700");
        mallory.is_answered().await;
        if call < 3 {
            for guess in ["1#", "2#", "3#"] {
                mallory.comes_to_hear_sound().await;
                mallory.press(guess).await;
            }
        }
        assert_eq!(mallory.is_over().await.by, Side::Them, "call {call}");
        let told = async || {
            let told = server.json(&["calls", "--json"]).await;
            let told = told["records"].as_array().expect("a list").clone();
            (told.len() > call && told.iter().all(|told| !told["record"]["outcome"].is_null())).then_some(told)
        };
        let told = eventually("the call is in the records", told).await;
        let why = if call < 3 { "pin" } else { "throttled" };
        assert_eq!((tag(&told[0], "stay"), tag(&told[0], "why")), (Some("denied"), Some(why)), "call {call}");
    }
}

#[tokio::test]
async fn the_conference_that_is_shipped_is_a_room_for_each_number() {
    let server = meeting(MEETING, |setup| setup).await;
    let lab = Lab::open();
    let phones = phones(&lab, &server, 3).await;
    let [alice, bob, carol] = &phones[..] else { panic!("three phones") };
    for (phone, number) in [(alice, "3000"), (bob, "3000"), (carol, "3001")] {
        phone.dial(number);
        phone.is_answered().await;
    }
    let is_focus = |reply: &Reply| reply.header("Contact").is_some_and(|contact| contact.ends_with(";isfocus"));
    assert!(alice.heard().iter().any(is_focus), "a phone is told that it has called a conference");
    alice.comes_to_hear(&[bob]).await;
    bob.comes_to_hear(&[alice]).await;
    carol.comes_to_hear(&[]).await;
    bob.press("*#").await;
    assert_eq!(bob.is_over().await.by, Side::Them);
    alice.listens(Duration::from_millis(500)).await;
    alice.comes_to_hear(&[]).await;
}
