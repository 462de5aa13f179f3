//! Both roles against each other, and what an attacker would try.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const REALM: &str = "pbx.example.org";

struct House {
    start: Instant,
    challenger: Challenger,
    counts: Counts,
}

#[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
fn house(rules: Rules) -> House {
    let start = Instant::now();
    let challenger = Challenger::new([7; 32], rules, start);
    House { start, counts: challenger.counts(MAX_NONCES), challenger }
}

fn password() -> Credential {
    Credential::Password("s3cret".into())
}

const REGISTER: Asked<'static> = Asked { method: "REGISTER", uri: "sip:pbx.example.org", body: b"" };

impl House {
    fn challenge(&self, second: u64) -> Vec<String> {
        let now = self.start + Duration::from_secs(second);
        self.challenger.challenge(REALM, Algorithm::ALL, false, [9; 8], now).map(|offer| offer.to_string()).collect()
    }

    fn hear(&mut self, header: &str, asked: Asked<'_>, second: u64) -> Result<(), Refused> {
        self.hear_as("alice", Some(&password()), header, asked, second)
    }

    fn hear_as(
        &mut self,
        user: &str,
        credential: Option<&Credential>,
        header: &str,
        asked: Asked<'_>,
        second: u64,
    ) -> Result<(), Refused> {
        let given = Authorization::parse(header).expect("a client of ours writes what can be read");
        let now = self.start + Duration::from_secs(second);
        self.challenger.verify(&mut self.counts, &given, asked, Account { user, realm: REALM, credential }, now)
    }
}

fn answer(lines: &[String], credential: &Credential, asked: Asked<'_>, count: u32) -> String {
    let challenge = Challenge::strongest(lines.iter().map(String::as_str), credential).unwrap();
    challenge.answer("alice", credential, asked, count, "c0ffee").unwrap()
}

#[test]
fn a_phone_that_knows_the_password_gets_in_with_the_strongest_algorithm() {
    let mut house = house(Rules::default());
    let lines = house.challenge(0);
    assert!(lines[0].contains("algorithm=SHA-256") && lines[1].contains("algorithm=MD5"), "{lines:?}");

    let header = answer(&lines, &password(), REGISTER, 1);
    assert!(header.contains("algorithm=SHA-256"), "{header}");
    assert_eq!(house.hear(&header, REGISTER, 1), Ok(()));
}

#[test]
fn the_offer_stands_in_the_order_that_the_owner_wants_and_the_strongest_is_still_answered() {
    let mut house = house(Rules::default());
    let algorithms = [Algorithm::Md5, Algorithm::Sha256];
    let offers = house.challenger.challenge(REALM, algorithms, false, [9; 8], house.start);
    let lines: Vec<_> = offers.map(|offer| offer.to_string()).collect();
    assert!(lines[0].contains("algorithm=MD5") && lines[1].contains("algorithm=SHA-256"), "{lines:?}");

    let header = answer(&lines, &password(), REGISTER, 1);
    assert!(header.contains("algorithm=SHA-256"), "{header}");
    assert_eq!(house.hear(&header, REGISTER, 1), Ok(()));
}

#[test]
fn a_phone_that_knows_only_md5_gets_in_too_unless_the_rules_say_no() {
    let mut open = house(Rules::default());
    let lines = open.challenge(0);
    let header = answer(&lines[1..], &password(), REGISTER, 1);
    assert_eq!(open.hear(&header, REGISTER, 1), Ok(()));

    let mut strict = house(Rules { algorithms: vec![Algorithm::Sha256], ..Rules::default() });
    assert_eq!(strict.challenge(0).len(), 1);
    assert_eq!(strict.hear(&header, REGISTER, 1), Err(Refused::OtherAlgorithm));
}

