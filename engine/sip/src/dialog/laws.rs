//! The two sides of a dialog mirror each other, whatever they send in whatever order.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;
use crate::message::{Draft, Message, Method, Name};

/// One side with its dialog; `place` is where it is now.
struct Side {
    dialog: Dialog,
    place: String,
}

fn parse(draft: Draft) -> Request {
    let bytes = draft.via(Transport::Udp, "host.example", "z9hG4bKx").finish();
    let Message::Request(request) = Message::parse(bytes).expect("what a dialog writes can be read") else {
        panic!("a request")
    };
    request.check().expect("what a dialog writes is in order");
    request
}

fn parse_reply(draft: &Draft) -> Response {
    let Message::Response(response) = Message::parse(draft.finish()).expect("what a dialog writes can be read") else {
        panic!("a response")
    };
    response.check().expect("what a dialog writes is in order");
    response
}

fn peer() -> SocketAddr {
    ([192, 0, 2, 1], 5060).into()
}

/// Proxies add their Record-Route on the way to the called side, the nearest on top.
fn through(mut invite: Draft, proxies: usize) -> Draft {
    for proxy in (0..proxies).rev() {
        invite = invite.header(Name::RecordRoute, format_args!("<sip:p{proxy}.example;lr>"));
    }
    invite
}

fn connect(proxies: usize, early: bool) -> (Side, Side) {
    let opening = Opening::new(Outgoing {
        method: Method::Invite,
        target: "sip:bob@b.example",
        from: "\"Alice\" <sip:alice@a.example>",
        to: "\"Bob\" <sip:bob@b.example>;x=y",
        contact: "<sip:alice@place0>".into(),
        call_id: "call@a.example",
        tag: "alices",
        routes: &[],
    })
    .unwrap();
    let mut forks = Forks::new(opening);
    let invite = parse(through(forks.opening().draft(), proxies));
    let mut bob = Dialog::answering(&invite, Transport::Udp, "bobs", "<sip:bob@place0>".into()).unwrap();
    if early {
        let ringing = parse_reply(&bob.reply(&invite, peer(), 180).unwrap());
        assert!(matches!(forks.hear(&ringing), Ok(Branch::Early(_))));
    }
    let ok = parse_reply(&bob.reply(&invite, peer(), 200).unwrap());
    assert!(matches!(forks.hear(&ok), Ok(Branch::Won(_))));
    let alice = forks.into_winner().unwrap();
    let side = |dialog, name| Side { dialog, place: format!("sip:{name}@place0") };
    (side(alice, "alice"), side(bob, "bob"))
}

#[derive(Clone, Debug)]
struct Step {
    by_alice: bool,
    method: Method,
    status: u16,
    /// Requests that a proxy swallowed before.
    lost: u8,
    /// The sender has moved to a new place before it sends.
    moved: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let method = prop::sample::select(vec![
        Method::Invite,
        Method::Update,
        Method::Info,
        Method::Message,
        Method::Refer,
        Method::Notify,
        Method::Subscribe,
    ]);
    let status = prop::sample::select(vec![200, 202, 400, 488, 491, 500, 603]);
    let step = (any::<bool>(), method, status, 0..3_u8, any::<bool>())
        .prop_map(|(by_alice, method, status, lost, moved)| Step { by_alice, method, status, lost, moved });
    proptest::collection::vec(step, 0..30)
}

proptest! {
    #[test]
    fn both_sides_mirror_each_other_through_any_sequence_of_requests(
        proxies in 0..4_usize,
        early: bool,
        steps in steps(),
    ) {
        let (mut alice, mut bob) = connect(proxies, early);
        for (at, step) in steps.into_iter().enumerate() {
            let (sender, receiver) = if step.by_alice { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
            for _ in 0..step.lost {
                sender.dialog.request(Method::Info);
            }
            let old_place = sender.place.clone();
            if step.moved {
                sender.place = format!("sip:moved@place{at}");
                sender.dialog.set_contact(format!("<{}>", sender.place).into());
            }
            let request = parse(sender.dialog.request(step.method.clone()));
            let target = request.uri_text();
            prop_assert_eq!(target, receiver.place.as_str(), "sent to where the receiver is");
            prop_assert!(receiver.dialog.is(DialogId::of_request(&request).unwrap().unwrap()));
            prop_assert_eq!(receiver.dialog.hear(&request), Ok(()));
            prop_assert!(receiver.dialog.hear(&request).is_err(), "the same number is never good twice");

            let reply = parse_reply(&receiver.dialog.reply(&request, peer(), step.status).unwrap());
            prop_assert!(sender.dialog.is(DialogId::of_response(&reply).unwrap().unwrap()));
            sender.dialog.hear_response(&reply).unwrap();
            let follows = step.status < 300 && moves_target(&step.method);
            let expected = if follows { sender.place.clone() } else { old_place.clone() };
            prop_assert_eq!(receiver.dialog.target(), expected.as_str());
            if !follows {
                // Nobody was told of the move: back to where it was.
                sender.dialog.set_contact(format!("<{old_place}>").into());
                sender.place = old_place;
            }
            prop_assert_eq!(alice.dialog.id(), bob.dialog.id().mirrored());
            prop_assert_eq!(alice.dialog.remote_seq().unwrap_or(bob.dialog.local_seq()), bob.dialog.local_seq());
            prop_assert_eq!(bob.dialog.remote_seq(), Some(alice.dialog.local_seq()));
        }
        let mut routes: Vec<_> = alice.dialog.routes.text().split(", ").collect();
        routes.reverse();
        prop_assert_eq!(routes.join(", "), bob.dialog.routes.text());

        let bye = parse(alice.dialog.request(Method::Bye));
        bob.dialog.hear(&bye).unwrap();
        prop_assert_eq!((alice.dialog.state(), bob.dialog.state()), (State::Ended, State::Ended));
    }
}
