//! Who gets in, who may do what, and what nobody can make another's browser do.

use patchcord_engine::runtime::clock;
use patchcord_web::people::{Asker, Rights, Role};

use crate::lab::{Answered, Lab};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

pub const PASSWORD: &str = "correct horse";

/// A house with a person of each role, whose names are those of the roles.
pub async fn house() -> Lab {
    let lab = Lab::new().await;
    for role in Role::ALL {
        let added = lab.people.add(&Asker::server(), role.word(), PASSWORD.into(), role, clock::wall()).await;
        added.expect("added");
    }
    lab
}

pub async fn log_in(lab: &Lab, name: &str, password: &str, more: &str) -> Answered {
    let form = format!("name={name}&password={}&next=%2Frecords", password.replace(' ', "+"));
    lab.ask(&format!("{FORM}{more}"), "POST", "/login", &form).await
}

/// The header with the cookie that an answer sets.
pub fn cookie(answer: &Answered) -> String {
    let set = answer.header("set-cookie");
    format!("Cookie: {}\r\n", set.split(';').next().expect("a pair"))
}

/// The token of a session, as its pages carry it.
pub async fn csrf(lab: &Lab, cookie: &str) -> String {
    let page = lab.ask(cookie, "GET", "/", "").await;
    assert_eq!(page.status, 200, "{page:?}");
    let (_, rest) = page.body.split_once("name=\"csrf\" content=\"").expect("a token");
    rest.split('"').next().expect("a text").to_owned()
}

#[tokio::test]
async fn whoever_is_nobody_is_led_to_the_log_in_and_sees_nothing() {
    let lab = house().await;
    let page = lab.page("GET", "/").await;
    assert_eq!((page.status, page.header("location")), (303, "/login"));
    assert!(lab.page("GET", "/api/v1/status").await.problem(401).contains("nobody is logged in"));
    lab.ask("Cookie: patchcord=made-up\r\n", "GET", "/api/v1/records", "").await.problem(401);
    lab.ask("Authorization: Bearer pat_made_up\r\n", "GET", "/api/v1/status", "").await.problem(401);
}

#[tokio::test]
async fn the_right_password_opens_the_pages_in_a_session_that_scripts_cannot_read() {
    let lab = house().await;
    let answer = log_in(&lab, "viewer", PASSWORD, "").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/records"));
    let set = answer.header("set-cookie");
    assert!(set.contains("; HttpOnly; SameSite=Strict") && !set.contains("Secure"), "{set}");
    let proxied = log_in(&lab, "viewer", PASSWORD, "X-Forwarded-Proto: https\r\n").await;
    assert!(proxied.header("set-cookie").ends_with("; Secure"));

    let page = lab.ask(&cookie(&answer), "GET", "/", "").await;
    assert!(page.status == 200 && page.body.contains("calls now"), "{page:?}");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(!page.body.contains("style=\"") && !page.body.contains("onclick"), "no line of script or style in a page");
}

#[tokio::test]
async fn a_cookie_that_somebody_planted_never_becomes_a_session() {
    let lab = house().await;
    let planted = "Cookie: patchcord=planted\r\n";
    let answer = log_in(&lab, "admin", PASSWORD, planted).await;
    assert_eq!(answer.status, 303);
    lab.ask(planted, "GET", "/api/v1/status", "").await.problem(401);
    let first = cookie(&answer);
    let again = log_in(&lab, "admin", PASSWORD, &first).await;
    assert_ne!(first, cookie(&again));
    lab.ask(&first, "GET", "/api/v1/status", "").await.problem(401);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_in_the_same_words_and_slowed_down() {
    let lab = house().await;
    let wrong = log_in(&lab, "admin", "wrong horse", "").await;
    let unknown = log_in(&lab, "nimda", "wrong horse", "").await;
    assert_eq!((wrong.status, unknown.status), (401, 401));
    assert_eq!(wrong.body.replace("admin", "nimda"), unknown.body);
    for _ in 0..4 {
        assert_eq!(log_in(&lab, "admin", "wrong horse", "").await.status, 401);
    }
    let slow = log_in(&lab, "admin", PASSWORD, "").await;
    assert_eq!((slow.status, slow.header("retry-after")), (429, "2"));
}

#[tokio::test]
async fn a_log_in_leads_to_no_other_site() {
    let lab = house().await;
    for next in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example"] {
        let form = format!("name=admin&password=correct+horse&next={next}");
        let answer = lab.ask(FORM, "POST", "/login", &form).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/"));
        assert!(!lab.page("GET", &format!("/login?next={next}")).await.body.contains("evil"));
    }
}

