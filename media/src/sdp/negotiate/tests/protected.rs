//! Keys in the description: who wants them, who gets them, and who is refused.

use super::*;
use crate::sdp::Refusal;
use crate::sdp::agreed::Security;
use crate::sdp::crypto::Crypto;
use crate::sdp::policy::Protection;
use crate::sdp::tests::offers;

const GCM: &str = "a=crypto:2 AEAD_AES_256_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis=\n";
const CM: &str = "a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^31\n";

fn with_keys(protection: Protection) -> SoundPlan {
    let mut plan = plan(Policy { protection, ..Policy::new([Codec::PCMU, Codec::OPUS]) });
    plan.place.keys = vec![key(Suite::AesCm128Sha1_80, 1), key(Suite::AeadAes256Gcm, 2)];
    plan
}

fn answer(offer: &str, protection: Protection) -> Result<(Sound, Description), Refusal> {
    let mut leg = hearing(offer);
    let answer = leg.answer(vec![Part::sound(0, with_keys(protection))])?;
    Ok((settled(&leg), answer))
}

/// Tag, our suite and the first byte of our key.
fn line_of(security: &Security) -> Option<(u32, Suite, u8)> {
    match security {
        Security::Sdes { tag, local, .. } => Some((*tag, local.suite(), local.key()[0])),
        _ => None,
    }
}

#[test]
fn the_first_of_their_keys_that_we_can_use_is_answered_with_our_own() {
    let (sound, answer) = answer(offers::LINPHONE, Protection::Sdes).expect("an answer");
    assert_eq!(line_of(&sound.security), Some((1, Suite::AesCm128Sha1_80, 1)));
    assert_eq!(lines(&answer, 0)[0], "m=audio 10000 RTP/SAVP 96 101");
    let said: Vec<_> = answer.media[0].attributes.all("crypto").filter_map(Crypto::parse).collect();
    assert_eq!(said, [Crypto { tag: 1, key: key(Suite::AesCm128Sha1_80, 1) }]);
    let offer = format!("m=audio 4000 RTP/SAVPF 0\na=crypto:1 AEAD_AES_128_GCM inline:AA\n{GCM}{CM}");
    let (sound, answer) = super::protected::answer(&offer, Protection::Dtls).expect("an answer");
    assert_eq!(line_of(&sound.security), Some((2, Suite::AeadAes256Gcm, 2)));
    assert!(lines(&answer, 0)[0].contains("RTP/SAVPF"));
}

#[test]
fn who_wants_it_plain_and_who_wants_it_sealed_do_not_meet() {
    let plain = "m=audio 4000 RTP/AVP 0\n";
    let sealed = format!("m=audio 4000 RTP/SAVP 0\n{CM}");
    let either = format!("m=audio 4000 RTP/AVP 0\n{CM}");
    let reason = |offer: &str, protection| answer(offer, protection).map(|(sound, _)| line_of(&sound.security));
    let taken = Ok(Some((5, Suite::AesCm128Sha1_80, 1)));
    for (protection, expected) in [
        (Protection::Plain, [Ok(None), Err(Refusal::Protected), Ok(None)]),
        (Protection::Offered, [Ok(None), taken, taken]),
        (Protection::Sdes, [Err(Refusal::Unprotected), taken, taken]),
        (Protection::Dtls, [Err(Refusal::Unprotected), taken, taken]),
    ] {
        let said = [plain, &sealed, &either].map(|offer| reason(offer, protection));
        assert_eq!(said, expected, "{protection:?}");
    }
    let keyless = "m=audio 4000 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\n";
    assert_eq!(reason(keyless, Protection::Offered), Err(Refusal::NoKeys));
    assert_eq!(reason("m=audio 4000 UDP/TLS/RTP/SAVP 0\n", Protection::Dtls), Err(Refusal::NoKeys));
}

#[test]
fn an_offer_of_keys_is_answered_by_the_tag() {
    let mut leg = leg();
    let offer = leg.offer(vec![Part::sound(0, with_keys(Protection::Sdes))]).expect("an offer");
    assert!(lines(&offer, 0)[0].starts_with("m=audio 10000 RTP/SAVP"));
    let tags: Vec<_> = offer.media[0].attributes.all("crypto").filter_map(Crypto::parse).map(|c| c.tag).collect();
    assert_eq!(tags, [1, 2]);
    let answer = |line: &str| read(&format!("m=audio 4000 RTP/SAVP 0\n{line}"));
    let agreed = leg.preview(&answer(GCM)).expect("an agreement");
    assert_eq!(line_of(&heard(&agreed).security), Some((2, Suite::AeadAes256Gcm, 2)));
    for wrong in ["", CM, &GCM.replace(":2 ", ":1 "), &GCM.replace(":2 ", ":0 "), &GCM.replace(":2 ", ":999999999 ")] {
        assert_eq!(leg.preview(&answer(wrong)), Err(Refusal::NoKeys), "{wrong}");
    }
    assert_eq!(leg.preview(&read("m=audio 4000 RTP/AVP 0\n")), Err(Refusal::NoKeys));
}

#[test]
fn what_is_only_offered_may_be_left_and_stays_as_it_was_settled() {
    let mut leg = leg();
    let offer = leg.offer(vec![Part::sound(0, with_keys(Protection::Offered))]).expect("an offer");
    assert!(lines(&offer, 0)[0].starts_with("m=audio 10000 RTP/AVP"));
    assert_eq!(offer.media[0].attributes.all("crypto").count(), 2);
    let open = heard(leg.accept(&read("m=audio 4000 RTP/AVP 0\n")).expect("an agreement"));
    assert_eq!(open.security, Security::Open);
    assert_eq!(leg.again().expect("an offer"), offer);
    let sealed = leg.accept(&read(&format!("m=audio 4000 RTP/AVP 0\n{GCM}"))).expect("an agreement");
    assert_eq!(line_of(&heard(sealed).security), Some((2, Suite::AeadAes256Gcm, 2)));

    // Who was answered under one profile is offered under the same.
    let mut leg = hearing(&format!("m=audio 4000 RTP/SAVPF 0\n{CM}"));
    leg.answer(vec![Part::sound(0, with_keys(Protection::Offered))]).expect("an answer");
    assert!(lines(&leg.again().expect("an offer"), 0)[0].contains("RTP/SAVPF"));
    // And who was answered without keys is not surprised with them.
    let mut leg = hearing("m=audio 4000 RTP/AVP 0\n");
    leg.answer(vec![Part::sound(0, with_keys(Protection::Offered))]).expect("an answer");
    assert!(!leg.again().expect("an offer").media[0].attributes.has("crypto"));
}

#[test]
fn who_asked_for_plain_sound_takes_no_other() {
    let mut leg = leg();
    leg.offer(sound()).expect("an offer");
    assert_eq!(leg.preview(&read(&format!("m=audio 4000 RTP/SAVP 0\n{CM}"))), Err(Refusal::NotAnAnswer));
    assert_eq!(
        leg.preview(&read(&format!("m=audio 4000 RTP/AVP 0\n{CM}"))).map(|a| heard(&a).security),
        Ok(Security::Open)
    );
}
