//! Calls that live on different threads of one server and meet.
//!
//! Which call lives where is drawn by lot; so many rounds are played that all of them on one thread would be a wonder.

use patchcord_lab::{Carrier, Handset, Invitation, Lab, Model, Server, Side};

use crate::calling::{at_home, dialog_of, house_with};
use crate::setup;

/// With five threads, the calls of a round share one in one case of five.
const THREADS: usize = 5;
const ROUNDS: usize = 6;

async fn spread_house() -> Server {
    house_with(setup().shards(THREADS)).await
}

#[tokio::test]
async fn an_attended_transfer_joins_two_calls_wherever_they_live() {
    let server = spread_house().await;
    for _ in 0..ROUNDS {
        let lab = Lab::open();
        let [alice, bob, carol] = three(&lab, &server).await;
        alice.dial("102");
        bob.answers().await;
        alice.is_answered().await;
        alice.holds().await;
        alice.dial("103");
        carol.answers().await;
        carol.comes_to_hear(&[&alice]).await;

        assert_eq!(alice.joins_its_calls().await, 200);
        carol.comes_to_hear(&[&bob]).await;
        bob.comes_to_hear(&[&carol]).await;
        carol.hangs_up().await;
        assert_eq!(bob.is_over().await.by, Side::Them);
    }
}

#[tokio::test]
async fn a_call_is_taken_to_another_phone_of_its_owner_wherever_it_lives_and_to_nobody_elses() {
    let server = spread_house().await;
    for _ in 0..ROUNDS {
        let lab = Lab::open();
        let [alice, bob, carol] = three(&lab, &server).await;
        let pocket = at_home(&lab, &server, "alice", Carrier::Tcp, &Model::new()).await;
        alice.dial("102");
        bob.answers().await;
        alice.is_answered().await;
        let replaces = dialog_of(&alice);

        carol.invites(&Invitation::to("101").header("Replaces", &replaces));
        assert_eq!(carol.is_refused().await, 403);

        pocket.invites(&Invitation::to("101").header("Replaces", &replaces));
        pocket.is_answered().await;
        assert_eq!(alice.is_over().await.by, Side::Them);
        bob.comes_to_hear(&[&pocket]).await;
        pocket.comes_to_hear(&[&bob]).await;
        bob.hangs_up().await;
        assert_eq!(pocket.is_over().await.by, Side::Them);
    }
}

#[tokio::test]
async fn somebody_is_brought_into_a_room_by_refer_whichever_threads_carry_the_calls_and_the_sound() {
    let server = house_with(setup().shards(THREADS).toml("[media]\nthreads = 3\n")).await;
    for round in 0..ROUNDS {
        let lab = Lab::open();
        let [alice, bob, carol] = three(&lab, &server).await;
        let desk = at_home(&lab, &server, "alice", Carrier::Tcp, &Model::new()).await;
        alice.dial("102");
        bob.answers().await;
        alice.is_answered().await;
        // A room of its own in each round, so that its sound lives elsewhere.
        let room = format!("30{round:02}");
        for phone in [&desk, &carol] {
            phone.dial(&room);
            phone.is_answered().await;
        }
        desk.comes_to_hear(&[&carol]).await;
        assert_eq!(alice.transfers_to(&format!("sip:{room}@127.0.0.1")).await, 200, "round {round}");
        bob.comes_to_hear(&[&carol, &desk]).await;
        carol.comes_to_hear(&[&bob, &desk]).await;
        desk.comes_to_hear(&[&bob, &carol]).await;
        for phone in [&bob, &carol, &desk] {
            phone.hangs_up().await;
        }
    }
}

/// Alice, bob and carol with new phones; those before are forgotten.
async fn three(lab: &Lab, server: &Server) -> [Handset; 3] {
    let mut phones = Vec::new();
    for user in ["alice", "bob", "carol"] {
        let phone = at_home(lab, server, user, Carrier::Udp, &Model::new()).await;
        phones.push(phone);
    }
    phones.try_into().unwrap_or_else(|_| unreachable!("three of three"))
}
