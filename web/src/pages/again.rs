//! What is refused comes back where it was asked for: in the frame of the pages, and a form on its own page, with the words above it and
//! with what was typed still there.
//!
//! ```text
//! POST /bans ─▶ door ─▶ 400, Wrong ─▶ GET /bans, by the same person ─▶ the page, with the words and with the fields as they were
//! ```
//!
//! The page says where it stands (`rel=canonical`): what it fetches to stay fresh is that, and who loads it anew asks for nothing again.
//! Secrets are typed again, and so are files. The pages are written by us, in one hand: that is what [`filled`] relies on.

use std::collections::BTreeMap;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use maud::{Escaper, html};
use std::fmt::Write as _;
use tower_service::Service as _;

use super::{
    MAX_FORM,
    wrong::{Wrong, sentence},
};
use crate::{
    people::Asker,
    problem::Problem,
    serve::{Ends, Source},
};

/// Largest page that is shown again: several times what any of ours has.
const MAX_PAGE: usize = 4 << 20;

/// Longest words of an extractor that are shown.
const MAX_WORDS: usize = 1_000;

/// Where the content of a page begins, and what may stand before it.
const MAIN: &str = "<main id=\"main\">";
const TABS: &str = "<nav class=\"tabs\"";
const END_OF_TABS: &str = "</nav>";

/// What was refused, beside the page that says so.
#[derive(Clone)]
pub struct Refused(pub Problem);

/// Puts refusals where they belong.
pub async fn shown(mut pages: Router, request: Request, next: Next) -> Response {
    let Some(asker) = request.extensions().get::<Asker>().filter(|asker| asker.session.is_some()).cloned() else {
        return next.run(request).await;
    };
    let (path, is_form) = (request.uri().path().to_owned(), request.method() == Method::POST);
    let headers: Vec<(HeaderName, HeaderValue)> = [header::COOKIE, header::HOST]
        .into_iter()
        .filter_map(|name| Some((name.clone(), request.headers().get(&name)?.clone())))
        .collect();
    let (request, typed) = match is_form && is_urlencoded(request.headers()) {
        true => match kept(request).await {
            Ok(kept) => kept,
            Err(problem) => return Wrong::from(problem).to(&asker).into_response(),
        },
        false => (request, Bytes::new()),
    };
    let who = who_asks(request.extensions());
    let response = next.run(request).await;
    let Some((problem, response)) = problem_of(response).await else { return unreachable_page() };
    let Some(problem) = problem else { return response };
    let status = response.status();
    let Some(page) = page_of(&path).filter(|_| is_form) else {
        return Wrong::from(problem).to(&asker).into_response();
    };
    let mut again = Request::builder().uri(&page).body(Body::empty()).expect("a path of ours");
    again.headers_mut().extend(headers);
    *again.extensions_mut() = who;
    let Ok(fresh) = pages.call(again).await;
    if !fresh.status().is_success() {
        return Wrong::from(problem).to(&asker).into_response();
    }
    let (head, body) = fresh.into_parts();
    let Ok(body) = to_bytes(body, MAX_PAGE).await else { return Wrong::from(problem).to(&asker).into_response() };
    let text = filled(&String::from_utf8_lossy(&body), &path, &fields(&typed), &problem);
    let text = text.replacen("<head>", &format!("<head><link rel=\"canonical\" href=\"{}\">", escaped(&page)), 1);
    let mut response = (status, text).into_response();
    if let Some(kind) = head.headers.get(header::CONTENT_TYPE) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    response
}

/// Who asks, and from where. What else a request has is of its own path: the parts of an address would be those of both.
fn who_asks(brought: &Extensions) -> Extensions {
    let mut who = Extensions::new();
    brought.get::<Asker>().map(|asker| who.insert(asker.clone()));
    brought.get::<Ends>().map(|ends| who.insert(*ends));
    brought.get::<Source>().map(|source| who.insert(*source));
    who
}

/// A page that is answered and has no words for it.
fn unreachable_page() -> Response {
    let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be read");
    Wrong::from(problem).into_response()
}

/// What was refused, where anything was: by one of our pages, or by what reads a request before it.
async fn problem_of(response: Response) -> Option<(Option<Problem>, Response)> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return Some((None, response));
    }
    if let Some(Refused(problem)) = response.extensions().get() {
        return Some((Some(problem.clone()), response));
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("text/plain") {
        return Some((None, response));
    }
    let (head, body) = response.into_parts();
    let words = to_bytes(body, MAX_WORDS).await.ok()?;
    let problem = Problem::new(status, String::from_utf8_lossy(&words));
    Some((Some(problem), Response::from_parts(head, Body::from(words))))
}

/// Pages that have all forms below their own path.
const PLACES: [&str; 9] =
    ["bans", "endpoints", "password", "people", "routes", "webhooks", "live", "sounds", "records"];

/// The page that has the form which is sent there.
pub fn page_of(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let page = match parts[..] {
        ["sounds", name, "restore"] => format!("/sounds/{name}"),
        ["rooms", room, "order"] => format!("/rooms/{room}"),
        [place @ "recordings", _, _, ..] => format!("/{place}"),
        [place, ..] if PLACES.contains(&place) => format!("/{place}"),
        _ => return None,
    };
    Some(page)
}

