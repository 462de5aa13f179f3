//! The dashboard's phone in Chromium, beyond a call: it hands parties on, presses keys, and hears who hung up; on a phone's screen, too.

use patchcord_lab::{Carrier, Chromium, Lab, Model, Server, Side, serve_page};
use serde_json::json;

use crate::calling::at_home;
use crate::page_phones::{comes_to_hear_page, dashboard, dial, hears, hears_page_no_more, is_over, presses, shows};
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
    let setup = setup().service("ivr", READS_KEYS).toml(route).web("origins = [\"*\"]");
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
    types(&mut page, "151").await;
    presses(&mut page, "Transfer to 151").await;
    bob.answers().await;
    alice.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&alice]).await;
    is_over(&mut page).await;
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    assert_eq!(page.complaints(), Vec::<String>::new());
}

/// The field of the number says that, as if it was typed.
async fn types(page: &mut Chromium, number: &str) {
    let type_it = format!(
        "document.getElementById('number').value = '{number}'; document.getElementById('number').dispatchEvent(new Event('input')); true"
    );
    page.run(&type_it).await;
}

/// What each of its talks shows: whom it is with, and how it stands.
async fn talks_are(page: &mut Chromium, told: &[&str]) {
    let all = "[...document.querySelectorAll('.talk')].map((one) => `${one.querySelector('strong').textContent} ${one.querySelector('.badge').textContent}`)";
    page.until(&format!("its talks are {told:?}"), &format!("JSON.stringify({all}) === '{}'", json!(told))).await;
}

#[tokio::test]
async fn a_second_talk_holds_the_first_and_a_click_goes_back_to_it() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    let mut page = dashboard(&door).await;
    dial(&mut page, "150").await;
    alice.answers().await;
    talks_are(&mut page, &["150 talks"]).await;
    comes_to_hear_page(&alice).await;
    dial(&mut page, "151").await;
    bob.answers().await;
    talks_are(&mut page, &["150 on hold", "151 talks"]).await;
    comes_to_hear_page(&bob).await;
    hears_page_no_more(&alice).await;
    page.run("document.querySelectorAll('.talk .head')[0].click(); true").await;
    talks_are(&mut page, &["150 talks", "151 on hold"]).await;
    comes_to_hear_page(&alice).await;
    hears_page_no_more(&bob).await;
    bob.hangs_up().await;
    talks_are(&mut page, &["150 talks", "151 over"]).await;

    // Whoever calls and is answered is alone with the page, too.
    talks_are(&mut page, &["150 talks"]).await;
    bob.dial("100");
    let states = "[...document.querySelectorAll('.talk')].map((one) => one.dataset.state).join()";
    page.until("bob rings", &format!("{states} === 'talking,ringing'")).await;
    let answer =
        "[...document.querySelectorAll('.talk button')].find((one) => one.textContent === 'Answer' && !one.hidden)";
    page.run(&format!("{answer}.click(); true")).await;
    page.until("alice waits", &format!("{states} === 'held,talking'")).await;
    comes_to_hear_page(&bob).await;
    hears_page_no_more(&alice).await;
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn the_page_names_whom_it_joins_and_whoever_is_joined_sees_with_whom() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let mut page = dashboard(&door).await;
    let mut guest = page.tab(800).await;
    let minted = door.token(json!({ "kind": "browser", "numbers": ["100"], "expires": 600, "name": "Web shop" })).await;
    let script = format!(
        "window.call = async () => {{
            const {{ Patchcord }} = await import('http://{}/phone.js');
            window.talk = await Patchcord.call('100', {{ token: {} }});
            talk.onother = (number) => (window.told = number);
            return true;
        }};",
        door.web, minted["token"]
    );
    guest.open(&serve_page(script).await).await;
    assert_eq!(guest.run("call()").await, true);
    shows(&mut page, "calls you").await;
    presses(&mut page, "Answer").await;
    shows(&mut page, "talks").await;
    page.narrow().await;
    dial(&mut page, "150").await;
    alice.answers().await;
    page.until("it talks with both", "document.querySelectorAll('.talk')[1]?.dataset.state === 'talking'").await;
    let label = "[...document.querySelectorAll('.talk .naming')].map((one) => one.textContent)[1]";
    assert_eq!(page.run(label).await, "Join 150 and Web shop");
    let cut = "document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('.talk .naming')].every((one) => { \
               const box = one.getBoundingClientRect(); return box.left >= 0 && box.right <= innerWidth })";
    assert_eq!(page.run(cut).await, true, "it is whole on a narrow screen");
    types(&mut page, "151").await;
    assert_eq!(page.run(label).await, "Transfer to 151");
    types(&mut page, "").await;
    presses(&mut page, "Join 150 and Web shop").await;
    is_over(&mut page).await;
    guest.until("the guest is told whom it talks with", "window.told === '150' && talk.other === '150'").await;
    guest.until("it talks on", "talk.state === 'talking'").await;
    alice.hangs_up().await;
    guest.until("it is told the end", "talk.state === 'ended'").await;
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