#[tokio::test]
async fn what_another_site_makes_a_browser_ask_for_is_refused() {
    let lab = house().await;
    let cookie = cookie(&log_in(&lab, "admin", PASSWORD, "").await);
    let token = csrf(&lab, &cookie).await;
    let user = r#"{"name":"mallory","password":"correct horse","role":"admin"}"#;
    for forged in [
        String::new(),
        "X-Csrf-Token: guessed\r\n".to_owned(),
        format!("X-Csrf-Token: {token}\r\nOrigin: http://evil.example\r\n"),
        format!("X-Csrf-Token: {token}\r\nSec-Fetch-Site: cross-site\r\n"),
    ] {
        let answer = lab.ask(&format!("{cookie}{forged}"), "POST", "/api/v1/users", user).await;
        assert!(answer.problem(403).contains("does not come from a page of this session"), "{forged}");
    }
    let form = lab.ask(&format!("{cookie}{FORM}"), "POST", "/logout", "csrf=guessed").await;
    assert_eq!(form.status, 403);
    let ours = format!("{cookie}X-Csrf-Token: {token}\r\nOrigin: http://test\r\nSec-Fetch-Site: same-origin\r\n");
    assert_eq!(lab.ask(&ours, "POST", "/api/v1/users", user).await.status, 201);

    let out = lab.ask(&format!("{cookie}{FORM}"), "POST", "/logout", &format!("csrf={token}")).await;
    assert_eq!((out.status, out.header("location")), (303, "/login"));
    // The token of a session that is over is worth nothing.
    lab.ask(&ours, "POST", "/api/v1/users", user).await.problem(401);
}

#[tokio::test]
async fn each_role_does_what_it_may_and_no_more() {
    let lab = house().await;
    for (role, allowed) in [("viewer", [200, 403, 403]), ("operator", [200, 403, 403]), ("admin", [200, 200, 200])] {
        let cookie = cookie(&log_in(&lab, role, PASSWORD, "").await);
        let mut found = Vec::new();
        for path in ["/api/v1/records", "/api/v1/users", "/api/v1/audit"] {
            found.push(lab.ask(&cookie, "GET", path, "").await.status);
        }
        assert_eq!(found, allowed, "{role}");
    }
}

