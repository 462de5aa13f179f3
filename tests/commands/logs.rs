//! What the log shows of people: enough to follow a phone, never who it is, where it is, or its password.

use patchcord_lab::{Carrier, Phone, Setup};

use crate::binary::BINARY;

const NUMBER: &str = "+4930123456789";
const PASSWORD: &str = "wonderland-and-back";
const WRONG: &str = "looking-glass-house";

/// All that a server logs while phones register well and badly; and their addresses.
async fn logged(log: &str) -> (Vec<String>, Vec<String>) {
    let mut server = Setup::new(BINARY).endpoint(NUMBER, PASSWORD).toml(log).start().await;
    let mut addresses = Vec::new();
    for carrier in [Carrier::Udp, Carrier::Tcp] {
        for (password, status) in [(PASSWORD, 200), (WRONG, 403)] {
            let mut phone = Phone::connect(carrier, server.address(carrier), NUMBER, password).await;
            assert_eq!(phone.register(300).await.status(), status);
            addresses.push(phone.line().local().to_string());
        }
    }
    let (_, good) = server.run(&["endpoint", "add", "4930987654321", "--password-stdin"], "through-the-door\n").await;
    assert!(good);
    let ended = server.stop().await;
    assert_eq!(ended.status.code(), Some(0), "{:?}", ended.said);
    (ended.said, addresses)
}

#[tokio::test]
async fn the_fullest_log_shows_no_number_no_address_and_no_password() {
    for format in ["text", "json"] {
        let (said, addresses) = logged(&format!("[log]\nlevel = \"trace\"\nformat = \"{format}\"\n")).await;
        let told = said.iter().find(|line| line.contains("registered") && line.contains("…89#"));
        assert!(told.is_some(), "the registration is not in the log: {said:#?}");

        let people = [NUMBER, &NUMBER[1..], PASSWORD, WRONG, "4930987654321", "through-the-door"];
        for secret in people.into_iter().chain(addresses.iter().map(String::as_str)) {
            let shown: Vec<_> = said.iter().filter(|line| line.contains(secret)).collect();
            assert!(shown.is_empty(), "{secret} is shown: {shown:#?}");
        }
    }
}

#[tokio::test]
async fn whoever_asks_for_it_sees_numbers_but_never_a_password() {
    let (said, _) = logged("[log]\nlevel = \"trace\"\nredact = false\n").await;
    assert!(said.iter().any(|line| line.contains("registered") && line.contains(NUMBER)), "{said:#?}");
    for secret in [PASSWORD, WRONG, "through-the-door"] {
        let shown: Vec<_> = said.iter().filter(|line| line.contains(secret)).collect();
        assert!(shown.is_empty(), "{secret} is shown: {shown:#?}");
    }
}