fn is_urlencoded(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// The request, and what its form says.
async fn kept(request: Request) -> Result<(Request, Bytes), Problem> {
    let (head, body) = request.into_parts();
    let typed = to_bytes(body, MAX_FORM).await.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a form has at most {} kB", MAX_FORM >> 10))
    })?;
    Ok((Request::from_parts(head, Body::from(typed.clone())), typed))
}

fn fields(typed: &[u8]) -> BTreeMap<String, String> {
    let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(typed).unwrap_or_default();
    fields.into_iter().filter(|(name, _)| name != "csrf").collect()
}

/// The page with the words above its content, and in the form that is sent to `path` what was typed.
fn filled(page: &str, path: &str, typed: &BTreeMap<String, String>, problem: &Problem) -> String {
    let mark = format!("action=\"{}\"", escaped(path));
    let form = page.match_indices(&mark).map(|(at, _)| span(page, at)).find(|(begin, end)| {
        let head = page[*begin..*end].split('>').next().unwrap_or_default();
        // Several forms of a page may go to the same address, each for something else: hidden fields say for what.
        let hidden = tags(&page[*begin..*end], "input").into_iter().map(|(at, end)| &page[begin + at..begin + end]);
        let mut hidden = hidden.filter(|tag| attribute(tag, "type") == Some("hidden"));
        attribute(head, "method") == Some("post")
            && hidden.all(|tag| {
                let name = attribute(tag, "name").unwrap_or_default();
                name == "csrf" || typed.get(name).is_some_and(|said| Some(&*escaped(said)) == attribute(tag, "value"))
            })
    });
    let mut shown = String::with_capacity(page.len() + 512);
    let has_fields = form.is_some_and(|(begin, end)| page[begin..end].contains("<label"));
    let words = html! {
        p.flash.bad role="alert" {
            (sentence(&problem.detail))
            @if let Some(remedy) = &problem.remedy { " " (sentence(remedy)) }
            @if has_fields { " " a href="#again" { "What you typed is still there." } }
        }
    };
    let top = page.find(MAIN).map_or(0, |at| at + MAIN.len());
    // The way to the pages beside this one stands first.
    let tabs = page[top..].starts_with(TABS).then(|| page[top..].find(END_OF_TABS)).flatten();
    let top = tabs.map_or(top, |at| top + at + END_OF_TABS.len());
    shown.push_str(&page[..top]);
    shown.push_str(&words.into_string());
    let Some((begin, end)) = form.filter(|(begin, _)| *begin >= top) else {
        shown.push_str(&page[top..]);
        return shown;
    };
    let before = &page[top..begin];
    // What is folded away is opened.
    match before.rfind("<details").filter(|at| before.rfind("</details>").is_none_or(|closed| closed < *at)) {
        Some(at) => {
            let (closed, rest) = before.split_at(at + "<details".len());
            shown.extend([closed, " open", rest]);
        }
        None => shown.push_str(before),
    }
    let (tag, rest) = page[begin..end].split_at("<form".len());
    shown.extend([tag, if has_fields { " id=\"again\"" } else { "" }]);
    shown.push_str(&refilled(rest, typed));
    shown.push_str(&page[end..]);
    shown
}

/// From where to where the form goes whose head holds that place.
fn span(page: &str, at: usize) -> (usize, usize) {
    let begin = page[..at].rfind("<form").unwrap_or(at);
    (begin, page[at..].find("</form>").map_or(page.len(), |end| at + end))
}

/// Its fields, as they were typed.
fn refilled(form: &str, typed: &BTreeMap<String, String>) -> String {
    let mut shown = String::with_capacity(form.len());
    let mut rest = form;
    while let Some(at) = ["<input", "<select", "<textarea"].iter().filter_map(|tag| rest.find(tag)).min() {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = rest.find('>').map_or(rest.len(), |end| end + 1);
        let (tag, behind) = rest.split_at(length);
        rest = behind;
        let said = attribute(tag, "name").and_then(|name| typed.get(name));
        match (tag, said) {
            (tag, Some(said)) if tag.starts_with("<textarea") => {
                shown.extend([tag, &escaped(said)]);
                rest = rest.find("</textarea>").map_or("", |end| &rest[end..]);
            }
            (tag, Some(said)) if tag.starts_with("<select") => {
                let end = rest.find("</select>").unwrap_or(rest.len());
                let chosen = format!("<option value=\"{}\"", escaped(said));
                let options = rest[..end].replace(" selected", "");
                shown.extend([tag, &options.replace(&format!("{chosen}>"), &format!("{chosen} selected>"))]);
                rest = &rest[end..];
            }
            (tag, said) => shown.push_str(&field(tag, said.map(String::as_str))),
        }
    }
    shown.push_str(rest);
    shown
}

