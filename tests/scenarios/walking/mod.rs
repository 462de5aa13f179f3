//! A person's way through the dashboard of a real server on which calls go on: each page is opened, and looked at with a careful eye, by
//! day and by night, on a wide screen and on a telephone's.

use patchcord_lab::{Carrier, Chromium, Handset, Lab, Model, Server, eventually};

use crate::calling::at_home;
use crate::page_phones::tab;
use crate::pages::{Door, house_of};
use crate::setup;

/// Faults of what is on the screen, as a list.
const LOOK: &str = include_str!("look.js");

/// Where pictures of the pages go, when somebody wants to look at them.
const PICTURES: &str = "PATCHCORD_PICTURES";

/// A service that records, asks and puts through.
const DESK: &str = r#"
fn on_invite(caller) {
    caller.answer();
    caller.start_record(#{ channels: "both" });
    let answer = caller.gather(#{ prompt: "tone::440@-20:400", digits: 1, timeout: 60.s() });
    caller.tag("pressed", answer.digits);
    caller.dial("user:bob", #{ ring: 30.s() });
}"#;

/// What tests it, of which one does not hold.
const DESK_TEST: &str = r#"
fn test_a_key_rings_bob(t) {
    let bob = t.endpoint("bob").answers(1.s());
    let phone = t.phone("101").dials("700").hears("tone::440@-20:400").presses("1").talks_to(bob);
    phone.hangs_up();
}
fn test_somebody_says_goodbye(t) {
    t.phone("101").dials("700").hears("goodbye");
}"#;

/// What a change of it still keeps to.
const DESK_TEST_OF_LESS: &str = r#"
fn test_it_asks(t) {
    t.phone("101").dials("700").hears("tone::440@-20:400");
}"#;

async fn house() -> (Server, Door) {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"desk\"\n";
    let setup = setup().service("desk", DESK).service("desk_test", DESK_TEST).toml(route);
    let setup = setup.endpoint_with("alice", "secret", "number = \"150\"");
    let setup = setup.endpoint_with("carol", "secret", "number = \"152\"");
    house_of(setup.endpoint_with("bob", "secret", "number = \"151\"")).await
}

async fn open(page: &mut Chromium, door: &Door, path: &str) {
    page.open(&format!("http://{}{path}", door.web)).await;
}

/// Does something that leads to another page.
async fn follow(page: &mut Chromium, script: &str) {
    page.run(&format!("window.old = true; {script}; true")).await;
    page.until("another page", "window.old === undefined && document.readyState === 'complete'").await;
}

async fn text_of(page: &mut Chromium, selector: &str) -> String {
    let text = page.run(&format!("document.querySelector('{selector}')?.textContent ?? ''")).await;
    text.as_str().expect("text").to_owned()
}

/// Nothing overlaps, sticks out, is too pale or has no name, and the browser complains of nothing.
async fn looks_well(page: &mut Chromium, path: &str) {
    is_fine(page, path).await;
    assert_eq!(page.errors(), Vec::<String>::new(), "{path}");
}

/// The same of a page that was refused, of which the browser complains by itself.
async fn is_fine(page: &mut Chromium, path: &str) {
    for size in [(1400, 900), (390, 844)] {
        for dark in [false, true] {
            page.look(size, dark).await;
            let faults = page.run(LOOK).await;
            assert_eq!(faults, serde_json::json!([]), "{path} at {size:?}, dark: {dark}");
            if let Some(folder) = std::env::var_os(PICTURES) {
                let name: String =
                    path.chars().take(24).map(|it| if it.is_alphanumeric() { it } else { '-' }).collect();
                let file = format!("walk{name}-{}-{}.png", size.0, if dark { "night" } else { "day" });
                page.picture(&std::path::Path::new(&folder).join(file)).await;
            }
        }
    }
    page.look((1280, 900), false).await;
}

/// Alice calls the desk, presses a key and talks with Bob.
async fn talk(lab: &Lab, server: &Server) -> (Handset, Handset) {
    let alice = at_home(lab, server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(lab, server, "bob", Carrier::Tcp, &Model::new()).await;
    alice.dial("700");
    alice.is_answered().await;
    (alice, bob)
}

#[tokio::test]
async fn a_call_is_watched_as_it_arrives_opened_heard_followed_filtered_exported_and_replayed() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let mut page = tab(&door, 400).await;
    open(&mut page, &door, "/live").await;
    assert!(text_of(&mut page, "main").await.contains("Nobody speaks"));

    let (alice, bob) = talk(&lab, &server).await;
    page.until("the call is seen as it arrives", "document.querySelector('#live td a')?.textContent.includes('700')")
        .await;
    follow(&mut page, "document.querySelector('#live td a').click()").await;
    let call = page.run("location.pathname").await.as_str().expect("an address").to_owned();
    assert_eq!(text_of(&mut page, ".kicker .badge").await, "going on");
    alice.press("1").await;
    bob.answers().await;
    alice.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&alice]).await;
    alice.hangs_up().await;
    page.until("the page sees its end", "document.querySelector('.kicker .badge').textContent === 'answered'").await;
    open(&mut page, &door, &call).await;

    // The proof: one axis, the ladder, the key, the recording that plays from where the axis is clicked.
    assert_eq!(text_of(&mut page, ".axis .pressed").await, "1");
    assert_eq!(page.run("document.querySelectorAll('.orders a').length >= 4").await, true);
    assert_eq!(page.run("document.querySelectorAll('.wave-strip').length").await, 1);
    page.run("document.querySelector('.steps summary').click(); true").await;
    assert!(text_of(&mut page, ".steps details[open] pre").await.starts_with("INVITE sip:700@"));
    let recorded = "[...document.querySelectorAll('.journal [data-at]')].find((line) => \
                    Number(line.dataset.at) > Number(document.querySelector('.sound').dataset.from))";
    page.run(&format!("{recorded}.click(); true")).await;
    page.until("the recording plays", "document.querySelector('audio').currentTime > 0.1").await;
    page.until("the line goes along", "document.querySelector('.axis.hears .cursor').getAttribute('x1') !== '0'").await;
    looks_well(&mut page, &call).await;

    // Two messages are held against each other.
    page.run("document.querySelectorAll('.steps [name=one]')[0].click(); document.querySelectorAll('.steps [name=other]')[1].click(); true").await;
    follow(&mut page, "document.getElementById('compare').requestSubmit()").await;
    assert_eq!(page.run("document.querySelectorAll('.diff').length > 0").await, true);
    looks_well(&mut page, "/two-messages").await;

    open(&mut page, &door, &call).await;
    follow(&mut page, "document.querySelector('a[href$=\"/replay\"]').click()").await;
    assert!(text_of(&mut page, "#verdict").await.starts_with("It would go as it went then"));
    looks_well(&mut page, "/replay").await;
    open(&mut page, &door, &format!("{call}/as-test")).await;
    assert_eq!(text_of(&mut page, "#verdict").await, "It was run against today's script, and holds.");
    looks_well(&mut page, "/as-test").await;
    // A change whose own tests fail is not served, so they ask for less first.
    server.write_service("desk_test", DESK_TEST_OF_LESS);
    server.write_service("desk", &DESK.replace("user:bob", "user:alice"));
    page.until(
        "the changed script goes another way",
        &format!(
            "fetch('{call}/replay').then((told) => told.text()).then((text) => text.includes('it would go otherwise'))"
        ),
    )
    .await;

    open(&mut page, &door, "/records?service=desk&outcome=answered").await;
    assert_eq!(page.run("document.querySelectorAll('.calls tbody tr').length").await, 1);
    open(&mut page, &door, "/records?service=desk&outcome=busy").await;
    assert!(text_of(&mut page, "main").await.contains("No call is like that."));
    let export = "fetch('/api/v1/records/export?format=csv').then((told) => told.text())";
    let csv = page.run(export).await;
    assert!(csv.as_str().expect("text").contains(call.trim_start_matches("/calls/")), "{csv}");
}

#[tokio::test]
async fn a_party_of_a_live_call_is_passed_on_by_the_form_on_the_page() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let mut page = tab(&door, 400).await;
    let (alice, bob) = talk(&lab, &server).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    open(&mut page, &door, "/live").await;
    assert_eq!(page.run("document.querySelector('#live .more')").await, serde_json::Value::Null, "nobody talks yet");
    alice.press("1").await;
    bob.answers().await;
    alice.comes_to_hear(&[&bob]).await;
    page.until("the form is there once two talk", "document.querySelector('#live .more') !== null").await;
    page.run("document.querySelector('#live .more summary').click(); true").await;
    let names = "[...document.querySelectorAll('#live .more option')].map((one) => one.textContent).join()";
    assert_eq!(page.run(names).await, "alice,bob");

    // A number that leads nowhere is refused in words, and both talk on.
    let pass = |to: &str| {
        format!(
            "document.querySelector('#live .more [name=leg]').selectedIndex = 0; \
             document.querySelector('#live .more [name=to]').value = '{to}'; \
             document.querySelector('#live .more button').click()"
        )
    };
    follow(&mut page, &pass("999999")).await;
    let refused = text_of(&mut page, "main").await;
    assert!(refused.contains("999999"), "{refused}");
    alice.comes_to_hear(&[&bob]).await;

    open(&mut page, &door, "/live").await;
    page.run("document.querySelector('#live .more summary').click(); true").await;
    follow(&mut page, &pass("user:carol")).await;
    assert_eq!(page.run("location.pathname").await, "/live");
    carol.answers().await;
    alice.comes_to_hear(&[&carol]).await;
    carol.comes_to_hear(&[&alice]).await;
    page.until(
        "the page tells with whom she talks",
        "document.querySelector('#live').textContent.includes('speaks with carol')",
    )
    .await;
    alice.hangs_up().await;
}