#[test]
fn a_wrong_password_is_wrong_and_costs_no_memory() {
    let mut house = house(Rules::default());
    let header = answer(&house.challenge(0), &Credential::Password("guess".into()), REGISTER, 1);

    assert_eq!(house.hear(&header, REGISTER, 1), Err(Refused::Wrong));
    assert!(house.counts.is_empty());
    assert_eq!(Refused::Wrong.status(Side::Server), 401);
    assert!(!Refused::Wrong.is_stale() && Refused::Wrong.is_suspicious());
}

#[test]
fn somebody_who_does_not_exist_is_as_wrong_even_with_an_empty_password() {
    let mut house = house(Rules::default());
    let empty = Credential::Password("".into());
    let header = answer(&house.challenge(0), &empty, REGISTER, 1);
    assert_eq!(house.hear_as("alice", None, &header, REGISTER, 1), Err(Refused::Wrong));
}

#[test]
fn the_same_answer_is_good_once_and_the_next_count_again() {
    let mut house = house(Rules::default());
    let lines = house.challenge(0);
    let first = answer(&lines, &password(), REGISTER, 1);

    assert_eq!(house.hear(&first, REGISTER, 1), Ok(()));
    assert_eq!(house.hear(&first, REGISTER, 1), Err(Refused::Replayed));
    assert_eq!(house.hear(&answer(&lines, &password(), REGISTER, 2), REGISTER, 2), Ok(()));
    assert!(Refused::Replayed.is_stale(), "an honest phone with a stuck counter gets a new nonce, not a question");
}

#[test]
fn a_nonce_expires_and_the_challenge_that_follows_is_stale() {
    let mut house = house(Rules::default());
    let lines = house.challenge(0);
    assert_eq!(house.hear(&answer(&lines, &password(), REGISTER, 1), REGISTER, 300), Ok(()));
    assert_eq!(house.hear(&answer(&lines, &password(), REGISTER, 2), REGISTER, 301), Err(Refused::Stale));

    let wrong = answer(&lines, &Credential::Password("guess".into()), REGISTER, 3);
    assert_eq!(house.hear(&wrong, REGISTER, 301), Err(Refused::Wrong), "stale only for who knows the password");
    let offers = house.challenger.challenge(REALM, Algorithm::ALL, true, [0; 8], house.start);
    assert!(offers.map(|offer| offer.to_string()).all(|line| Challenge::parse(&line).unwrap().is_stale()));
}

#[test]
fn a_nonce_of_the_server_before_its_restart_is_stale() {
    let before = house(Rules::default());
    let header = answer(&before.challenge(0), &password(), REGISTER, 1);
    let mut after = house(Rules::default());
    after.challenger = Challenger::new([8; 32], Rules::default(), after.start);

    assert_eq!(after.hear(&header, REGISTER, 1), Err(Refused::Stale));
    assert!(after.counts.is_empty());
}

#[test]
fn an_answer_is_good_for_its_method_and_its_target_only() {
    let mut house = house(Rules::default());
    let header = answer(&house.challenge(0), &password(), REGISTER, 1);

    assert_eq!(house.hear(&header, Asked { method: "INVITE", ..REGISTER }, 1), Err(Refused::Wrong));
    assert_eq!(house.hear(&header, Asked { uri: "sip:bob@pbx.example.org", ..REGISTER }, 1), Err(Refused::OtherUri));
    assert_eq!(house.hear(&header, Asked { uri: "sip:evil.example", ..REGISTER }, 1), Err(Refused::OtherUri));
    assert_eq!(Refused::OtherUri.status(Side::Server), 400);
    // A port or a parameter that somebody on the way wrote or dropped does not matter.
    assert_eq!(house.hear(&header, Asked { uri: "sip:PBX.example.org:5060;transport=tcp", ..REGISTER }, 1), Ok(()));
}

