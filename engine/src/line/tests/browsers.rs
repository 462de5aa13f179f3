//! Browsers: whoever offers keys by DTLS is answered so, and whoever changes its network is found again.

use patchcord_media::sdp::agreed::Security;
use patchcord_media::sdp::dtls::Setup;
use patchcord_media::sdp::policy::Protection;
use patchcord_media::sdp::{Codec, Format, Policy};

use super::stranger::request;
use super::world::{ALICE, BOB, FLIGHT, World};
use super::*;

/// What a browser offers before it knows where it is.
const BROWSER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 0 8\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
    a=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlig\r\na=ice-options:trickle\r\n\
    a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
    a=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n";

fn talking_with_a_browser() -> World {
    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", "", BROWSER));
    world.order(BOB, LineOrder::Answer);
    world.pass(FLIGHT);
    world
}

#[test]
fn who_offers_dtls_is_answered_so_whatever_the_terms_say_of_keys() {
    let world = talking_with_a_browser();
    let said = world.last_heard();
    for line in ["m=audio 21000 UDP/TLS/RTP/SAVPF 0", "a=setup:passive", "a=ice-lite", "a=ice-ufrag:ours", "a=mid:0"] {
        assert!(said.contains(line), "{line} is missing in {said}");
    }
    let sound = &world.sides[BOB].tuned[0];
    assert!(matches!(sound.security, Security::Dtls { setup: Setup::Passive, .. }));
    assert_eq!(sound.ice.as_ref().map(|ice| ice.ufrag.as_str()), Some("4ZcD"));
}

#[test]
fn a_browser_stays_one_when_other_codecs_are_preferred() {
    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", "", BROWSER));
    let policy = world.sides[BOB].terms.policy.after(&[Format::new(8, Codec::PCMA)]);
    world.with(BOB, |line, _| line.set_policy(policy));
    world.order(BOB, LineOrder::Answer);
    world.pass(FLIGHT);
    assert!(world.last_heard().contains("m=audio 21000 UDP/TLS/RTP/SAVPF 8"), "{}", world.last_heard());
}

#[test]
fn new_credentials_are_answered_with_new_ones_and_the_same_are_not() {
    let mut world = talking_with_a_browser();
    world.say(BOB, &request("ACK", 1, "tag-of-bob", "", ""));
    world.say(BOB, &request("INVITE", 2, "tag-of-bob", "", BROWSER));
    world.pass(FLIGHT);
    assert!(world.last_heard().contains("a=ice-ufrag:ours"), "{}", world.last_heard());
    world.say(BOB, &request("ACK", 2, "tag-of-bob", "", ""));
    assert_eq!(world.sides[BOB].restarted, []);

    let moved = BROWSER.replace("4ZcD", "9Yab");
    world.say(BOB, &request("INVITE", 3, "tag-of-bob", "", &moved));
    world.pass(FLIGHT);
    let [ours] = &world.sides[BOB].restarted[..] else { panic!("{:?}", world.sides[BOB].restarted) };
    let said = world.last_heard();
    assert!(said.contains(&format!("a=ice-ufrag:{}", ours.ufrag)), "{said}");
    assert!(said.contains(&format!("a=ice-pwd:{}", ours.pwd)), "{said}");
    assert!(said.contains("m=audio 21000"), "the port is the same: {said}");
}

#[test]
fn a_browser_that_is_called_is_offered_what_it_takes() {
    let mut world = World::new();
    world.sides[ALICE].terms.policy = Policy { protection: Protection::Dtls, ..Policy::new([Codec::PCMA]) };
    world.talking();
    let [ours, theirs] = [ALICE, BOB].map(|side| world.sides[side].line.as_ref().and_then(Line::sound).cloned());
    let (ours, theirs) = (ours.expect("sound"), theirs.expect("sound"));
    assert!(matches!(ours.security, Security::Dtls { setup: Setup::Active, .. }), "{:?}", ours.security);
    assert!(matches!(theirs.security, Security::Dtls { setup: Setup::Passive, .. }), "{:?}", theirs.security);
    assert!(ours.rtcp_mux && theirs.rtcp_mux);
}
