//! Pages of what is kept: recordings heard and deleted, prompts uploaded and put back, deliveries sent again.

use std::time::Duration;

use patchcord_engine::runtime::clock;
use patchcord_web::{store::webhooks::Delivery, webhooks::Settings};

use crate::{
    chromium::Browser,
    lab::Lab,
    stage,
    walk::{WIDE, address, log_in, stands_well},
};

/// What a receiver is called that nobody serves.
const CRM: &str = "https://crm.example.org/patchcord";

/// A house that tells a receiver, of whose deliveries one is dead and one waits.
pub async fn telling() -> Lab {
    let events = vec!["call.*".parse().expect("events")];
    let lab = Lab::telling(Settings { urls: vec![CRM.into()], secret: "a secret".into(), events }).await;
    stage::people(&lab).await;
    let now = clock::wall();
    let delivery = |id: &str, why: Option<&str>, tries: usize| Delivery {
        id: id.into(),
        url: CRM.into(),
        event: "call.ended".into(),
        body: r#"{"id":"1","event":"call.ended","data":{"sentence":"Alice called 102, who was busy."}}"#.into(),
        made: now - Duration::from_secs(3600),
        tries,
        next: why.is_none().then(|| now + Duration::from_secs(600)),
        why: why.map(Into::into),
    };
    let kept = [delivery("0001", Some("the receiver says 503 Service Unavailable"), 10), delivery("0002", None, 2)];
    lab.store.keep_webhooks(&kept).await.expect("kept");
    lab
}

/// Chooses a sound of so many samples in the form with that selector, and sends the form.
fn upload(form: &str, name: Option<&str>) -> String {
    let name = name.map_or_else(String::new, |name| format!("form.querySelector('[name=name]').value = '{name}';"));
    format!(
        "(() => {{ const form = document.querySelector('{form}'); {name}
            const [rate, samples] = [8000, 8000], view = new DataView(new ArrayBuffer(44 + 2 * samples));
            const word = (at, text) => [...text].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
            word(0, 'RIFF'); view.setUint32(4, 36 + 2 * samples, true); word(8, 'WAVEfmt ');
            view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
            view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true);
            view.setUint16(34, 16, true); word(36, 'data'); view.setUint32(40, 2 * samples, true);
            for (let n = 0; n < samples; n += 1) view.setInt16(44 + 2 * n, 8000 * Math.sin(n / 3), true);
            const chosen = new DataTransfer();
            chosen.items.add(new File([view.buffer], 'menu.wav', {{ type: 'audio/wav' }}));
            form.querySelector('[type=file]').files = chosen.files;
            form.requestSubmit(); }})()"
    )
}

#[tokio::test]
async fn a_prompt_is_uploaded_heard_replaced_put_back_and_taken_away_by_its_pages() {
    let lab = stage::house().await;
    let mut browser = Browser::start().await;
    browser.look(WIDE).await;
    log_in(&mut browser, &lab, "operator").await;
    browser.open(&address(&lab, "/sounds")).await;
    browser.follow(&upload("form[enctype]", Some("de/menu"))).await;
    assert_eq!(browser.run("location.pathname").await, "/sounds/de%2Fmenu");
    browser.eventually("it can be heard", "document.querySelector('audio').duration === 1").await;
    stands_well(&mut browser, "a prompt").await;

    browser.follow(&upload("form[enctype]", None)).await;
    assert_eq!(browser.run("document.querySelectorAll('.sounds tbody tr').length").await, 1, "the first is a version");
    browser.run("document.querySelector('[data-hear]').click()").await;
    browser.eventually("the version plays", "document.querySelector('[data-hear]').ariaPressed === 'true'").await;
    browser.follow("document.querySelector('form[action$=restore]').requestSubmit()").await;
    assert_eq!(
        browser.run("document.querySelectorAll('.sounds tbody tr').length").await,
        2,
        "what stood there is one, too"
    );
    browser.open(&address(&lab, "/sounds?kind=own&text=MENU")).await;
    assert_eq!(browser.run("document.querySelector('.sounds tbody a[href$=menu]').textContent").await, "de/menu");
    stands_well(&mut browser, "the prompts").await;
    browser.open(&address(&lab, "/sounds/de%2Fmenu")).await;
    browser.follow("document.querySelector('form[action$=remove]').requestSubmit()").await;
    assert_eq!(browser.run("document.querySelectorAll('.sounds tbody tr').length").await, 0);
    assert!(!lab.folder().join("sounds/de/menu.wav").exists());
}