/// One field; what is hidden or secret stays as the page has it.
fn field(tag: &str, said: Option<&str>) -> String {
    match attribute(tag, "type").unwrap_or("text") {
        "hidden" | "password" | "file" | "radio" => tag.into(),
        // One that is not set says nothing.
        "checkbox" => {
            let bare = tag.replace(" checked", "");
            match said {
                Some(_) => bare.replacen("<input", "<input checked", 1),
                None => bare,
            }
        }
        _ => match (said, attribute(tag, "value")) {
            (None, _) => tag.into(),
            (Some(said), Some(old)) => {
                tag.replacen(&format!(" value=\"{old}\""), &format!(" value=\"{}\"", escaped(said)), 1)
            }
            (Some(said), None) => tag.replacen("<input", &format!("<input value=\"{}\"", escaped(said)), 1),
        },
    }
}

/// Where the tags of that name are, from `<` to `>`.
fn tags(text: &str, name: &str) -> Vec<(usize, usize)> {
    let begins = text.match_indices('<').filter(|(at, _)| text[at + 1..].starts_with(name));
    begins.map(|(at, _)| (at, text[at..].find('>').map_or(text.len(), |end| at + end + 1))).collect()
}

/// The value of an attribute, as it is escaped.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mark = format!(" {name}=\"");
    let value = &tag[tag.find(&mark)? + mark.len()..];
    value.split('"').next()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    // Into a text, which takes everything.
    let _ok = Escaper::new(&mut escaped).write_str(text);
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, said)| ((*name).to_owned(), (*said).to_owned())).collect()
    }

    const PAGE: &str = concat!(
        "<main id=\"main\"><h1>Bans</h1>",
        "<form method=\"get\" action=\"/bans\"><input name=\"network\" value=\"\"></form>",
        "<form method=\"post\" action=\"/bans/lift\"><input type=\"hidden\" name=\"network\" value=\"10.0.0.1\"></form>",
        "<details class=\"sure\"><summary>Ban</summary><form method=\"post\" action=\"/bans\">",
        "<input type=\"hidden\" name=\"csrf\" value=\"fresh\">",
        "<label><input name=\"network\" required></label><input name=\"why\" value=\"old\" maxlength=\"9\">",
        "<input type=\"password\" name=\"secret\"><input type=\"checkbox\" name=\"sure\" checked>",
        "<select name=\"for_s\"><option value=\"60\" selected>a minute</option><option value=\"3600\">an hour</option></select>",
        "<textarea name=\"note\">old</textarea></form></details></main>",
    );

    #[test]
    fn a_form_comes_back_with_what_was_typed_and_with_the_words_above_it() {
        let said = typed(&[
            ("network", "\"><script>"),
            ("why", "guesses & tries"),
            ("secret", "hunter2"),
            ("for_s", "3600"),
            ("note", "</textarea>"),
        ]);
        let problem = Problem::new(StatusCode::BAD_REQUEST, "that is no network").remedy("write 192.0.2.0/24");
        let page = filled(PAGE, "/bans", &said, &problem);
        for told in [
            "<main id=\"main\"><p class=\"flash bad\" role=\"alert\">That is no network. Write 192.0.2.0/24.",
            "<details open class=\"sure\">",
            "<form id=\"again\" method=\"post\" action=\"/bans\"><input type=\"hidden\" name=\"csrf\" value=\"fresh\">",
            "<input value=\"&quot;&gt;&lt;script&gt;\" name=\"network\" required>",
            "name=\"why\" value=\"guesses &amp; tries\" maxlength",
            "<input type=\"checkbox\" name=\"sure\">",
            "<option value=\"60\">a minute</option><option value=\"3600\" selected>",
            "<textarea name=\"note\">&lt;/textarea&gt;</textarea></form></details></main>",
        ] {
            assert!(page.contains(told), "{told}\n{page}");
        }
        assert!(!page.contains("hunter2") && !page.contains("<script>"), "{page}");
    }

    #[test]
    fn a_button_of_a_row_that_is_refused_changes_no_other_row() {
        let problem = Problem::new(StatusCode::NOT_FOUND, "no such ban");
        let page = filled(PAGE, "/bans/lift", &typed(&[("network", "10.0.0.9")]), &problem);
        assert!(page.contains("No such ban.") && !page.contains("again"), "{page}");
        assert_eq!(page.len(), PAGE.len() + "<p class=\"flash bad\" role=\"alert\">No such ban.</p>".len());
    }

    #[test]
    fn each_form_has_its_page() {
        for (path, page) in [
            ("/bans", Some("/bans")),
            ("/bans/lift", Some("/bans")),
            ("/people/users/alice/role", Some("/people")),
            ("/routes/12/remove", Some("/routes")),
            ("/webhooks/receivers/3", Some("/webhooks")),
            ("/live/01m4/hangup", Some("/live")),
            ("/rooms/weekly/order", Some("/rooms/weekly")),
            ("/recordings/01m4/0/delete", Some("/recordings")),
            ("/records/filters/remove", Some("/records")),
            ("/sounds", Some("/sounds")),
            ("/sounds/welcome/restore", Some("/sounds/welcome")),
            ("/sounds/welcome/remove", Some("/sounds")),
            ("/services/menu", None),
            ("/logout", None),
        ] {
            assert_eq!(page_of(path).as_deref(), page, "{path}");
        }
    }
}