#[test]
fn integrity_finds_a_body_that_was_changed_on_the_way() {
    let mut house = house(Rules { offer_integrity: true, ..Rules::default() });
    let lines: Vec<_> = house.challenge(0).iter().map(|line| line.replace("auth,auth-int", "auth-int")).collect();
    let asked = Asked { method: "MESSAGE", body: b"hello", ..REGISTER };
    let header = answer(&lines, &password(), asked, 1);

    assert!(header.contains("qop=auth-int"));
    assert_eq!(house.hear(&header, Asked { body: b"goodbye", ..asked }, 1), Err(Refused::Wrong));
    assert_eq!(house.hear(&header, asked, 1), Ok(()));
}

#[test]
fn an_answer_without_qop_is_refused_unless_allowed_and_then_good_once() {
    let lines = |house: &House| vec![house.challenge(0)[1].replace(", qop=\"auth\"", "")];
    let mut modern = house(Rules::default());
    let header = answer(&lines(&modern), &password(), REGISTER, 1);
    assert!(!header.contains("nc="));
    assert_eq!(modern.hear(&header, REGISTER, 1), Err(Refused::NoQop));

    let mut old = house(Rules { allow_legacy: true, ..Rules::default() });
    let header = answer(&lines(&old), &password(), REGISTER, 1);
    assert_eq!(old.hear(&header, REGISTER, 1), Ok(()));
    assert_eq!(old.hear(&header, REGISTER, 1), Err(Refused::Replayed));
}

#[test]
fn credentials_of_another_user_realm_or_algorithm_are_told_apart() {
    let mut house = house(Rules::default());
    let header = answer(&house.challenge(0), &password(), REGISTER, 1);

    assert_eq!(house.hear_as("bob", Some(&password()), &header, REGISTER, 1), Err(Refused::OtherUser));
    assert_eq!(Refused::OtherUser.status(Side::Server), 403);
    let elsewhere = header.replace(REALM, "elsewhere");
    assert_eq!(house.hear(&elsewhere, REGISTER, 1), Err(Refused::OtherRealm));
    let session = header.replace("SHA-256", "SHA-256-sess");
    assert_eq!(house.hear(&session, REGISTER, 1), Err(Refused::OtherAlgorithm));
    assert_eq!(Refused::OtherAlgorithm.status(Side::Proxy), 407);
}

#[test]
fn a_stored_hash_does_what_the_password_does_for_its_algorithms() {
    let mut house = house(Rules::default());
    let Credential::Ha1 { md5, .. } = Credential::ha1("alice", REALM, "s3cret") else { panic!("hashes") };
    let only_md5 = Credential::Ha1 { md5, sha256: None };
    let lines = house.challenge(0);

    let header = answer(&lines, &only_md5, REGISTER, 1);
    assert!(header.contains("algorithm=MD5"));
    assert_eq!(house.hear_as("alice", Some(&only_md5), &header, REGISTER, 1), Ok(()));
    let sha256 = answer(&lines, &password(), REGISTER, 2);
    assert_eq!(house.hear_as("alice", Some(&only_md5), &sha256, REGISTER, 1), Err(Refused::OtherAlgorithm));
    let offers = house.challenger.challenge(REALM, only_md5.algorithms(), false, [0; 8], house.start);
    assert_eq!(offers.count(), 1, "what it cannot answer is not offered to it");
}

