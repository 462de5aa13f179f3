//! Calls through the real server: who reaches whom, who hears whom, and how it ends.

use patchcord_lab::{Carrier, Conduct, Handset, Lab, Model, Server, Side, Transport};

use crate::setup;

/// A server with alice (101), bob (102) and carol (103), whose passwords are `secret`.
async fn house() -> Server {
    let people = [("alice", "101"), ("bob", "102"), ("carol", "103")];
    let setup = people
        .iter()
        .fold(setup(), |setup, (user, number)| setup.endpoint_with(user, "secret", &format!("number = \"{number}\"")));
    setup.start().await
}

/// A phone of somebody, registered.
async fn at_home(lab: &Lab, server: &Server, user: &str, carrier: Carrier, model: &Model) -> Handset {
    let model = model.clone().over(Transport::from(carrier)).at(server.address(carrier)).password("secret");
    let phone = lab.phone_like(user, &model);
    assert_eq!(phone.registers().await, 200, "{user} over {carrier:?}");
    phone
}

#[tokio::test]
async fn two_people_hear_each_other_over_every_pair_of_transports() {
    let server = house().await;
    for ours in Carrier::ALL {
        for theirs in Carrier::ALL {
            let lab = Lab::open();
            let alice = at_home(&lab, &server, "alice", ours, &Model::new()).await;
            let bob = at_home(&lab, &server, "bob", theirs, &Model::new()).await;
            alice.dial("102");
            bob.answers().await;
            alice.is_answered().await;
            assert_eq!(alice.hears().await, [&bob], "{ours:?} to {theirs:?}");
            assert_eq!(bob.hears().await, [&alice], "{ours:?} to {theirs:?}");
            alice.hangs_up().await;
            assert_eq!(bob.is_over().await.by, Side::Them, "{ours:?} to {theirs:?}");
            assert_eq!((alice.registers_for(0).await, bob.registers_for(0).await), (200, 200));
        }
    }
}

#[tokio::test]
async fn the_echo_gives_a_caller_its_own_voice_back() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("9196");
    alice.is_answered().await;
    assert_eq!(alice.hears().await, [&alice]);
    alice.hangs_up().await;
}

#[tokio::test]
async fn who_calls_a_busy_phone_hears_so_and_who_hangs_up_while_it_rings_stops_it() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let busy = Model::new().when_called(Conduct::Refuse(486));
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &busy).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Tcp, &Model::new()).await;
    alice.dial("102");
    assert_eq!(alice.is_refused().await, 486);
    drop(bob);

    alice.dial("103");
    carol.is_called().await;
    assert_eq!(alice.hears_ringing().await, 180);
    alice.hangs_up().await;
    assert_eq!(carol.is_over().await.by, Side::Them);
    assert_eq!(alice.is_refused().await, 487);
}

#[tokio::test]
async fn nobody_calls_without_a_password_nor_where_no_route_leads() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("+4930123456");
    assert_eq!(alice.is_refused().await, 403);
    alice.dial("199");
    assert_eq!(alice.is_refused().await, 403);

    let mallory = Model::new().at(server.address(Carrier::Udp)).password("guess");
    let mallory = lab.phone_like("alice", &mallory);
    mallory.dial("101");
    assert_eq!(mallory.is_refused().await, 403);
}