#[tokio::test]
async fn a_file_that_is_no_sound_or_of_another_session_is_refused() {
    let lab = stage::house().await;
    let mut browser = Browser::start().await;
    log_in(&mut browser, &lab, "operator").await;
    let send = |csrf: &str, file: &str| {
        format!(
            "(() => {{ const form = new FormData(); form.append('csrf', {csrf}); form.append('name', 'menu');
                form.append('file', new Blob(['{file}']), 'menu.mp3');
                return fetch('/sounds', {{ method: 'POST', body: form }}).then(async (told) => `${{told.status}} ${{await told.text()}}`); }})()"
        )
    };
    let told = browser.run(&send("document.querySelector('[name=csrf]').content", "no sound")).await;
    let told = told.as_str().expect("text");
    assert!(told.starts_with("415") && told.contains("Menu.mp3 is no sound file"), "{told}");
    let forged = browser.run(&send("'forged'", "no sound")).await;
    assert!(forged.as_str().expect("text").starts_with("403"), "{forged}");
    let large =
        "(() => { const form = new FormData(); form.append('csrf', document.querySelector('[name=csrf]').content);
        form.append('name', 'menu'); form.append('file', new Blob([new Uint8Array(17 << 20)]), 'menu.wav');
        return fetch('/sounds', { method: 'POST', body: form }).then((told) => told.status, () => 413); })()";
    assert_eq!(browser.run(large).await, 413);
    log_out(&mut browser).await;
    log_in(&mut browser, &lab, "viewer").await;
    browser.open(&address(&lab, "/sounds")).await;
    assert_eq!(
        browser.run("document.querySelectorAll('main form[enctype]').length").await,
        0,
        "a viewer uploads nothing"
    );
    let told = browser.run(&send("document.querySelector('[name=csrf]').content", "no sound")).await;
    assert!(told.as_str().expect("text").starts_with("403"), "{told}");
}

async fn log_out(browser: &mut Browser) {
    browser.follow("document.querySelector('form[action=\"/logout\"]').requestSubmit()").await;
}

#[tokio::test]
async fn a_recording_is_found_heard_and_deleted_by_who_may() {
    let lab = stage::house().await;
    let (id, pieces) = stage::good(&lab);
    stage::keep(&lab, &pieces).await;
    stage::keep(&lab, &stage::others()).await;
    let mut browser = Browser::start().await;
    browser.look(WIDE).await;
    log_in(&mut browser, &lab, "operator").await;
    browser.open(&address(&lab, "/recordings?service=reception")).await;
    assert_eq!(browser.run("document.querySelectorAll('.recorded').length").await, 1, "only calls with a recording");
    browser.run("document.querySelector('audio').play()").await;
    browser.eventually("it plays", "document.querySelector('audio').currentTime > 0").await;
    assert_eq!(browser.run("document.querySelectorAll('.recorded form').length").await, 0, "an operator deletes none");
    stands_well(&mut browser, "the recordings").await;
    browser.open(&address(&lab, "/recordings?number=666")).await;
    assert_eq!(
        browser.run("document.querySelector('main .empty').textContent").await,
        "No recording is like that. Clear the filters, or take one of them away."
    );

    log_out(&mut browser).await;
    log_in(&mut browser, &lab, "admin").await;
    browser.open(&address(&lab, "/recordings?service=reception")).await;
    browser.run("document.querySelector('.sure summary').click()").await;
    browser.follow("document.querySelector('.sure button').click()").await;
    assert_eq!(browser.run("location.search").await, "?service=reception", "back to what was looked for");
    let told = browser.run("document.querySelector('.recorded').textContent").await;
    assert!(told.as_str().expect("text").contains("is not there any more"), "{told}");
    assert!(!lab.folder().join(format!("recordings/day/{id}-0-1.wav")).exists());
    let deeds = lab.order("GET", "/api/v1/audit?limit=5", "").await.json();
    assert!(
        deeds["deeds"].as_array().expect("deeds").iter().any(|deed| deed["deed"] == "deleted recording"),
        "{deeds}"
    );
}

#[tokio::test]
async fn a_dead_delivery_is_seen_with_its_reason_sent_again_and_thrown_away() {
    let lab = telling().await;
    let mut browser = Browser::start().await;
    browser.look(WIDE).await;
    log_in(&mut browser, &lab, "admin").await;
    browser.open(&address(&lab, "/webhooks")).await;
    let told = browser.run("document.querySelector('main').textContent").await;
    let told = told.as_str().expect("text");
    assert!(told.contains("the receiver says 503 Service Unavailable") && told.contains(CRM), "{told}");
    assert_eq!(browser.run("document.querySelectorAll('#receivers .badge').length").await, 1);
    stands_well(&mut browser, "the webhooks").await;
    browser.follow("document.querySelector('form[action*=\"/resend\"]').requestSubmit()").await;
    assert_eq!(browser.run("document.querySelectorAll('form[action*=\"/resend\"]').length").await, 0, "none is dead");
    browser.open(&address(&lab, "/webhooks?state=waiting")).await;
    assert_eq!(browser.run("document.querySelectorAll('form[action*=\"/resend\"]').length").await, 2);
    browser.follow("document.querySelector('form[action*=\"0001/remove\"]').requestSubmit()").await;
    assert_eq!(browser.run("document.querySelectorAll('form[action*=\"/remove\"]').length").await, 1);
    assert_eq!(browser.run("location.search").await, "?state=waiting");
}