#[test]
fn a_client_passes_over_what_it_cannot_answer() {
    let strongest = |lines: &[&'static str]| Challenge::strongest(lines.iter().copied(), &password());
    let sess = r#"Digest realm="r", nonce="n", algorithm=SHA-256-sess, qop="auth""#;
    let md5 = r#"Digest realm="r", nonce="n", algorithm=MD5, qop="auth-int,auth", opaque="o\"p", stale=TRUE"#;

    let chosen = strongest(&[sess, "Basic realm=\"r\"", "Digest nonsense", md5]).unwrap();
    assert_eq!((chosen.algorithm(), chosen.is_stale()), (Some(Algorithm::Md5), true));
    let answer = chosen.answer("a\"b", &password(), REGISTER, 0x1f, "c").unwrap();
    assert!(answer.contains(r#"username="a\"b""#) && answer.contains(r#"opaque="o\"p""#), "{answer}");
    assert!(answer.contains("qop=auth, nc=0000001f"), "{answer}");
    assert_eq!(strongest(&[sess]).err(), Some(Unanswerable::Unsupported));
    assert_eq!(strongest(&[r#"Digest realm="r", nonce="n", qop="auth-conf""#]).err(), Some(Unanswerable::Unsupported));
    assert_eq!(strongest(&["Basic realm=\"r\""]).err(), Some(Unanswerable::Missing));
    assert!(matches!(strongest(&["Digest realm=\"r\""]).err(), Some(Unanswerable::Malformed(_))));
}

#[test]
fn a_realm_with_quotes_does_not_break_out_of_its_header() {
    let house = house(Rules::default());
    let realm = "a\", nonce=\"mine\r\nX: y";
    let line =
        house.challenger.challenge(realm, Algorithm::ALL, false, [0; 8], house.start).next().unwrap().to_string();
    let read = Challenge::parse(&line).unwrap();
    assert_eq!(read.realm(), "a\", nonce=\"mineX: y");
    assert_ne!(read.nonce(), "mine");
}

#[test]
fn secrets_do_not_show() {
    assert_eq!(format!("{:?}", password()), "Credential(secret)");
}

proptest! {
    #[test]
    fn whoever_knows_the_password_gets_in_once_per_count_and_nobody_else_does(
        user in "[a-zA-Z0-9\"\\\\ äß]{1,20}",
        secret in "\\PC{0,20}",
        guess in "\\PC{0,20}",
        body in proptest::collection::vec(any::<u8>(), 0..40),
        md5_only: bool,
        counts in proptest::collection::vec(1..200_u32, 1..40),
    ) {
        let mut house = house(Rules::default());
        let asked = Asked { method: "INVITE", uri: "sip:bob@pbx.example.org", body: &body };
        let lines = house.challenge(0);
        let lines = if md5_only { &lines[1..] } else { &lines[..] };
        let right = Credential::Password(secret.as_str().into());
        let challenge = Challenge::strongest(lines.iter().map(String::as_str), &right).unwrap();
        let (mut used, mut highest) = (Vec::new(), 0);
        for count in counts {
            let header = challenge.answer(&user, &right, asked, count, "c").unwrap();
            let heard = house.hear_as(&user, Some(&right), &header, asked, 1);
            let fresh = !used.contains(&count) && count + 64 > highest;
            prop_assert_eq!(heard, if fresh { Ok(()) } else { Err(Refused::Replayed) });
            used.push(count);
            highest = highest.max(count);
        }
        if guess != secret {
            let wrong = Credential::Password(guess.into());
            let header = challenge.answer(&user, &wrong, asked, 999, "c").unwrap();
            prop_assert_eq!(house.hear_as(&user, Some(&right), &header, asked, 1), Err(Refused::Wrong));
        }
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "(Digest )?\\PC{0,200}") {
        if let Ok(read) = Authorization::parse(&text) {
            let _ = (read.user(), read.realm());
        }
        if let Ok(read) = Challenge::parse(&text) {
            let _ = read.realm();
        }
    }
}

#[test]
fn a_challenge_whose_words_cannot_go_back_is_malformed() {
    for wrong in [r#"Digest realm=a\, nonce="n""#, r#"Digest realm="r", nonce=n\"#] {
        assert!(matches!(Challenge::parse(wrong), Err(Unanswerable::Malformed(_))), "{wrong}");
    }
    let kept = Challenge::parse(r#"Digest realm="a\"b", nonce="n""#).expect("words that can go back");
    let asked = Asked { method: "REGISTER", uri: "sip:h", body: b"" };
    let answer = kept.answer("u", &Credential::Password("p".into()), asked, 1, "c").expect("an answer");
    assert!(answer.contains(r#"realm="a\"b""#), "the quoted quote goes back as it came: {answer}");
}
