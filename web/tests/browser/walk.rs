//! A person's way through the pages.

use patchcord_engine::{
    room::{By, Rules, WaitFor},
    runtime::clock,
};
use patchcord_web::control::words::RoomOrder;

use crate::{
    chromium::{Browser, Look},
    keeping,
    lab::Lab,
    stage::{self, PASSWORD},
};

pub const WIDE: Look = Look { width: 1280, height: 900, dark: false };
const NARROW: Look = Look { width: 390, height: 844, dark: false };

/// Where pictures of the pages go, when somebody wants to look at them.
const PICTURES: &str = "PATCHCORD_PICTURES";

pub fn address(lab: &Lab, path: &str) -> String {
    format!("http://{}{path}", lab.web)
}

pub async fn log_in(browser: &mut Browser, lab: &Lab, name: &str) {
    browser.open(&address(lab, "/records")).await;
    let fill = format!(
        "document.querySelector('[name=name]').value = '{name}'; \
         document.querySelector('[name=password]').value = '{PASSWORD}'; document.querySelector('form').requestSubmit()"
    );
    browser.follow(&fill).await;
    assert_eq!(browser.run("location.pathname").await, "/records", "where he wanted to go");
}

/// Pages that say that something was refused.
const REFUSED: [&str; 3] = ["a refused form", "/calls/nothing", "/nowhere"];

/// Nothing sticks out of the page, and nothing was refused or broke.
pub async fn stands_well(browser: &mut Browser, page: &str) {
    let wider = browser.run("document.documentElement.scrollWidth - innerWidth").await;
    assert!(wider.as_i64().is_some_and(|wider| wider <= 0), "{page} is wider than its window by {wider}");
    // The browser writes down as well that a page is one of a refusal.
    let is_known = |complaint: &String| REFUSED.contains(&page) && complaint.contains("responded with a status of 4");
    let complaints: Vec<String> = browser.complaints().into_iter().filter(|complaint| !is_known(complaint)).collect();
    assert_eq!(complaints, Vec::<String>::new(), "{page}");
    assert_eq!(browser.run("window.owned === undefined").await, true, "{page} ran what a caller said");
}

#[tokio::test]
async fn a_person_logs_in_finds_a_call_opens_it_and_hears_it() {
    let lab = stage::house().await;
    let (id, pieces) = stage::good(&lab);
    stage::keep(&lab, &pieces).await;
    stage::keep(&lab, &stage::others()).await;
    let mut browser = Browser::start().await;
    browser.look(WIDE).await;
    log_in(&mut browser, &lab, "operator").await;
    assert_eq!(browser.run("document.querySelectorAll('.calls tbody tr').length").await, 5);

    browser.run("document.querySelector('[name=outcome]').value = 'answered'").await;
    browser.follow("document.querySelector('form.filters').requestSubmit()").await;
    assert_eq!(browser.run("document.querySelectorAll('.calls tbody tr').length").await, 1);
    browser.follow("document.querySelector('.calls .whole').click()").await;
    assert_eq!(browser.run("location.pathname").await, format!("/calls/{id}"));
    let said = browser.run("document.querySelector('h1').textContent").await;
    assert!(said.as_str().expect("text").contains("Bob's phone rang 6 s and answered"), "{said}");
    assert_eq!(browser.run("document.querySelectorAll('.axis .talking').length").await, 2);
    assert_eq!(browser.run("document.querySelector('.axis .pressed').textContent").await, "1");

    // The text of a message is behind a click.
    assert_eq!(browser.run("document.querySelectorAll('.steps details').length").await, 7);
    browser.run("document.querySelector('.steps summary').click()").await;
    let sip = browser.run("document.querySelector('.steps details[open] pre').textContent").await;
    assert!(sip.as_str().expect("text").contains("INVITE sip:1000@example.org SIP/2.0"), "{sip}");
    assert!(sip.as_str().expect("text").contains(stage::HOSTILE), "as it was said, and nothing of it run");

    // How long it is stands there before anybody has listened.
    assert_eq!(browser.run("document.querySelector('.player span').textContent").await, "0:00 / 0:02");
    assert_eq!(browser.run("document.querySelector('audio').readyState").await, 0);
    let deeds = lab.order("GET", "/api/v1/audit?limit=10", "").await;
    assert!(!deeds.body.contains("listened to"), "{deeds:?}");
    browser.run("document.querySelector('.player button').click()").await;
    browser.eventually("the recording plays", "document.querySelector('audio').currentTime > 0").await;
    assert_eq!(
        browser.run("document.querySelector('.player button').getAttribute('aria-label')").await,
        "Pause: Recording 1"
    );
    assert_eq!(browser.run("Math.round(document.querySelector('audio').duration)").await, 2);
    browser.eventually("the line moves", "Number(document.querySelector('.wave .now').getAttribute('x1')) > 0").await;
    let deeds = lab.order("GET", "/api/v1/audit?limit=10", "").await.json();
    let listened = deeds["deeds"].as_array().expect("deeds").iter().find(|deed| deed["deed"] == "listened to");
    assert_eq!(listened.expect("it is noted")["who"], "operator");
    stands_well(&mut browser, "the call").await;
}

