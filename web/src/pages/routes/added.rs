//! Routes on their page: those of the configuration are shown, those that were added here are changed and removed here.
//!
//! The form knows the keys that people want most. What `rewrite` of a route says beside them stays as it was.

use axum::{
    extract::{Path, State},
    response::Redirect,
};
use maud::{Markup, html};
use patchcord_engine::journal::clean;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::{Guest, Nothing, Posted, Rooms, frame::csrf, wrong::Wrong};
use crate::{
    api::routing,
    control::words::RouteTold,
    people::{Asker, Right},
    routes::{Change, Written},
};

/// Routes that are shown.
const MOST: usize = 1_500;

/// What one leads to: the key, as a list of the API calls it, and in words.
const KINDS: [(&str, &str, &str); 3] = [
    ("service", "service", "a service"),
    ("endpoint", "endpoints", "endpoints, all at once"),
    ("trunk", "trunks", "trunks, one after another"),
];

pub(super) fn table(routes: &[RouteTold], asker: &Asker) -> Markup {
    let may = asker.rights.has(Right::ChangeRoutes);
    html! {
        @if routes.is_empty() {
            p.empty { "There is no route. Endpoints reach each other and the shipped services all the same." }
        } @else {
            div.scroll {
                table.rows.named {
                    thead { tr { th { "Number" } th { "From" } th { "Leads to" } th { "Written" } @if may { th {} } } }
                    tbody { @for route in routes.iter().take(MOST) { (row(route, asker, may)) } }
                }
            }
            @if routes.len() > MOST { p.empty { (routes.len() - MOST) " more; the API has them all." } }
        }
    }
}

fn row(route: &RouteTold, asker: &Asker, may: bool) -> Markup {
    let names = |between: &str| route.names.join(between);
    html! {
        tr {
            td.mono { (clean(&route.number)) }
            td data-of="from" { (clean(&route.from.join(", "))) }
            td.wide {
                @match route.to.as_str() {
                    "service" if route.warning.is_none() => { "service " a href={ "/services/" (names("")) } { strong { (clean(&names(", "))) } } }
                    "service" => { "service " strong { (clean(&names(", "))) } }
                    "trunks" => { "out by " (clean(&names(", then "))) }
                    _ => { "rings " (clean(&names(", "))) }
                }
                @if let Some(why) = &route.warning { p.small { span.badge.bad { "leads nowhere" } " " (clean(why)) } }
                @if let Some(why) = &route.hindrance { p.small { span.badge.warn { "not in force" } " " (clean(why)) } }
            }
            td.small {
                @match &route.written_by {
                    Some(by) => { "by " (clean(by)) }
                    None => span.muted { "in the configuration" },
                }
            }
            @if may { td.right { @if let Some(id) = &route.id { (deeds(id, route, asker)) } } }
        }
    }
}

fn deeds(id: &str, route: &RouteTold, asker: &Asker) -> Markup {
    html! {
        div.deeds {
            details.more {
                summary aria-label={ "Change the route of " (route.number) } { "Change" }
                form.stack method="post" action={ "/routes/" (id) } {
                    (csrf(asker))
                    (fields(route))
                    button type="submit" { "Change it" }
                }
            }
            details.sure {
                summary aria-label={ "Remove the route of " (route.number) } { "Remove" }
                form method="post" action={ "/routes/" (id) "/remove" } {
                    (csrf(asker))
                    button.danger type="submit" { "Remove it" }
                }
            }
        }
    }
}

fn fields(route: &RouteTold) -> Markup {
    let rewrite = |key: &str| route.rewrite.as_ref().and_then(|rewrite| rewrite[key].as_str()).unwrap_or_default();
    html! {
        label { span { "Number" }
            input.mono name="number" value=(route.number) required maxlength="260" placeholder="600 or +4930*" autocomplete="off";
        }
        label { span { "From" }
            input name="from" value=(route.from.join(", ")) maxlength="600" placeholder="endpoints" autocomplete="off";
        }
        label { span { "Leads to" }
            select name="kind" { @for (key, told, words) in KINDS { option value=(key) selected[route.to == told] { (words) } } }
        }
        label { span { "Which" }
            input name="names" value=(route.names.join(", ")) required maxlength="1200" placeholder="reception" autocomplete="off";
        }
        label { span { "Of trunks: taken off its front" }
            input.mono name="strip" value=(rewrite("strip")) maxlength="17" placeholder="0" autocomplete="off";
        }
        label { span { "Of trunks: put there" }
            input.mono name="prepend" value=(rewrite("prepend")) maxlength="17" placeholder="+49" autocomplete="off";
        }
    }
}

