//! Who is refused, who never is, and who comes to be by guessing.

use std::time::UNIX_EPOCH;

use super::*;

const NOW: SystemTime = UNIX_EPOCH;

fn ban(text: &str, until: Option<u64>) -> Ban {
    Ban {
        network: network(text).expect("a network"),
        reason: "scans".into(),
        made_by: "alice".into(),
        made_at: NOW,
        until: until.map(|second| NOW + Duration::from_secs(second)),
        automatic: false,
    }
}

fn is_out(bans: &Bans, address: &str) -> bool {
    bans.refuses(address.parse().expect("an address"), Transport::Udp)
}

#[test]
fn a_network_is_refused_whole_and_its_neighbours_are_not() {
    let bans = Bans::default();
    for text in ["198.51.100.7", "192.0.2.0/25", "2001:db8:1::/48"] {
        bans.put(ban(text, None)).expect("it fits");
    }
    for out in ["198.51.100.7", "::ffff:198.51.100.7", "192.0.2.127", "2001:db8:1:2::3"] {
        assert!(is_out(&bans, out), "{out}");
    }
    for stays in ["198.51.100.8", "192.0.2.128", "2001:db8:2::1", "127.0.0.1", "::1"] {
        assert!(!is_out(&bans, stays), "{stays}");
    }
    assert_eq!(bans.counted()[0], ("udp", 4));
    assert!(bans.lift(network("198.51.100.7").expect("a network")));
    assert!(!bans.lift(network("198.51.100.7").expect("a network")));
    assert!(!is_out(&bans, "198.51.100.7") && is_out(&bans, "192.0.2.1"));
}

#[test]
fn nobody_shuts_this_machine_out_or_half_of_the_world() {
    let bans = Bans::default();
    for ours in ["127.0.0.1", "127.0.0.0/8", "::1", "::/0", "0.0.0.0/0"] {
        assert_eq!(bans.put(ban(ours, None)), Err(NotBanned::Ours), "{ours}");
    }
    for wide in ["128.0.0.0/2", "2000::/3"] {
        assert_eq!(bans.put(ban(wide, None)), Err(NotBanned::Wide), "{wide}");
    }
    assert_eq!(bans.count(), 0);
}

#[test]
fn nobody_bans_an_address_or_a_network_of_this_machine() {
    let bans = Bans::default();
    bans.look_by(|to| match to {
        IpAddr::V4(to) if to.octets()[..3] == [10, 0, 0] => Ipv4Addr::new(10, 0, 0, 6).into(),
        IpAddr::V4(_) => Ipv4Addr::new(203, 0, 113, 8).into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    });
    for ours in ["10.0.0.6", "10.0.0.0/24", "203.0.113.8", "203.0.113.0/28"] {
        assert_eq!(bans.put(ban(ours, None)), Err(NotBanned::Ours), "{ours}");
    }
    for others in ["10.0.0.7", "203.0.113.7", "198.51.100.0/24", "2001:db8::/48"] {
        assert_eq!(bans.put(ban(others, None)), Ok(()), "{others}");
    }
}

#[test]
fn a_table_that_is_full_takes_the_same_again_and_nothing_new() {
    let bans = Bans::default();
    let nth = |n: u32| ban(&Ipv4Addr::from_bits((10 << 24) + n).to_string(), None);
    bans.restore((0..MOST as u32 + 9).map(nth).collect(), NOW);
    assert_eq!(bans.count(), MOST);
    assert_eq!(bans.put(nth(MOST as u32 + 50)), Err(NotBanned::Full));
    assert_eq!(bans.put(nth(5)), Ok(()));
}

#[test]
fn a_ban_whose_time_is_over_is_lifted_and_told_once() {
    let bans = Bans::default();
    bans.put(ban("192.0.2.1", Some(60))).expect("it fits");
    bans.put(ban("192.0.2.2", None)).expect("it fits");
    bans.sweep(NOW + Duration::from_secs(59));
    assert!(is_out(&bans, "192.0.2.1"));
    bans.sweep(NOW + Duration::from_secs(60));
    assert!(!is_out(&bans, "192.0.2.1") && is_out(&bans, "192.0.2.2"));
    assert_eq!(bans.take_news(), [News::Over(network("192.0.2.1").expect("a network"))]);
    assert_eq!(bans.take_news(), []);
}

#[test]
fn what_was_kept_comes_back_unless_its_time_is_over() {
    let bans = Bans::default();
    bans.restore(vec![ban("192.0.2.1", Some(60)), ban("192.0.2.2", None)], NOW + Duration::from_secs(60));
    assert!(!is_out(&bans, "192.0.2.1") && is_out(&bans, "192.0.2.2"));
}

#[test]
fn whoever_guesses_passwords_is_banned_for_an_hour_and_it_is_told_for_the_store() {
    let bans = Bans::default();
    let guesser = "2001:db8::7".parse().expect("an address");
    let guess = |second| bans.wrong_password(guesser, NOW + Duration::from_secs(second), || false);
    for second in 1..u64::from(GUESSES) {
        assert_eq!(guess(second), None);
    }
    let made = guess(u64::from(GUESSES)).expect("that was one too many");
    assert_eq!((shown(made.network).as_str(), made.automatic), ("2001:db8::/64", true));
    assert_eq!(made.until, Some(made.made_at + LASTS));
    assert!(is_out(&bans, "2001:db8::8") && !is_out(&bans, "2001:db8:0:1::7"));
    let news = bans.take_news();
    assert_eq!(news, [News::Made(made)]);
    bans.give_back(news.clone());
    assert_eq!(bans.take_news(), news);
}

#[test]
fn wrong_passwords_that_lie_far_apart_ban_nobody() {
    let bans = Bans::default();
    let slow =
        |n: u64| bans.wrong_password("192.0.2.1".parse().expect("an address"), NOW + WITHIN / 50 * n as u32, || false);
    assert!((0..500).all(|n| slow(n).is_none()));
}

#[test]
fn neighbours_this_machine_and_whoever_is_registered_are_never_banned_by_guesses() {
    let bans = Bans::default();
    bans.spare(vec!["10.0.0.0/8".parse().expect("a network")]);
    let guesses = |address: &str, is_known| {
        let address = address.parse().expect("an address");
        (0..2 * GUESSES).any(|_| bans.wrong_password(address, NOW, || is_known).is_some())
    };
    assert!(!guesses("10.1.2.3", false) && !guesses("127.0.0.1", false) && !guesses("198.51.100.1", true));
    assert!(guesses("198.51.100.1", false));
}

#[test]
fn a_crowd_of_guessers_takes_no_more_than_its_place() {
    let bans = Bans::default();
    for n in 0..WATCHED as u32 + 20 {
        bans.wrong_password(Ipv4Addr::from_bits((11 << 24) + n).into(), NOW + Duration::from_millis(n.into()), || {
            false
        });
    }
    assert_eq!(bans.hold().guesses.len(), WATCHED);
}