#[tokio::test]
async fn a_token_opens_its_scopes_until_it_is_removed() {
    let lab = house().await;
    let asked = r#"{"name":"billing","scopes":["records:read"],"days":30}"#;
    let made = lab.order("POST", "/api/v1/tokens", asked).await;
    assert_eq!(made.status, 201, "{made:?}");
    let token = made.json()["token"].as_str().expect("a text").to_owned();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(lab.ask(&bearer, "GET", "/api/v1/records", "").await.status, 200);
    assert!(lab.ask(&bearer, "GET", "/api/v1/users", "").await.problem(403).contains("people:write"));
    lab.ask(&bearer.replace("pat_", "pat_x"), "GET", "/api/v1/records", "").await.problem(401);

    let listed = lab.order("GET", "/api/v1/tokens", "").await;
    assert!(!listed.body.contains(&token[20..]), "its secret is told once: {listed:?}");
    let id = listed.json()["tokens"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(lab.order("DELETE", &format!("/api/v1/tokens/{id}"), "").await.status, 204);
    lab.ask(&bearer, "GET", "/api/v1/records", "").await.problem(401);
}

#[tokio::test]
async fn nobody_gives_away_what_he_does_not_have() {
    let lab = house().await;
    let operator = Asker { rights: Role::Operator.rights(), ..Asker::server() };
    let refused = lab.people.make_token(&operator, "mighty", Rights::all(), None, clock::wall()).await;
    assert!(refused.expect_err("more than he has").to_string().contains("rights that he does not have"));
    // A program that keeps the list of people makes nobody mightier than itself, and takes no admin's place.
    let asked = r#"{"name":"directory","scopes":["people:write","records:read","calls:read","status:read","endpoints:read","routes:read"],"days":30}"#;
    let token = lab.order("POST", "/api/v1/tokens", asked).await.json()["token"].as_str().expect("a text").to_owned();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let new = |role: &str| format!(r#"{{"name":"eve","password":"a horse of course","role":"{role}"}}"#);
    assert!(lab.ask(&bearer, "POST", "/api/v1/users", &new("admin")).await.problem(403).contains("rights"));
    assert_eq!(lab.ask(&bearer, "POST", "/api/v1/users", &new("viewer")).await.status, 201);
    let made = lab.ask(&bearer, "PUT", "/api/v1/users/eve", r#"{"role":"operator"}"#).await;
    assert!(made.problem(403).contains("rights"));
    let taken = lab.ask(&bearer, "PUT", "/api/v1/users/admin", r#"{"password":"another horse"}"#).await;
    assert!(taken.problem(403).contains("rights"));
}

#[tokio::test]
async fn a_removed_user_is_out_at_once_and_the_last_admin_stays() {
    let lab = house().await;
    let cookie = cookie(&log_in(&lab, "viewer", PASSWORD, "").await);
    assert_eq!(lab.ask(&cookie, "GET", "/api/v1/status", "").await.status, 200);
    assert_eq!(lab.order("PUT", "/api/v1/users/viewer", r#"{"password":"another horse"}"#).await.status, 204);
    lab.ask(&cookie, "GET", "/api/v1/status", "").await.problem(401);
    assert_eq!(lab.order("DELETE", "/api/v1/users/viewer", "").await.status, 204);
    assert!(lab.order("DELETE", "/api/v1/users/admin", "").await.problem(409).contains("last admin"));
    assert!(lab.order("PUT", "/api/v1/users/admin", r#"{"role":"viewer"}"#).await.problem(409).contains("last admin"));
}

#[tokio::test]
async fn each_change_stands_in_the_audit_log_with_who_did_it() {
    let lab = house().await;
    lab.order("POST", "/api/v1/endpoints", r#"{"endpoints":[{"user":"bob","password":"secret"}]}"#).await;
    log_in(&lab, "admin", "wrong horse", "").await;
    let deeds = lab.order("GET", "/api/v1/audit?limit=2", "").await.json();
    let told = |at: usize| ["who", "deed", "object"].map(|key| deeds["deeds"][at][key].as_str().expect("a text"));
    assert_eq!(told(0), ["nobody", "was refused at log-in", "admin"]);
    assert_eq!(told(1), ["command line", "added endpoint", "bob"]);
    let next = &deeds["next"];
    let before = lab.order("GET", &format!("/api/v1/audit?before={next}"), "").await.json();
    assert_eq!(before["deeds"][0]["object"], "viewer (viewer)");
}

#[tokio::test]
async fn the_audit_log_is_searched_by_words_over_its_pages_and_leads_to_calls() {
    let lab = house().await;
    let admin = cookie(&log_in(&lab, "admin", PASSWORD, "").await);
    let call = patchcord_engine::journal::CallId::new(clock::wall(), 7).to_string();
    let path = format!("2026-11-22/{call}-0-1.wav");
    lab.people.note(&Asker::server(), "listened to", &path, clock::wall()).await;
    for _ in 0..250 {
        lab.people.note(&Asker::server(), "banned", "192.0.2.7", clock::wall()).await;
    }
    let first = lab.ask(&admin, "GET", "/audit", "").await.body;
    assert!(!first.contains(&call) && first.contains("Earlier"), "it stands further back");
    let found = lab.ask(&admin, "GET", &format!("/audit?text=LISTENED+{call}"), "").await.body;
    let link = format!("<a href=\"/calls/{call}\">{path}</a>");
    assert!(found.contains(&link) && !found.contains("192.0.2.7") && !found.contains("Earlier"), "{found}");
    let banned = lab.ask(&admin, "GET", "/audit?text=banned", "").await.body;
    assert_eq!(banned.matches("192.0.2.7").count(), 100);
    let (_, rest) = banned.split_once("/audit?text=banned&amp;before=").expect("the way back");
    let before = rest.split('"').next().expect("a number");
    let next = lab.ask(&admin, "GET", &format!("/audit?text=banned&before={before}"), "").await.body;
    assert_eq!(next.matches("192.0.2.7").count(), 100);
    let nothing = lab.ask(&admin, "GET", "/audit?text=%3Cb%3E", "").await.body;
    assert!(nothing.contains("Nothing like that was done") && nothing.contains("value=\"&lt;b&gt;\""), "{nothing}");
}

#[tokio::test]
async fn a_token_is_made_on_its_page_by_boxes_and_not_without_any() {
    let lab = house().await;
    let admin = cookie(&log_in(&lab, "admin", PASSWORD, "").await);
    let token = csrf(&lab, &admin).await;
    let make = async |boxes: &str| {
        let form = format!("csrf={token}&name=billing&days={boxes}");
        lab.ask(&format!("{admin}{FORM}"), "POST", "/people/tokens", &form).await
    };
    let made = make("&may%3Arecords%3Aread=on&may%3Aendpoints%3Awrite=on").await;
    assert!(made.status == 200 && made.body.contains("records:read endpoints:write"), "{made:?}");
    for wrong in ["", "&may%3Aeverything=on"] {
        let refused = make(wrong).await;
        assert!(refused.status == 400 && refused.body.contains("value=\"billing\""), "{refused:?}");
    }
}

#[tokio::test]
async fn the_first_login_is_made_once() {
    let lab = Lab::new().await;
    let (name, password) = lab.people.first(clock::wall()).await.expect("made").expect("there was none");
    assert_eq!(lab.people.first(clock::wall()).await.expect("looked up"), None);
    assert_eq!(log_in(&lab, &name, &password, "").await.status, 303);
}

#[tokio::test]
async fn a_cookie_makes_a_token_with_what_its_page_carries_and_from_no_other_site() {
    let lab = house().await;
    let admin = cookie(&log_in(&lab, "admin", PASSWORD, "").await);
    let wish = r#"{"name":"nightly report","scopes":["records:read"]}"#;
    let bare = lab.ask(&admin, "POST", "/api/v1/tokens", wish).await;
    assert!(bare.problem(403).contains("a page of this session"), "{bare:?}");
    assert!(bare.body.contains("X-CSRF-Token"), "{bare:?}");
    let proven = format!("{admin}X-CSRF-Token: {}\r\n", csrf(&lab, &admin).await);
    for elsewhere in ["Origin: https://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        lab.ask(&format!("{proven}{elsewhere}"), "POST", "/api/v1/tokens", wish).await.problem(403);
    }
    let same_origin = format!("{proven}Sec-Fetch-Site: same-origin\r\n");
    let made = lab.ask(&same_origin, "POST", "/api/v1/tokens", wish).await;
    assert_eq!(made.status, 201, "{made:?}");
    let token = made.json()["token"].as_str().expect("a token").to_owned();
    let records = lab.ask(&format!("Authorization: Bearer {token}\r\n"), "GET", "/api/v1/records", "").await;
    assert_eq!(records.status, 200, "{records:?}");
}

#[tokio::test]
async fn a_token_is_worth_no_more_than_the_person_whom_it_goes_back_to_and_goes_with_that_person() {
    let (lab, now, server) = (house().await, clock::wall(), Asker::server());
    let added = |role| lab.people.add(&server, "eva", PASSWORD.into(), role, now);
    added(Role::Admin).await.expect("added");
    let cookie = cookie(&log_in(&lab, "eva", PASSWORD, "").await);
    let signed = format!("{cookie}X-CSRF-Token: {}\r\n", csrf(&lab, &cookie).await);
    let wanted = r#"{"name":"billing","scopes":["status:read","people:write","tokens:mint","bans:write"]}"#;
    let bearer =
        |answer: Answered| format!("Authorization: Bearer {}\r\n", answer.json()["token"].as_str().expect("one"));
    let token = bearer(lab.ask(&signed, "POST", "/api/v1/tokens", wanted).await);
    let child = bearer(lab.ask(&token, "POST", "/api/v1/tokens", wanted).await);
    let own = bearer(lab.order("POST", "/api/v1/tokens", &wanted.replace("billing", "machine")).await);

    let change = |role| lab.people.change(&server, "eva", None, Some(role), now);
    change(Role::Viewer).await.expect("changed");
    for token in [&token, &child] {
        assert_eq!(lab.ask(token, "GET", "/api/v1/status", "").await.status, 200);
        lab.ask(token, "GET", "/api/v1/users", "").await.problem(403);
    }
    let told = lab.order("GET", "/api/v1/tokens", "").await.json();
    let of = |name: &str| {
        told["tokens"].as_array().expect("tokens").iter().find(|it| it["name"] == name).expect("one").clone()
    };
    let billing = of("billing");
    assert_eq!((&billing["scopes"], &billing["person"]), (&serde_json::json!(["status:read"]), &"eva".into()));
    assert_eq!(billing["asleep"], serde_json::json!(["people:write", "tokens:mint", "bans:write"]));
    assert_eq!(of("machine")["person"], serde_json::Value::Null);
    change(Role::Admin).await.expect("changed");
    assert_eq!(lab.ask(&child, "GET", "/api/v1/users", "").await.status, 200, "it sleeps and is not lost");

    lab.people.remove(&server, "eva", now).await.expect("removed");
    added(Role::Admin).await.expect("added");
    for token in [&token, &child] {
        lab.ask(token, "GET", "/api/v1/status", "").await.problem(401);
    }
    assert_eq!(
        lab.ask(&own, "GET", "/api/v1/users", "").await.status,
        200,
        "what the machine made goes back to nobody"
    );
    let audit = lab.order("GET", "/api/v1/audit", "").await.body;
    assert!(audit.contains("removed tokens of") && audit.contains("eva (2)"), "{audit}");
}

#[tokio::test]
async fn everybody_gives_himself_another_password_and_nobody_who_does_not_know_the_old_one() {
    let lab = house().await;
    let viewer = cookie(&log_in(&lab, "viewer", PASSWORD, "").await);
    let token = csrf(&lab, &viewer).await;
    let say = async |old: &str, new: &str| {
        let form = format!("csrf={token}&old={}&password={new}", old.replace(' ', "+"));
        lab.ask(&format!("{viewer}{FORM}"), "POST", "/password", &form).await
    };
    let wrong = say("guessed-by-me", "another-password-1").await;
    assert_eq!(wrong.status, 403);
    assert!(wrong.body.contains("That is not your password of now"), "{}", wrong.body);
    assert_eq!(say(PASSWORD, "short").await.status, 400);
    assert_eq!(say(PASSWORD, "another-password-1").await.status, 303);
    lab.ask(&viewer, "GET", "/api/v1/status", "").await.problem(401);
    assert_eq!(log_in(&lab, "viewer", PASSWORD, "").await.status, 401);
    assert_eq!(log_in(&lab, "viewer", "another-password-1", "").await.status, 303);
}