#[tokio::test]
async fn a_second_of_a_call_is_heard_by_a_click_and_two_messages_are_held_against_each_other() {
    let lab = stage::house().await;
    let (id, pieces) = stage::good(&lab);
    stage::keep(&lab, &pieces).await;
    let mut browser = Browser::start().await;
    browser.look(WIDE).await;
    log_in(&mut browser, &lab, "operator").await;
    browser.open(&address(&lab, &format!("/calls/{id}"))).await;

    // Lines of the service, loudness and quality stand on the same axis.
    for (what, many) in [(".orders a", 3), (".wave-strip", 1), (".quality-strip", 1), (".sip-mark", 5)] {
        assert_eq!(browser.run(&format!("document.querySelectorAll('.axis {what}').length")).await, many, "{what}");
    }
    let line = browser.run("document.querySelector('.orders text').textContent").await;
    assert!(line.as_str().expect("text").starts_with("4: answer"), "{line}");

    // The recording runs from second 10 to second 12 of the call.
    let click = |share: f64| {
        format!(
            "(() => {{ const axis = document.querySelector('.axis'), box = axis.getBoundingClientRect(); \
             axis.dispatchEvent(new MouseEvent('click', {{ bubbles: true, clientX: box.left + box.width * {share} }})); \
             return document.getElementById('heard').textContent }})()"
        )
    };
    assert_eq!(browser.run(&click(11.0 / 133.5)).await, "Plays from 11.0 s.");
    browser.eventually("it plays from there", "document.querySelector('audio').currentTime > 1").await;
    browser.eventually("the journal goes along", "document.querySelector('.journal tr.now') !== null").await;
    let told = browser.run(&click(100.0 / 133.5)).await;
    assert!(told.as_str().is_some_and(|told| told.starts_with("Nothing was recorded at")), "{told}");
    let told = browser.run("document.querySelector('.journal [data-at=\"10.000\"]').click()").await;
    assert!(told.is_null());
    assert_eq!(browser.run("document.getElementById('heard').textContent").await, "Plays from 10.0 s.");

    let choose =
        |name: &str, at: usize| format!("document.querySelectorAll('.pick [name={name}]')[{at}].checked = true");
    browser.run(&choose("one", 0)).await;
    browser.run(&choose("other", 2)).await;
    browser.follow("document.getElementById('compare').requestSubmit()").await;
    assert_eq!(browser.run("location.hash").await, "#compared");
    assert_eq!(
        browser.run("document.querySelector('.diff .gone code').textContent").await,
        "INVITE sip:1000@example.org SIP/2.0"
    );
    assert_eq!(
        browser.run("document.querySelector('.diff .come code').textContent").await,
        "INVITE sip:bob@192.0.2.7 SIP/2.0"
    );
    assert_eq!(browser.run("document.querySelectorAll('.diff .same').length > 5").await, true);
    assert_eq!(browser.run(&choose("one", 0).replace(" = true", "")).await, true, "the choice stays");
    stands_well(&mut browser, "the call with two messages compared").await;
    browser.look(NARROW).await;
    stands_well(&mut browser, "the same, narrow").await;
}

