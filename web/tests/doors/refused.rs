//! What is refused comes back in the frame of the pages, with the words, and a form with what was typed.

use patchcord_web::people::Role;

use crate::{
    lab::{Answered, Lab},
    people::{PASSWORD, cookie, csrf, house, log_in},
    sounds::tone,
};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// The way through the pages, which stands around every page of somebody who is logged in.
const FRAME: &str = "<nav class=\"row\" aria-label=\"Pages\">";

/// Somebody of that role, and the token of his session.
async fn somebody(lab: &Lab, role: Role) -> (String, String) {
    let cookie = cookie(&log_in(lab, role.word(), PASSWORD, "").await);
    let csrf = csrf(lab, &cookie).await;
    (cookie, csrf)
}

async fn send(lab: &Lab, (cookie, csrf): &(String, String), path: &str, said: &str) -> Answered {
    lab.ask(&format!("{cookie}{FORM}"), "POST", path, &format!("csrf={csrf}&{said}")).await
}

fn holds(answer: &Answered, status: u16, told: &[&str]) {
    assert_eq!((answer.status, answer.kind.as_str()), (status, "text/html; charset=utf-8"), "{answer:?}");
    for told in [FRAME].iter().chain(told) {
        assert!(answer.body.contains(told), "{told}: {}", answer.body);
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_told_on_the_page_of_the_form_which_keeps_what_was_typed() {
    let lab = house().await;
    let admin = somebody(&lab, Role::Admin).await;
    let ban = send(&lab, &admin, "/bans", "network=192.0.2.300&reason=guesses+%26+tries&for_s=3600").await;
    let (head, value) = ("<p class=\"flash bad\" role=\"alert\">", "value=\"192.0.2.300\" name=\"network\"");
    holds(&ban, 422, &[head, value, "value=\"guesses &amp; tries\"", "value=\"3600\" selected"]);
    let person = send(&lab, &admin, "/people/users", "name=dora&password=short&role=operator").await;
    assert!((400..500).contains(&person.status), "{person:?}");
    holds(&person, person.status, &[head, "value=\"dora\""]);
    assert!(!person.body.contains("short\""), "secrets are typed again");
    let route =
        send(&lab, &admin, "/routes", "number=6+0+0&from=endpoints&kind=service&names=echo&strip=&prepend=").await;
    assert!(route.status >= 400, "{route:?}");
    holds(&route, route.status, &[head, "value=\"6 0 0\""]);
    let lifted = send(&lab, &admin, "/bans/lift", "network=192.0.2.9").await;
    holds(&lifted, 404, &[head]);
    // A page whose address has a name in it, as a prompt's and a room's have.
    assert_eq!(lab.order("PUT", "/api/v1/sounds/menu", &tone()).await.status, 201);
    let back = send(&lab, &admin, "/sounds/menu/restore", "version=1").await;
    assert!((400..500).contains(&back.status), "{back:?}");
    holds(&back, back.status, &[head, "<h1 class=\"mono\">menu"]);
}

#[tokio::test]
async fn a_form_of_a_session_that_is_another_one_by_now_comes_back_to_be_sent_again() {
    let lab = house().await;
    let (cookie, csrf) = somebody(&lab, Role::Admin).await;
    let old = (cookie, "of-another-session".to_owned());
    let ban = send(&lab, &old, "/bans", "network=192.0.2.7&reason=guesses&for_s=").await;
    holds(
        &ban,
        403,
        &["This does not come from a page of this session", "value=\"192.0.2.7\"", &format!("value=\"{csrf}\"")],
    );
    let lacks = send(&lab, &(old.0.clone(), csrf), "/bans", "network=192.0.2.7").await;
    holds(&lacks, 400, &["role=\"alert\"", "value=\"192.0.2.7\""]);
    let nobody = send(&lab, &(String::new(), "x".into()), "/bans/lift", "network=192.0.2.7").await;
    assert_eq!((nobody.status, nobody.header("location")), (303, "/login?next=%2Fbans"), "and from there to the page");
}

#[tokio::test]
async fn who_may_not_do_something_is_told_within_the_pages() {
    let lab = house().await;
    let viewer = somebody(&lab, Role::Viewer).await;
    let ban = send(&lab, &viewer, "/bans", "network=192.0.2.7&reason=guesses&for_s=").await;
    holds(&ban, 403, &["role=\"alert\""]);
    let person = send(&lab, &viewer, "/people/users", "name=dora&password=long+enough&role=admin").await;
    holds(&person, 403, &["<h1>"]);
    for (path, status) in [("/people", 403), ("/calls/nothing", 400), ("/nowhere", 404), ("/records?after=%FF", 400)] {
        let accepts = format!("{}Accept: text/html\r\n", viewer.0);
        holds(&lab.ask(&accepts, "GET", path, "").await, status, &["<h1>"]);
    }
    lab.ask(&viewer.0, "GET", "/nowhere", "").await.problem(404);
    lab.ask(&format!("{}Accept: text/html\r\n", viewer.0), "GET", "/api/v1/nowhere", "").await.problem(404);
    let large = format!("network=1&reason={}", "x".repeat(70_000));
    holds(&send(&lab, &viewer, "/bans", &large).await, 413, &["<h1>"]);
}

#[tokio::test]
async fn endpoints_are_added_given_another_password_and_removed_on_their_page() {
    let lab = house().await;
    let admin = somebody(&lab, Role::Admin).await;
    let added = send(&lab, &admin, "/endpoints", "user=dora&number=177&caller_id=").await;
    holds(&added, 200, &["role=\"status\"", "<strong>dora</strong>", ">177<"]);
    let password = |page: &Answered| {
        let text = page.body.split("code class=\"token\">").nth(1).and_then(|rest| rest.split('<').next());
        text.expect("the password").to_owned()
    };
    let first = password(&added);
    assert_eq!(first.len(), 20);
    let page = || async { lab.ask(&admin.0, "GET", "/endpoints", "").await };
    assert!(!page().await.body.contains(&first), "it is told once");
    let again = send(&lab, &admin, "/endpoints", "user=dora&number=178&caller_id=").await;
    holds(&again, 409, &["role=\"alert\"", "value=\"dora\"", "value=\"178\""]);
    let bad = send(&lab, &admin, "/endpoints", "user=d+o+r+a&number=178&caller_id=").await;
    holds(&bad, bad.status, &["role=\"alert\"", "value=\"d o r a\""]);
    assert!((400..500).contains(&bad.status));
    let changed = send(&lab, &admin, "/endpoints/dora/password", "").await;
    holds(&changed, 200, &["role=\"status\""]);
    assert_ne!(password(&changed), first);
    let gone = send(&lab, &admin, "/endpoints/dora/remove", "").await;
    assert_eq!((gone.status, gone.header("location")), (303, "/endpoints"));
    assert!(!page().await.body.contains("<strong>dora</strong>"));
    holds(&send(&lab, &admin, "/endpoints/dora/remove", "").await, 404, &["role=\"alert\""]);

    let viewer = somebody(&lab, Role::Viewer).await;
    holds(&send(&lab, &viewer, "/endpoints", "user=eve&number=&caller_id=").await, 403, &["role=\"alert\""]);
    assert!(!lab.ask(&viewer.0, "GET", "/endpoints", "").await.body.contains("Add an endpoint"));
}
