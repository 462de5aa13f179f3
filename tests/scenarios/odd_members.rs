//! Members of a room who send what nobody should send, or die in it, or whose script does: the others go on as if nothing were.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use patchcord_lab::{Carrier, Handset, Kind, Lab, Model, Server, Setup, Side};

use crate::records::records;
use crate::rooms::hear_each_other;
use crate::{calling::at_home, setup};

/// A room that ends with its moderator, who is whoever calls the second number.
const MEETING: &str = r##"
fn on_invite(caller) {
    caller.answer();
    let room = room::open("odd", #{ sounds: false, announce: "nothing", end_with_moderator: true });
    let role = if caller.to == "701" { "moderator" } else { "speaker" };
    let stay = caller.join(room, #{ role: role, keys: #{ "#": "leave" } });
    caller.tag("stay", stay.status);
    if stay.status == "left" { throw "an end that nobody thought of"; }
}

fn on_dtmf(leg, key) {
    throw "a key that nobody thought of";
}"##;

/// Where what RTP says of itself ends and the sound begins.
const HEAD: usize = 12;

/// The ways in which a member's packets may be wrong.
#[derive(Clone, Copy, Debug)]
enum Odd {
    /// As they should be.
    Fair,
    Nothing,
    Noise,
    /// Each packet has 40 ms and says so, and comes every 20 ms: twice the rate that was agreed.
    TwiceTheRate,
    /// The clock that the packets tell runs twice as fast as their sound.
    TwiceTheClock,
    /// As many bytes as are no frame.
    Cut,
}

const ODD: [Odd; 5] = [Odd::Nothing, Odd::Noise, Odd::TwiceTheRate, Odd::TwiceTheClock, Odd::Cut];

/// What becomes of a packet of such a member.
fn spoilt(odd: Odd, mut packet: Vec<u8>, random: &mut u32) -> Vec<Vec<u8>> {
    match odd {
        Odd::Fair => {}
        Odd::Nothing => return Vec::new(),
        Odd::Noise => {
            for byte in &mut packet[HEAD..] {
                *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Quiet hiss in µ-law, of either sign.
                *byte = 0x50 | (*random >> 24) as u8 & 0xAF;
            }
        }
        Odd::TwiceTheRate | Odd::TwiceTheClock => {
            let ticks = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]).wrapping_mul(2);
            packet[4..8].copy_from_slice(&ticks.to_be_bytes());
            if matches!(odd, Odd::TwiceTheRate) {
                packet.extend_from_within(HEAD..);
            }
        }
        Odd::Cut => packet.truncate(HEAD + 33),
    }
    vec![packet]
}

fn setup_of(more: &str) -> Setup {
    let routes = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"odd\"\n\
                  [[route]]\nnumber = \"701\"\nfrom = \"endpoints\"\nservice = \"odd\"\n";
    let setup = setup().service("odd", MEETING).toml(routes).toml(more);
    ["alice", "bob", "carol"].into_iter().fold(setup, |setup, user| setup.endpoint(user, "secret"))
}

/// Three who are in: the first is the moderator, where one is wanted.
async fn three(lab: &Lab, server: &Server, moderated: bool) -> Vec<Handset> {
    let mut phones = Vec::new();
    for user in ["alice", "bob", "carol"] {
        let phone = at_home(lab, server, user, Carrier::Udp, &Model::new().codecs(&[Kind::Pcmu])).await;
        phone.dial(if moderated && phones.is_empty() { "701" } else { "700" });
        phone.is_answered().await;
        phones.push(phone);
    }
    hear_each_other(&phones.iter().collect::<Vec<_>>()).await;
    phones
}

/// Whatever else it hears, it hears this one.
async fn hears_at_least(listener: &Handset, other: &Handset) {
    patchcord_lab::eventually("the other one is heard", async || {
        listener.hears().await.contains(other.voice()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_member_who_sends_silence_noise_a_wrong_rate_or_nothing_disturbs_no_other() {
    let server = setup_of("").start().await;
    let lab = Lab::open();
    let phones = three(&lab, &server, false).await;
    let [alice, bob, carol] = &phones[..] else { panic!("three phones") };
    let odd = Arc::new(AtomicUsize::new(ODD.len()));
    let (now, mut random) = (odd.clone(), 1);
    carol.misbehaves(move |packet| {
        let odd = ODD.get(now.load(Ordering::Relaxed)).copied().unwrap_or(Odd::Fair);
        spoilt(odd, packet, &mut random)
    });
    for way in 0..ODD.len() {
        odd.store(way, Ordering::Relaxed);
        for (listener, other) in [(alice, bob), (bob, alice), (carol, alice), (carol, bob)] {
            hears_at_least(listener, other).await;
        }
        odd.store(ODD.len(), Ordering::Relaxed);
        hear_each_other(&[alice, bob, carol]).await;
    }
    carol.falls_silent();
    alice.comes_to_hear(&[bob]).await;
    carol.comes_to_hear(&[alice, bob]).await;
    for phone in &phones {
        phone.hangs_up().await;
    }
    records(&server, phones.len()).await;
}

#[tokio::test]
async fn a_moderators_phone_that_dies_without_a_word_takes_the_room_along() {
    let server = setup_of("[media]\nsilence_after = \"5s\"\n").start().await;
    let lab = Lab::open();
    let phones = three(&lab, &server, true).await;
    let [moderator, bob, carol] = &phones[..] else { panic!("three phones") };
    moderator.misbehaves(|_| Vec::new());
    for phone in [bob, carol] {
        assert_eq!(phone.is_over().await.by, Side::Them);
    }
    let told = records(&server, phones.len()).await;
    let stays: Vec<_> = told.iter().map(|told| told["record"]["tags"].to_string()).collect();
    assert_eq!(stays.iter().filter(|tags| tags.contains(r#"["stay","ended"]"#)).count(), 2, "{stays:?}");
}

#[tokio::test]
async fn a_room_whose_first_members_script_crashes_goes_on_for_the_others() {
    let server = setup_of("").start().await;
    let lab = Lab::open();
    let phones = three(&lab, &server, false).await;
    let [first, bob, carol] = &phones[..] else { panic!("three phones") };
    // A handler beside the story takes nobody out.
    bob.press("5").await;
    hear_each_other(&[first, bob, carol]).await;
    first.press("#").await;
    assert_eq!(first.is_over().await.by, Side::Them);
    bob.comes_to_hear(&[carol]).await;
    carol.comes_to_hear(&[bob]).await;
    first.dial("700");
    first.is_answered().await;
    hear_each_other(&[first, bob, carol]).await;
    for phone in &phones {
        phone.hangs_up().await;
    }
    let told = records(&server, phones.len() + 1).await;
    let broken = told.iter().filter(|told| told.to_string().contains("an end that nobody thought of")).count();
    assert_eq!(broken, 1, "the record of the call that broke says where: {told:#?}");
}