#[tokio::test]
async fn a_filter_is_saved_under_a_name_found_again_by_its_owner_and_forgotten() {
    let lab = stage::house().await;
    stage::keep(&lab, &stage::others()).await;
    let mut browser = Browser::start().await;
    browser.look(WIDE).await;
    log_in(&mut browser, &lab, "operator").await;
    assert_eq!(browser.run("document.querySelector('.saved') === null").await, true, "nothing is filtered yet");
    browser.open(&address(&lab, "/records?outcome=busy&text=%3Cb%3E")).await;
    browser.run("document.querySelector('.saved [name=name]').value = 'Busy <b>'").await;
    browser.follow("document.querySelector('.saved form').requestSubmit()").await;
    assert_eq!(browser.run("document.querySelector('.chip[aria-current]').textContent").await, "Busy <b>");
    browser.open(&address(&lab, "/records")).await;
    browser.follow("document.querySelector('.chip').click()").await;
    assert_eq!(browser.run("location.search").await, "?outcome=busy&text=%3Cb%3E");
    stands_well(&mut browser, "a saved filter").await;

    let mut other = Browser::start().await;
    log_in(&mut other, &lab, "admin").await;
    assert_eq!(other.run("document.querySelectorAll('.chip').length").await, 0, "filters are one's own");

    browser.follow("document.querySelector('.saved form').requestSubmit()").await;
    assert_eq!(browser.run("document.querySelectorAll('.chip').length").await, 0);
}

#[tokio::test]
async fn an_export_tells_how_far_it_is_and_gives_the_file() {
    let lab = stage::house().await;
    stage::keep(&lab, &stage::others()).await;
    let mut browser = Browser::start().await;
    log_in(&mut browser, &lab, "operator").await;
    browser.run("window.saved = null; URL.createObjectURL = (blob) => { blob.text().then((text) => (window.saved = text)); return '#'; }").await;
    browser.run("document.querySelector('[data-export=\"calls.csv\"]').click()").await;
    browser.eventually("the file is there", "window.saved !== null && window.saved.startsWith('call,began_utc')").await;
    let told = browser.run("document.querySelector('#export [role=status]').textContent").await;
    assert!(told.as_str().expect("text").starts_with("calls.csv: 4 calls, 0.0 MB"), "{told}");
    stands_well(&mut browser, "the export").await;
}

#[tokio::test]
async fn a_call_that_goes_on_is_followed_without_loading_the_page_again() {
    let lab = stage::house().await;
    let (journal, piece) = stage::going_on();
    let call = piece.call;
    stage::keep(&lab, &[piece]).await;
    let mut browser = Browser::start().await;
    log_in(&mut browser, &lab, "operator").await;
    browser.open(&address(&lab, &format!("/calls/{call}"))).await;
    assert_eq!(browser.run("document.querySelector('.badge').textContent").await, "going on");
    let at = std::time::Duration::from_secs(9);
    stage::keep(&lab, &[journal.end(at, patchcord_engine::journal::Outcome::Answered)]).await;
    browser.eventually("it is over", "document.querySelector('.badge').textContent === 'answered'").await;
    stands_well(&mut browser, "the call").await;
}

#[tokio::test]
async fn what_hostile_callers_say_is_shown_and_never_run() {
    let lab = stage::house().await;
    stage::keep(&lab, &stage::others()).await;
    let mut browser = Browser::start().await;
    log_in(&mut browser, &lab, "admin").await;
    let shown = browser.run("document.querySelector('main').textContent.includes('<img src=x onerror=')").await;
    assert_eq!(shown, true, "it is shown as it was said");
    assert_eq!(browser.run("document.querySelectorAll('main img, main script').length").await, 0);
    browser.open(&address(&lab, "/records?text=%22%3E%3Cscript%3Ewindow.owned%3D1%3C%2Fscript%3E")).await;
    stands_well(&mut browser, "a hostile filter").await;
    browser.open(&address(&lab, "/records?outcome=%3Cscript%3Ewindow.owned%3D1%3C%2Fscript%3E")).await;
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|told| told.contains("400")), "{complaints:?}");
    assert_eq!(browser.run("window.owned === undefined").await, true);
}

#[tokio::test]
async fn whoever_may_not_see_numbers_sees_none() {
    let lab = stage::house().await;
    let (id, pieces) = stage::good(&lab);
    stage::keep(&lab, &pieces).await;
    let mut browser = Browser::start().await;
    log_in(&mut browser, &lab, "viewer").await;
    for path in ["/records".to_owned(), format!("/calls/{id}"), format!("/calls/{id}/json")] {
        let text = browser.run(&format!("fetch('{path}').then(answer => answer.text())")).await;
        let text = text.as_str().expect("text");
        assert!(text.contains("•••01"), "{path}: {text}");
        assert!(
            !text.contains("4930123101") && !text.contains("Müller") && !text.contains("INVITE sip:"),
            "{path}: {text}"
        );
    }
    for path in [format!("/calls/{id}/recordings/0"), format!("/calls/{id}/pcap")] {
        assert_eq!(browser.run(&format!("fetch('{path}').then(answer => answer.status)")).await, 403, "{path}");
    }
}

