//! REGISTER as a phone of our own says it, usual and odd.

use patchcord_lab::{Algorithm, Carrier, Line, Phone, Server, Wish, eventually};

use crate::{BOTH_DIGESTS, alices_server, bindings, setup};

async fn alice(server: &Server, carrier: Carrier) -> Phone {
    Phone::connect(carrier, server.address(carrier), "alice", "secret").await
}

#[tokio::test]
async fn a_phone_registers_is_listed_and_leaves_over_every_transport() {
    let server = alices_server().await;
    for carrier in Carrier::ALL {
        let mut phone = alice(&server, carrier).await;
        let contact = phone.contact();

        let reply = phone.register(600).await;
        assert_eq!(reply.status(), 200, "{carrier:?}: {}", reply.text());
        assert_eq!(reply.expires_of(&contact), Some(600), "{carrier:?}: {}", reply.text());
        assert_eq!(bindings(&server, "alice").await, [contact.trim_matches(['<', '>'])], "{carrier:?}");

        let reply = phone.unregister().await;
        assert_eq!((reply.status(), reply.contacts()), (200, vec![]), "{carrier:?}: {}", reply.text());
        assert_eq!(bindings(&server, "alice").await, [""; 0], "{carrier:?}");
    }
}

#[tokio::test]
async fn either_digest_lets_a_phone_in_over_every_transport() {
    let server = alices_server().await;
    for carrier in Carrier::ALL {
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let mut phone = alice(&server, carrier).await.proving_by(algorithm);
            assert_eq!(phone.register(600).await.status(), 200, "{carrier:?} {algorithm:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_refused_alike() {
    let server = alices_server().await;
    for carrier in Carrier::ALL {
        let address = server.address(carrier);
        // What an unknown name is asked for is the house's default, which is MD5.
        let mut wrong = Phone::connect(carrier, address, "alice", "guess").await.proving_by(Algorithm::Md5);
        let mut unknown = Phone::connect(carrier, address, "nobody", "guess").await.proving_by(Algorithm::Md5);
        let (wrong, unknown) = (wrong.register(600).await, unknown.register(600).await);
        assert_eq!((wrong.status(), unknown.status()), (403, 403), "{carrier:?}");
        assert_eq!(bindings(&server, "alice").await, [""; 0], "{carrier:?}");
    }
}

#[tokio::test]
async fn nobody_registers_somebody_else() {
    let server = setup().endpoint("alice", "secret").endpoint("bob", "other").start().await;
    let mut phone = alice(&server, Carrier::Udp).await;
    assert_eq!(phone.register(600).await.status(), 200);

    let address = format!("<{}>", phone.line().uri("bob"));
    let stolen = phone.request(&Wish::expires(600)).set("To", address);
    let reply = phone.line().exchange(&stolen).await;

    assert_eq!(reply.status(), 403, "{}", reply.text());
    assert_eq!(bindings(&server, "bob").await, [""; 0]);
}

#[tokio::test]
async fn a_proof_counts_once_only() {
    let server = setup().endpoint("alice", "secret").start().await;
    let mut phone = alice(&server, Carrier::Udp).await;
    assert_eq!(phone.register(600).await.status(), 200);

    let overheard = phone.request(&Wish::expires(600));
    assert_eq!(phone.line().exchange(&overheard).await.status(), 200);
    let mut thief = Line::open(Carrier::Udp, server.address(Carrier::Udp)).await;
    let via = thief.ask("REGISTER", "sip:x").header("Via").to_owned();
    let replayed = overheard.set("Via", via).set("CSeq", "90 REGISTER").set("Contact", "<sip:thief@192.0.2.66>");
    let reply = thief.exchange(&replayed).await;

    assert_eq!(reply.status(), 401, "{}", reply.text());
    assert!(!bindings(&server, "alice").await.iter().any(|contact| contact.contains("thief")));
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_and_is_not_served_twice() {
    let server = setup().endpoint("alice", "secret").start().await;
    let mut phone = alice(&server, Carrier::Udp).await;
    assert_eq!(phone.register(600).await.status(), 200);

    // The proof in it counts once; served twice, it would be refused the second time.
    let again = phone.request(&Wish::expires(600)).text();
    phone.line().send(&again).await;
    let first = phone.line().message().await;
    phone.line().send(&again).await;
    let second = phone.line().message().await;

    assert_eq!(first.status(), 200, "{}", first.text());
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_binding_lapses_when_its_time_is_over() {
    let server = setup().endpoint("alice", "secret").toml("[limits]\nmin_expires = \"1s\"").start().await;
    let mut phone = alice(&server, Carrier::Udp).await;
    assert_eq!(phone.register(2).await.status(), 200);
    assert_eq!(bindings(&server, "alice").await.len(), 1);
    eventually("the binding lapses", async || bindings(&server, "alice").await.is_empty().then_some(())).await;
    eventually("it is swept out", async || (crate::bindings_held(&server).await == 0).then_some(())).await;
}

#[tokio::test]
async fn several_contacts_are_kept_with_their_preference() {
    let server = alices_server().await;
    let mut phone = alice(&server, Carrier::Udp).await;

    let desk = Wish::expires(600).contact("<sip:alice@192.0.2.1:5070>;q=0.7").contact("<sip:alice@192.0.2.2>;q=0.3");
    assert_eq!(phone.wish(&desk).await.status(), 200);
    let mobile = Wish::expires(600).contact("\"Alice, on the road\" <sip:alice@192.0.2.3;transport=tcp>;expires=120");
    let reply = phone.wish(&mobile).await;

    assert_eq!(reply.status(), 200);
    let preference = |part: &str| {
        let contact = reply.contacts().into_iter().find(|contact| contact.contains(part)).map(str::to_owned);
        contact.unwrap_or_else(|| panic!("{part} is missing in: {}", reply.text()))
    };
    assert!(preference("192.0.2.1:5070").contains(";q=0.7"), "{}", reply.text());
    assert!(preference("192.0.2.2").contains(";q=0.3"), "{}", reply.text());
    assert_eq!(reply.expires_of("192.0.2.3"), Some(120), "{}", reply.text());
    assert_eq!(bindings(&server, "alice").await.len(), 3);
}

#[tokio::test]
async fn a_star_takes_all_contacts_back_and_nothing_but_a_clear_star_does() {
    let server = alices_server().await;
    let mut phone = alice(&server, Carrier::Udp).await;
    let two = Wish::expires(600).contact("<sip:alice@192.0.2.1>").contact("<sip:alice@192.0.2.2>");
    assert_eq!(phone.wish(&two).await.status(), 200);

    assert_eq!(phone.wish(&Wish::expires(600).contact("*")).await.status(), 400);
    assert_eq!(phone.wish(&Wish::clear().contact("<sip:alice@192.0.2.1>")).await.status(), 400);
    assert_eq!(phone.fetch().await.len(), 2);

    assert_eq!(phone.wish(&Wish::clear()).await.status(), 200);
    assert_eq!(phone.fetch().await, [""; 0]);
}

#[tokio::test]
async fn too_short_a_registration_is_refused_with_the_shortest_that_is_taken() {
    let server = setup().endpoint("alice", "secret").toml("[limits]\nmin_expires = \"90s\"\nmax_expires = \"20m\"");
    let server = server.start().await;
    let mut phone = alice(&server, Carrier::Udp).await;

    let reply = phone.register(89).await;
    assert_eq!((reply.status(), reply.header("Min-Expires")), (423, Some("90")), "{}", reply.text());
    let reply = phone.register(90).await;
    assert_eq!((reply.status(), reply.expires_of("alice@")), (200, Some(90)), "{}", reply.text());
    let reply = phone.register(86_400).await;
    assert_eq!((reply.status(), reply.expires_of("alice@")), (200, Some(1200)), "{}", reply.text());
}

#[tokio::test]
async fn an_older_register_of_the_same_call_id_changes_nothing() {
    let server = setup().endpoint("alice", "secret").start().await;
    let mut phone = alice(&server, Carrier::Udp).await;
    assert_eq!(phone.register(600).await.status(), 200);
    let late = phone.request(&Wish::expires(0)).set("CSeq", "1 REGISTER");

    let reply = phone.line().exchange(&late).await;

    assert!(reply.status() >= 400, "{}", reply.text());
    assert_eq!(phone.fetch().await.len(), 1);
}

#[tokio::test]
async fn a_path_is_kept_and_told() {
    let server = alices_server().await;
    let mut phone = alice(&server, Carrier::Udp).await;
    let wish = Wish::expires(600).header("Supported", "path").header("Path", "<sip:edge.example.org;lr>");

    let reply = phone.wish(&wish).await;

    assert_eq!((reply.status(), reply.header("Path")), (200, Some("<sip:edge.example.org;lr>")), "{}", reply.text());
}

#[tokio::test]
async fn an_outbound_flow_is_confirmed_and_dies_with_its_connection() {
    let server = alices_server().await;
    for carrier in [Carrier::Tcp, Carrier::Tls] {
        let mut phone = alice(&server, carrier).await;
        let contact =
            format!("{};reg-id=1;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-00000000000a>\"", phone.contact());
        let wish = Wish::expires(600).header("Supported", "path, outbound").contact(contact);

        let reply = phone.wish(&wish).await;
        assert_eq!(reply.status(), 200, "{carrier:?}: {}", reply.text());
        assert!(reply.header("Require").is_some_and(|required| required.contains("outbound")), "{}", reply.text());
        assert_eq!(bindings(&server, "alice").await.len(), 1, "{carrier:?}");

        drop(phone);
        eventually("the binding dies with its connection", async || {
            bindings(&server, "alice").await.is_empty().then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_phone_that_has_nothing_to_say_stays_registered_as_long_as_it_was_told() {
    let setup = setup().endpoint_with("alice", "secret", BOTH_DIGESTS);
    let server = setup.toml("[limits]\nidle = \"1s\"").start().await;
    for carrier in [Carrier::Tcp, Carrier::Tls] {
        let mut phone = alice(&server, carrier).await;
        assert_eq!(phone.register(600).await.status(), 200, "{carrier:?}");
        // Strangers show that the limit has been reached, twice over.
        for _ in 0..2 {
            Line::open(carrier, server.address(carrier)).await.until_closed().await;
        }
        assert!(phone.line().is_answered().await, "{carrier:?}: its connection stands");
        assert_eq!(bindings(&server, "alice").await.len(), 1, "{carrier:?}");
        phone.unregister().await;
    }
}

#[tokio::test]
async fn a_phone_that_comes_back_on_a_new_flow_takes_its_old_place() {
    let server = alices_server().await;
    let instance = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-00000000000b>\";reg-id=1";
    let mut old = alice(&server, Carrier::Tcp).await;
    let mut new = alice(&server, Carrier::Tcp).await;
    for phone in [&mut old, &mut new] {
        let contact = format!("{};{instance}", phone.contact());
        let wish = Wish::expires(600).header("Supported", "path, outbound").contact(contact);
        assert_eq!(phone.wish(&wish).await.status(), 200);
    }
    assert_eq!(bindings(&server, "alice").await, [new.contact().trim_matches(['<', '>'])]);
}

#[tokio::test]
async fn ipv6_serves_every_transport() {
    let server = setup().on_ipv6().endpoint_with("alice", "secret", crate::BOTH_DIGESTS).start().await;
    for carrier in Carrier::ALL {
        let mut phone = alice(&server, carrier).await;
        assert!(phone.line().is_answered().await, "{carrier:?}");
        let reply = phone.register(600).await;
        assert_eq!(reply.status(), 200, "{carrier:?}: {}", reply.text());
        assert_eq!(reply.expires_of(&phone.contact()), Some(600), "{carrier:?}: {}", reply.text());
    }
}
