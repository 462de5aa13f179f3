//! Laws of the location service, in virtual time.

use std::time::Duration;

use patchcord_sip::hop::{Hop, Transport};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

struct Phone {
    user: Arc<str>,
    binding: Binding,
}

fn phone(user: &str, contact: &str, flow: u64, expires: Instant) -> Phone {
    let hop = Hop {
        transport: Transport::Tcp,
        flow: FlowId(flow),
        local: "192.0.2.1:5060".parse().expect("an address"),
        peer: "192.0.2.9:40000".parse().expect("an address"),
    };
    let binding = Binding {
        contact: contact.into(),
        instance: None,
        reg_id: None,
        q_thousandths: 1000,
        path: Box::default(),
        call_id: "c".into(),
        cseq: 1,
        expires,
        updated: expires.checked_sub(MINUTE).expect("the clock runs"),
        hop,
        reach: Reach::Flow,
        user_agent: None,
    };
    Phone { user: user.into(), binding }
}

fn bind(location: &Location, phone: &Phone, now: Instant) {
    let done: Result<(), ()> = location.update(&phone.user, now, |held| {
        held.push(Arc::new(phone.binding.clone()));
        Ok(())
    });
    assert_eq!(done, Ok(()));
}

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    let now = Instant::now();
    now + Duration::from_secs(3600)
}

#[test]
fn what_has_lapsed_is_not_found_and_is_freed_by_the_sweep() {
    let (location, now) = (Location::default(), start());
    bind(&location, &phone("alice", "sip:alice@192.0.2.9", 7, now + MINUTE), now);

    assert_eq!(location.bindings("alice", now).len(), 1);
    assert_eq!(location.bindings("alice", now + MINUTE).len(), 0);

    let freed: usize = (0..STRIPES).map(|_| location.sweep(now + MINUTE)).sum();
    assert_eq!((freed, location.count(), location.endpoints()), (1, 0, 0));
}

#[test]
fn a_closed_connection_takes_its_bindings_with_it_and_no_others() {
    let (location, now) = (Location::default(), start());
    let later = now + MINUTE;
    bind(&location, &phone("alice", "sip:alice@192.0.2.9:1", 7, later), now);
    bind(&location, &phone("alice", "sip:alice@192.0.2.9:2", 8, later), now);
    bind(&location, &phone("bob", "sip:bob@192.0.2.9:1", 7, later), now);
    let mut direct = phone("carol", "sip:carol@192.0.2.9", 7, later);
    direct.binding.reach = Reach::Contact;
    bind(&location, &direct, now);

    assert!(location.is_reached_by(FlowId(7)));
    location.flow_closed(FlowId(7));
    assert!(!location.is_reached_by(FlowId(7)));

    let contacts: Vec<_> = location.bindings("alice", now).into_iter().map(|b| b.contact).collect();
    assert_eq!(contacts, ["sip:alice@192.0.2.9:2".into()]);
    assert_eq!(location.bindings("bob", now).len(), 0);
    assert_eq!(location.bindings("carol", now).len(), 1, "she listens on her own port");
    assert_eq!((location.count(), location.endpoints()), (2, 2));
}

#[test]
fn a_refused_change_changes_nothing_and_writes_nothing() {
    let (location, now) = (Location::default(), start());
    let refused: Result<(), &str> = location.update(&Arc::from("alice"), now, |held| {
        held.push(Arc::new(phone("alice", "sip:a@b", 7, now + MINUTE).binding));
        Err("no")
    });

    assert_eq!(refused, Err("no"));
    assert_eq!((location.count(), location.unwritten()), (0, 0));
}

#[test]
fn many_changes_of_one_endpoint_wait_as_one_write() {
    let (location, now) = (Location::default(), start());
    for contact in ["sip:alice@192.0.2.9:1", "sip:alice@192.0.2.9:2"] {
        bind(&location, &phone("alice", contact, 7, now + MINUTE), now);
    }

    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let changes = location.take_changes(10, now, wall);

    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].rows.len(), 2);
    assert_eq!(changes[0].rows[0].expires, wall + MINUTE);
    assert_eq!(location.unwritten(), 1, "it is not written yet");

    location.give_back(changes.iter().map(|change| change.user.as_str()));
    assert_eq!(location.unwritten(), 1);
    assert_eq!(location.take_changes(10, now, wall), changes, "nothing is lost while the store is away");
    location.written(1);
    assert_eq!(location.unwritten(), 0);
}

#[test]
fn a_restart_keeps_bindings_but_not_their_connections() {
    let (location, now) = (Location::default(), start());
    bind(&location, &phone("alice", "sip:alice@192.0.2.9:1", 7, now + MINUTE), now);
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let rows: Vec<_> = location.take_changes(10, now, wall).into_iter().flat_map(|change| change.rows).collect();

    let after = Location::default();
    assert_eq!(after.restore(rows.clone(), now, wall + MINUTE / 2), 1);

    let held = after.bindings("alice", now);
    assert_eq!((held[0].left(now), held[0].reach), (MINUTE / 2, Reach::Lost));
    assert!(!after.is_reachable("alice", now), "its phone must come back first");
    assert_eq!(after.unwritten(), 0, "what was read need not be written");

    assert_eq!(Location::default().restore(rows, now, wall + MINUTE), 0, "it lapsed while we were away");
}

#[test]
fn a_page_goes_on_after_the_last_name() {
    let (location, now) = (Location::default(), start());
    for user in ["carol", "alice", "dave", "bob"] {
        bind(&location, &phone(user, "sip:x@192.0.2.9:1", 7, now + MINUTE), now);
    }

    let names = |after: &str| -> Vec<_> { location.page(after, 2, now).into_iter().map(|(user, _)| user).collect() };
    assert_eq!(names(""), [Arc::from("alice"), Arc::from("bob")]);
    assert_eq!(names("bob"), [Arc::from("carol"), Arc::from("dave")]);
    assert_eq!(names("dave"), Vec::<Arc<str>>::new());
}
