//! What stands around every page: head, the way through the pages, who is logged in.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::assets;
use crate::people::{Asker, Right};

/// A page in the row of pages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// How things are.
    Home,
    /// Calls that go on.
    Live,
    /// Conferences.
    Rooms,
    /// A person's own phone.
    Phone,
    /// Past calls.
    Records,
    /// Who may register, and where they are.
    Endpoints,
    /// Where numbers lead.
    Routes,
    /// What answers.
    Services,
    /// Who is refused.
    Bans,
    /// Users and tokens.
    People,
    /// Who did what.
    Audit,
    /// None of them.
    Nowhere,
}

/// Each page of the row: which, its name, its address, and the right that it asks for.
const ROW: [(Place, &str, &str, Right); 11] = [
    (Place::Home, "Home", "/", Right::ReadStatus),
    (Place::Phone, "Phone", "/phone", Right::ReadStatus),
    (Place::Live, "Live", "/live", Right::ReadCalls),
    (Place::Rooms, "Rooms", "/rooms", Right::ReadCalls),
    (Place::Records, "Records", "/records", Right::ReadRecords),
    (Place::Endpoints, "Endpoints", "/endpoints", Right::ReadEndpoints),
    (Place::Routes, "Routes", "/routes", Right::ReadRoutes),
    (Place::Services, "Services", "/services", Right::ReadRoutes),
    (Place::Bans, "Bans", "/bans", Right::ReadEndpoints),
    (Place::People, "People", "/people", Right::ChangePeople),
    (Place::Audit, "Audit", "/audit", Right::ReadAudit),
];

/// What a page stands in.
pub struct Frame<'a> {
    title: &'a str,
    place: Place,
    asker: &'a Asker,
}

impl<'a> Frame<'a> {
    /// For somebody who is logged in.
    pub fn new(title: &'a str, place: Place, asker: &'a Asker) -> Self {
        Self { title, place, asker }
    }

    /// The whole page.
    pub fn page(&self, body: Markup) -> Markup {
        let csrf = self.asker.session.as_ref().map(|session| session.csrf.as_str());
        let bar = html! {
            nav.row aria-label="Pages" {
                @for (place, name, address, _) in ROW.into_iter().filter(|(.., right)| self.asker.rights.has(*right)) {
                    a href=(address) aria-current=[(place == self.place).then_some("page")] { (name) }
                }
            }
            div.who {
                span { (self.asker.name) }
                @if let Some(csrf) = csrf {
                    form method="post" action="/logout" {
                        (hidden(csrf))
                        button.plain type="submit" { "Log out" }
                    }
                }
            }
        };
        whole(self.title, csrf, &bar, body)
    }

    /// The page of somebody whom we do not know.
    pub fn bare(title: &str, body: Markup) -> Markup {
        whole(title, None, &html! {}, body)
    }
}

/// What makes a form one of this session.
pub fn hidden(csrf: &str) -> Markup {
    html! { input type="hidden" name="csrf" value=(csrf); }
}

fn whole(title: &str, csrf: Option<&str>, bar: &Markup, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) " · Patchcord" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(csrf) = csrf {
                    meta name="csrf" content=(csrf);
                }
                link rel="icon" href=(assets::address("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::address("style.css"));
                script type="module" src=(assets::address("live.js")) {}
            }
            body {
                a.skip href="#main" { "To the content" }
                header.bar {
                    a.brand href="/" { (mark()) "Patchcord" }
                    (bar)
                }
                main #main { (body) }
            }
        }
    }
}

/// The sign of the house: two plugs and the cord between them.
fn mark() -> Markup {
    PreEscaped(
        r#"<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="5" cy="6" r="3"/><circle cx="19" cy="18" r="3"/><path d="M5 9v4a5 5 0 0 0 5 5h6"/></svg>"#
            .into(),
    )
}