/// A call that goes on, and forms that are refused.
async fn open_and_refused(page: &mut Chromium, door: &Door) {
    open(page, door, "/live").await;
    follow(page, "document.querySelector('#live td a').click()").await;
    assert_eq!(text_of(page, ".kicker .badge").await, "going on");
    looks_well(page, "/open-call").await;
    let wrong = [
        ("/routes", "form[action='/routes'] [name=number]", "letters that nobody dials"),
        ("/people", "form[action='/people/users'] [name=name]", "a name with blanks"),
        ("/endpoints", "form[action='/endpoints'] [name=user]", "a name with blanks"),
        ("/bans", "form[action='/bans'] [name=network]", "nowhere"),
    ];
    for (path, field, said) in wrong {
        open(page, door, path).await;
        let filled = format!(
            "document.querySelector(\"{field}\").value = '{said}'; \
             const form = document.querySelector(\"{field}\").form; form.noValidate = true; form.closest('details')?.setAttribute('open', ''); \
             form.requestSubmit()"
        );
        follow(page, &filled).await;
        assert_eq!(page.run("document.querySelectorAll('main .flash.bad').length > 0").await, true, "{path}");
        is_fine(page, &format!("{path}-refused")).await;
    }
}

#[tokio::test]
async fn each_page_looks_well_while_calls_go_on() {
    let (server, door) = house().await;
    let lab = Lab::open();
    let mut page = tab(&door, 400).await;
    let (alice, _bob) = talk(&lab, &server).await;
    let second = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    second.dial("3001");
    second.is_answered().await;
    let is_open = async || server.json(&["rooms", "--json"]).await.to_string().contains("3001").then_some(());
    eventually("the room is open", is_open).await;
    let ban = "fetch('/bans', { method: 'POST', body: new URLSearchParams({ csrf: document.querySelector('[name=csrf]').content, \
               network: '198.51.100.7', reason: 'guesses passwords', for_s: '3600' }) }).then((told) => told.status)";
    open(&mut page, &door, "/bans").await;
    assert_eq!(page.run(ban).await, 200);
    let receiver = "fetch('/webhooks/receivers', { method: 'POST', body: new URLSearchParams({ \
                    csrf: document.querySelector('[name=csrf]').content, url: 'http://127.0.0.1:9/a/rather/long/address/of/a/program', \
                    'hears:call.*': 'on', 'hears:trunk.down': 'on', secret: '' }) }).then((told) => told.status)";
    open(&mut page, &door, "/webhooks").await;
    looks_well(&mut page, "/webhooks-of-nobody").await;
    assert_eq!(page.run(receiver).await, 200);
    for path in [
        "/",
        "/live",
        "/rooms",
        "/rooms/3001",
        "/records",
        "/endpoints",
        "/routes?caller=alice&called=700&at=2026-12-24T10:00",
        "/services",
        "/services/desk",
        "/recordings",
        "/sounds",
        "/sounds/en%2Fwelcome",
        "/webhooks",
        "/bans",
        "/people",
        "/audit",
        "/phone",
        "/phone/check",
    ] {
        open(&mut page, &door, path).await;
        looks_well(&mut page, path).await;
    }
    open_and_refused(&mut page, &door).await;
    open(&mut page, &door, "/routes?caller=alice&called=700").await;
    assert!(text_of(&mut page, "#story").await.contains("gather tone::440@-20:400"));
    open(&mut page, &door, "/services/desk").await;
    assert!(text_of(&mut page, "#examined").await.contains("1 of 2"), "tests that hold");
    assert!(text_of(&mut page, "#examined ~ .flash.bad").await.contains("1 test fails"));
    open(&mut page, &door, "/bans").await;
    assert!(text_of(&mut page, "main table").await.contains("guesses passwords"));
    alice.hangs_up().await;
    second.hangs_up().await;
}

#[tokio::test]
async fn pages_are_whole_without_a_script_and_are_walked_by_the_keyboard() {
    let (_server, door) = house().await;
    let mut page = tab(&door, 400).await;
    page.without_scripts(true).await;
    for path in ["/", "/live", "/records", "/endpoints", "/services", "/audit"] {
        open(&mut page, &door, path).await;
        assert!(text_of(&mut page, "main").await.len() > 40, "{path} says something without a script");
    }
    page.without_scripts(false).await;
    open(&mut page, &door, "/records").await;
    page.types("Tab").await;
    assert_eq!(page.run("document.activeElement.className").await, "skip", "the first key leads past the row of pages");
    page.types("Tab").await;
    assert_eq!(page.run("document.activeElement.className").await, "brand");
    page.run("document.activeElement.blur(); true").await;
    page.types("/").await;
    assert_eq!(page.run("document.activeElement.name").await, "text", "a key leads to the search");
    let ring = "getComputedStyle(document.activeElement).outlineStyle !== 'none'";
    assert_eq!(page.run(ring).await, true, "where one is can be seen");
}
