//! The dashboard's phone in Chromium, beyond a call: it hands parties on, presses keys, and hears who hung up; on a phone's screen, too.

use patchcord_lab::{Carrier, Lab, Model, Server, Side};
use serde_json::json;

use crate::calling::at_home;
use crate::page_phones::{comes_to_hear_page, dashboard, dial, hears, is_over, presses, shows};
use crate::pages::{Door, house_of};
use crate::records::records;
use crate::setup;

const READS_KEYS: &str = r#"
fn on_invite(caller) {
    caller.answer();
    let answer = caller.gather(#{ prompt: "tone::440", digits: 4, timeout: 15.s() });
    caller.tag("pressed", answer.digits);
}"#;

async fn house() -> (Server, Door) {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let setup = setup().service("ivr", READS_KEYS).toml(route);
    let setup = setup.endpoint_with("alice", "secret", "number = \"150\"");
    house_of(setup.endpoint_with("bob", "secret", "number = \"151\"")).await
}

#[tokio::test]
async fn the_page_hands_a_party_on_to_the_number_in_its_field() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let mut page = dashboard(&door).await;
    dial(&mut page, "150").await;
    alice.answers().await;
    shows(&mut page, "talks").await;
    hears(&mut page, alice.voice().hz()).await;
    page.run("document.getElementById('number').value = '151'; true").await;
    presses(&mut page, "Transfer").await;
    bob.answers().await;
    alice.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&alice]).await;
    is_over(&mut page).await;
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn the_page_asks_first_and_joins_its_two_talks_then() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    let mut page = dashboard(&door).await;
    dial(&mut page, "150").await;
    alice.answers().await;
    shows(&mut page, "talks").await;
    presses(&mut page, "Hold").await;
    shows(&mut page, "on hold").await;
    dial(&mut page, "151").await;
    bob.answers().await;
    page.until("it talks with the second one", "document.querySelectorAll('.talk')[1]?.dataset.state === 'talking'")
        .await;
    page.run("[...document.querySelectorAll('.talk')[1].querySelectorAll('button')].find((one) => one.textContent === 'Transfer').click(); true").await;
    alice.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&alice]).await;
    is_over(&mut page).await;
    alice.hangs_up().await;
    assert_eq!(bob.is_over().await.by, Side::Them);
}

#[tokio::test]
async fn keys_of_the_page_reach_the_script_and_the_page_sees_that_it_hung_up() {
    let (server, door) = house().await;
    let mut page = dashboard(&door).await;
    dial(&mut page, "700").await;
    shows(&mut page, "talks").await;
    hears(&mut page, 440).await;
    for key in ["4", "2", "*", "7"] {
        page.run(&format!("document.querySelector('[data-key=\"{key}\"]').click(); true")).await;
    }
    is_over(&mut page).await;
    let told = records(&server, 1).await;
    let tags = told[0]["record"]["tags"].as_array().expect("tags").clone();
    assert!(tags.contains(&json!(["pressed", "42*7"])), "{tags:?}");
}

#[tokio::test]
async fn both_legs_of_a_talk_with_the_page_have_quality_and_the_screen_of_a_telephone_shows_it_all() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let mut page = dashboard(&door).await;
    page.narrow().await;
    alice.dial("100");
    shows(&mut page, "calls you").await;
    presses(&mut page, "Answer").await;
    shows(&mut page, "talks").await;
    hears(&mut page, alice.voice().hz()).await;
    comes_to_hear_page(&alice).await;
    let wide = "document.documentElement.scrollWidth <= innerWidth && innerWidth < 400";
    assert_eq!(page.run(wide).await, true, "nothing sticks out");
    let cut = "[...document.querySelectorAll('.talk .buttons button:not([hidden])')].every((one) => { \
               const box = one.getBoundingClientRect(); return box.left >= 0 && box.right <= innerWidth && box.height >= 36 })";
    assert_eq!(page.run(cut).await, true, "each button is whole and large enough for a finger");
    let reports = "[...phone.talks.values()][0].quality().then((told) => told.received > 400)";
    page.until("it has talked for a while", reports).await;
    presses(&mut page, "Hang up").await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    let told = records(&server, 1).await;
    let legs = told[0]["record"]["legs"].as_array().expect("legs");
    let heard = legs.iter().filter(|leg| !leg["quality"].is_null()).count();
    assert_eq!(heard, 2, "{told:#?}");
}