#[tokio::test]
async fn each_page_stands_well_wide_and_narrow_by_day_and_by_night() {
    let lab = keeping::telling().await;
    let (id, pieces) = stage::good(&lab);
    stage::keep(&lab, &pieces).await;
    stage::keep(&lab, &stage::others()).await;
    stage::keep(&lab, &[stage::going_on().1]).await;
    lab.bind("filed").await;
    let pictures = std::env::var_os(PICTURES).map(std::path::PathBuf::from);
    let mut browser = Browser::start().await;
    browser.open(&address(&lab, "/login")).await;
    let call = format!("/calls/{id}");
    let tried = "/routes?caller=filed&called=900";
    stage::serves(&lab);
    let pages = [
        "/",
        "/records",
        &call,
        "/live",
        "/endpoints",
        tried,
        "/services",
        "/services/menu",
        "/services/night",
        "/people",
        "/audit",
        "/recordings",
        "/sounds",
        "/webhooks",
        "/bans",
        "/rooms",
        "/calls/nothing",
        "/nowhere",
    ];
    let mut logged_in = false;
    for (number, path) in ["/login"].iter().chain(&pages).enumerate() {
        if number == 1 && !logged_in {
            log_in(&mut browser, &lab, "admin").await;
            logged_in = true;
        }
        browser.open(&address(&lab, path)).await;
        for (name, look) in [("wide", WIDE), ("narrow", NARROW)] {
            for (time, dark) in [("day", false), ("night", true)] {
                browser.look(Look { dark, ..look }).await;
                stands_well(&mut browser, path).await;
                if let Some(folder) = &pictures {
                    let page = path.split(['/', '?']).nth(1).filter(|page| !page.is_empty()).unwrap_or("home");
                    browser.picture(&folder.join(format!("{number}-{page}-{name}-{time}.png"))).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_form_that_is_refused_stands_on_its_page_with_what_was_typed() {
    let lab = stage::house().await;
    let pictures = std::env::var_os(PICTURES).map(std::path::PathBuf::from);
    let mut browser = Browser::start().await;
    browser.look(WIDE).await;
    log_in(&mut browser, &lab, "admin").await;
    browser.open(&address(&lab, "/bans")).await;
    let typed = "const form = document.querySelector('form[method=post][action=\"/bans\"]'); \
                 form.network.value = '192.0.2.300'; form.reason.value = 'guesses & tries'; form.for_s.value = '86400'; \
                 form.querySelector('button').click()";
    browser.follow(typed).await;
    let alert = browser.run("document.querySelector('[role=alert]').textContent").await;
    assert!(alert.as_str().is_some_and(|told| told.contains("192.0.2.300")), "{alert}");
    let form = "document.querySelector('#again')";
    let kept = format!("[{form}.network.value, {form}.reason.value, {form}.for_s.value].join('|')");
    assert_eq!(browser.run(&kept).await, "192.0.2.300|guesses & tries|86400");
    for (name, look) in [("wide", WIDE), ("narrow", NARROW)] {
        browser.look(look).await;
        stands_well(&mut browser, "a refused form").await;
        if let Some(folder) = &pictures {
            browser.picture(&folder.join(format!("refused-{name}.png"))).await;
        }
    }
    browser.look(WIDE).await;
    browser.follow(&format!("{form}.network.value = '192.0.2.77'; {form}.querySelector('button').click()")).await;
    assert_eq!(browser.run("document.querySelector('main tbody strong').textContent").await, "192.0.2.77");
    browser.open(&address(&lab, "/webhooks")).await;
    let added = "document.querySelector('form[method=post][action=\"/webhooks/receivers\"]')";
    browser
        .follow(&format!(
            "{added}.url.type = 'text'; {added}.url.value = 'ftp://192.0.2.1'; {added}.querySelector('button').click()"
        ))
        .await;
    let alert = browser.run("document.querySelector('[role=alert]').textContent").await;
    assert!(alert.as_str().is_some_and(|told| told.contains("still there")), "{alert}");
    // Where the page stands it can be loaded anew, by itself and by whoever reads it.
    assert_eq!(browser.run("location.pathname").await, "/webhooks");
}

/// Every control of a room is on its page, and says what it does where a word does not.
async fn every_control_is_found(browser: &mut Browser) {
    let deeds = |of: &str| {
        format!(
            "[...document.querySelectorAll('{of}')].map((one) => one.dataset.deed).sort().filter((deed, at, all) => deed !== all[at - 1]).join(' ')"
        )
    };
    assert_eq!(browser.run(&deeds("#room-head [data-deed]")).await, "end lock mute record");
    assert_eq!(browser.run(&deeds("[data-room] > .wishes [data-deed]")).await, "announce invite merge");
    assert_eq!(browser.run(&deeds("#room-sound [data-deed]")).await, "automatic_gain denoise gate");
    let of_one = "announce aside deaf denoise gain gate hand hears kick move mute role";
    assert_eq!(browser.run(&deeds(".seat:first-child [data-deed]")).await, of_one);
    let unsaid = "[...document.querySelectorAll('[data-deed]')].filter((one) => !one.title && one.textContent.trim().split(' ').length < 2 && one.textContent !== 'Set').map((one) => one.textContent).join()";
    assert_eq!(browser.run(unsaid).await, "");
    let offered =
        "['prompt', 'room'].every((field) => document.querySelector(`[name=${field}]`).list.id === `offered-${field}`)";
    assert_eq!(browser.run(offered).await, true, "prompts and rooms are offered by name");
}

#[tokio::test]
async fn a_room_is_watched_and_ruled_and_what_is_left_of_it_is_read() {
    let lab = stage::house().await;
    let [eva, bob] = [stage::member(1, "Dr. Eva Müller", "+4930123101"), stage::member(2, "Bob", "102")];
    stage::comes(&lab, &eva);
    stage::comes(&lab, &bob);
    let mut browser = Browser::start().await;
    browser.look(WIDE).await;
    log_in(&mut browser, &lab, "operator").await;
    browser.open(&address(&lab, "/rooms")).await;
    browser.follow("document.querySelector('main a[href=\"/rooms/weekly\"]').click()").await;
    assert_eq!(browser.run("document.querySelectorAll('.seat').length").await, 2);
    stands_well(&mut browser, "the room").await;

    lab.board.rooms.speaks(eva.place, Some(10), clock::now());
    browser.eventually("she is seen to talk", "document.querySelectorAll('.seat.talks.floor meter').length == 1").await;
    browser.eventually("the level moves", "document.querySelector('.seat.talks meter').value > 0.5").await;
    lab.board.rooms.speaks(eva.place, None, clock::now());
    browser.eventually("she is silent", "document.querySelectorAll('.seat.talks').length == 0").await;

    every_control_is_found(&mut browser).await;
    // What somebody has opened stays open while others are seen to come and go.
    browser.run("document.querySelector('.seat details').open = true").await;
    let carl = stage::member(3, "Bob", "103");
    stage::comes(&lab, &carl);
    browser.eventually("the third is seen", "document.querySelectorAll('.seat').length == 3").await;
    assert_eq!(browser.run("document.querySelector('.seat details').open").await, true);
    let names = "[...document.querySelectorAll('.seat .name strong')].map((one) => one.textContent.replace(/[0-9]+/, 'n')).join()";
    assert_eq!(browser.run(names).await, "Dr. Eva Müller (+n),Bob (n),Bob (n)");
    stage::leaves(&lab, &carl);
    browser.eventually("and gone", "document.querySelectorAll('.seat').length == 2").await;

    // Each of them can be seen in the room's lines.
    let talked = "document.querySelectorAll('#room-history .talks').length >= 2";
    browser.open(&address(&lab, "/rooms/weekly")).await;
    assert_eq!(browser.run(talked).await, true, "the floor, and her talk");

    browser.follow("document.querySelector('.seat [data-deed=mute]').click()").await;
    assert_eq!(browser.run("document.querySelectorAll('.seat .badge').length").await, 1, "muted");
    browser.follow("document.querySelector('.head [data-deed=lock]').click()").await;
    assert_eq!(browser.run("document.querySelector('h1 .badge').textContent").await, "locked");
    stage::leaves(&lab, &bob);
    browser.eventually("he is gone", "document.querySelectorAll('.seat').length == 1").await;
    browser.look(NARROW).await;
    stands_well(&mut browser, "the room, narrow").await;
    browser.look(WIDE).await;

    browser.follow("document.querySelector('[data-deed=end]').click()").await;
    assert_eq!(browser.run("location.pathname").await, "/rooms");
    stage::leaves(&lab, &eva);
    assert!(!patchcord_web::past_rooms::write(&lab.store, &lab.board).await, "it is written");
    browser.open(&address(&lab, "/rooms")).await;
    browser.follow("document.querySelector('main a[href^=\"/past-rooms/\"]').click()").await;
    assert_eq!(browser.run("document.querySelectorAll('.line .stays').length").await, 3);
    let talks = "[...document.querySelectorAll('.line')].map((line) => line.querySelectorAll('.talks').length).join()";
    assert_eq!(browser.run(talks).await, "1,1,0,0,0", "she had the floor, and talked once; the others did not");
    stands_well(&mut browser, "the room that is over").await;
}

#[tokio::test]
async fn whoever_waits_is_let_in_by_a_button_and_all_others_by_another() {
    let lab = stage::house().await;
    let rules = Rules { wait_for: WaitFor::Admission, ..Rules::default() };
    lab.board.rooms.fix([("weekly".to_owned(), rules)]);
    let all = [stage::member(1, "Eva", "101"), stage::member(2, "Bob", "102"), stage::member(3, "Carl", "103")];
    all.iter().for_each(|one| stage::comes(&lab, one));
    let mut browser = Browser::start().await;
    browser.look(WIDE).await;
    log_in(&mut browser, &lab, "operator").await;
    browser.open(&address(&lab, "/rooms/weekly")).await;
    let waiting =
        "[...document.querySelectorAll('.seat .badge')].filter((one) => one.textContent === 'waiting').length";
    assert_eq!(browser.run(waiting).await, 3);
    browser.follow("document.querySelector('.seat:nth-child(2) [data-deed=admit]').click()").await;
    assert_eq!(browser.run(waiting).await, 2);
    assert_eq!(browser.run("!!document.querySelector('.seat:nth-child(2) [data-deed=admit]')").await, false);
    browser.follow("document.querySelector('.head [data-deed=admit]').click()").await;
    assert_eq!(browser.run(waiting).await, 0);
    assert_eq!(
        browser.run("!!document.querySelector('[data-deed=admit]')").await,
        false,
        "nobody is left to be let in"
    );
}

#[tokio::test]
async fn six_members_stand_well_in_every_light_and_width_also_where_all_is_open() {
    let lab = stage::house().await;
    let names = ["Dr. Eva Müller-Lüdenscheidt", "bob", "carol", "dave", "erin", "frank"];
    let all: Vec<_> =
        names.iter().zip(1..).map(|(name, call)| stage::member(call, name, &format!("10{call}"))).collect();
    all.iter().for_each(|one| stage::comes(&lab, one));
    let now = clock::now();
    lab.board.rooms.speaks(all[0].place, Some(10), now);
    lab.board.rooms.speaks(all[1].place, Some(25), now);
    lab.board.rooms.unheard(all[2].place, now.checked_sub(std::time::Duration::from_secs(12)), now);
    for deed in ["mute", "deaf", "hand", "aside"] {
        let member = lab.board.rooms.whereabouts(all[3].place).expect("dave is in").1.0;
        let wanted = RoomOrder { deed: deed.into(), member: Some(member), ..RoomOrder::default() };
        let order = wanted.read("weekly").expect("an order");
        lab.board.rooms.order("weekly", order, By::command_line(), (now, clock::wall())).expect("done");
    }
    let pictures = std::env::var_os(PICTURES).map(std::path::PathBuf::from);
    let mut browser = Browser::start().await;
    browser.look(WIDE).await;
    log_in(&mut browser, &lab, "operator").await;
    for (dark, light) in [(false, "light"), (true, "dark")] {
        for (look, width) in [(WIDE, "wide"), (NARROW, "narrow")] {
            browser.look(Look { dark, ..look }).await;
            browser.open(&address(&lab, "/rooms/weekly")).await;
            assert_eq!(browser.run("document.querySelectorAll('.seat').length").await, 6);
            let opens = ["'#nothing'", "'#room-sound details'", "'.seat:nth-child(4) details'"];
            for (number, opens) in opens.iter().enumerate() {
                browser.run(&format!("document.querySelectorAll({opens}).forEach((one) => (one.open = true))")).await;
                let name = format!("six-members-{width}-{light}-{number}");
                stands_well(&mut browser, &name).await;
                if let Some(folder) = &pictures {
                    browser.picture(&folder.join(format!("{name}.png"))).await;
                }
            }
        }
    }
}