/// The form for another one.
pub(super) fn form(asker: &Asker) -> Markup {
    html! {
        section.card {
            h2 { "Add a route" }
            form.fields method="post" action="/routes" {
                (csrf(asker))
                (fields(&RouteTold::default()))
                div.buttons { button.primary type="submit" { "Add it" } }
            }
            p.small.muted {
                "A number is one, a beginning as " code { "+4930*" } ", an expression in slashes, or " code { "*" } " for whatever nobody else takes. It is for "
                code { "endpoints" } " unless you write " code { "browsers" } ", " code { "trunk:" } " with a name, " code { "anyone" } ", or several of them.
                 It counts at once, and is kept. A route to a trunk lets people call at your cost. What the configuration says of a number wins."
            }
        }
    }
}

#[derive(Deserialize)]
pub struct Said {
    number: String,
    #[serde(default)]
    from: String,
    kind: String,
    #[serde(default)]
    names: String,
    #[serde(default)]
    strip: String,
    #[serde(default)]
    prepend: String,
}

impl Said {
    /// The keys of `[[route]]`; `before` is what `rewrite` said.
    fn written(self, before: Option<&Value>) -> Written {
        let list = |text: &str| -> Vec<Value> {
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(Value::from).collect()
        };
        let mut written = Map::from_iter([("number".to_owned(), json!(self.number.trim()))]);
        let from = list(&self.from);
        if !from.is_empty() {
            written.insert("from".into(), from.into());
        }
        if KINDS.iter().any(|(key, ..)| *key == self.kind) {
            let names = if self.kind == "service" { json!(self.names.trim()) } else { list(&self.names).into() };
            written.insert(self.kind, names);
        }
        let mut rewrite = before.and_then(Value::as_object).cloned().unwrap_or_default();
        for (key, said) in [("strip", self.strip), ("prepend", self.prepend)] {
            match said.trim() {
                "" => rewrite.remove(key),
                said => rewrite.insert(key.into(), said.into()),
            };
        }
        if !rewrite.is_empty() {
            written.insert("rewrite".into(), rewrite.into());
        }
        written
    }
}

/// `POST /routes`
pub async fn add(State(rooms): State<Rooms>, guest: Guest, Posted(said): Posted<Said>) -> Result<Redirect, Wrong> {
    changed(&rooms, &guest, Change::Add(said.written(None))).await
}

/// `POST /routes/{id}`
pub async fn change(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(id): Path<String>,
    Posted(said): Posted<Said>,
) -> Result<Redirect, Wrong> {
    let kept = rooms.house.routes().map(|book| book.kept()).unwrap_or_default();
    let before = kept.iter().find(|kept| kept.added.id == id).and_then(|kept| kept.added.written.get("rewrite"));
    changed(&rooms, &guest, Change::Put(id, said.written(before))).await
}

/// `POST /routes/{id}/remove`
pub async fn remove(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(id): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Redirect, Wrong> {
    changed(&rooms, &guest, Change::Remove(id)).await
}

async fn changed(rooms: &Rooms, guest: &Guest, change: Change) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeRoutes)?;
    let changed = routing::change(rooms, &guest.0, change).await;
    changed.map(|_| Redirect::to("/routes")).map_err(|problem| Wrong::from(problem).to(&guest.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: &str, names: &str, strip: &str) -> Said {
        let (number, from) = (" 600 ".into(), "endpoints, trunk:north,".into());
        Said { number, from, kind: kind.into(), names: names.into(), strip: strip.into(), prepend: String::new() }
    }

    #[test]
    fn a_form_says_what_the_file_would() {
        let written = |said: Said, before: Option<&Value>| Value::from(said.written(before));
        let from = json!(["endpoints", "trunk:north"]);
        assert_eq!(
            written(said("service", " echo", ""), None),
            json!({ "number": "600", "from": from, "service": "echo" })
        );
        let out = json!({ "number": "600", "from": from, "trunk": ["north", "south"], "rewrite": { "strip": "0" } });
        assert_eq!(written(said("trunk", "north, south", "0"), None), out);
        assert_eq!(written(said("*", "north", ""), None), json!({ "number": "600", "from": from }));
    }

    #[test]
    fn what_the_form_does_not_know_of_a_rewriting_stays() {
        let before = json!({ "strip": "0", "area": "30", "country": "49" });
        let written = said("service", "echo", "").written(Some(&before));
        assert_eq!(written["rewrite"], json!({ "area": "30", "country": "49" }));
    }
}
