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
    /// What was recorded of them.
    Recordings,
    /// Who may register, and where they are.
    Endpoints,
    /// Where numbers lead.
    Routes,
    /// What answers.
    Services,
    /// Prompts.
    Sounds,
    /// Who is refused.
    Bans,
    /// Who is told over HTTP what happens.
    Webhooks,
    /// Users and tokens.
    People,
    /// Who did what.
    Audit,
    /// None of them.
    Nowhere,
}

/// A page: which, its name, its address, and the right that it asks for.
type Entry = (Place, &'static str, &'static str, Right);

/// The row of pages: a name, and what stands under it; more than one page is a row of its own.
const ROW: [(&str, &[Entry]); 9] = [
    ("Home", &[(Place::Home, "Home", "/", Right::ReadStatus)]),
    ("Phone", &[(Place::Phone, "Phone", "/phone", Right::ReadStatus)]),
    ("Live", &[(Place::Live, "Live", "/live", Right::ReadCalls)]),
    ("Rooms", &[(Place::Rooms, "Rooms", "/rooms", Right::ReadCalls)]),
    (
        "Records",
        &[
            (Place::Records, "Calls", "/records", Right::ReadRecords),
            (Place::Recordings, "Recordings", "/recordings", Right::ReadRecordings),
        ],
    ),
    ("Endpoints", &[(Place::Endpoints, "Endpoints", "/endpoints", Right::ReadEndpoints)]),
    ("Routes", &[(Place::Routes, "Routes", "/routes", Right::ReadRoutes)]),
    (
        "Services",
        &[
            (Place::Services, "Scripts", "/services", Right::ReadRoutes),
            (Place::Sounds, "Sounds", "/sounds", Right::ReadRoutes),
        ],
    ),
    (
        "House",
        &[
            (Place::People, "People", "/people", Right::ChangePeople),
            (Place::Bans, "Bans", "/bans", Right::ReadEndpoints),
            (Place::Webhooks, "Webhooks", "/webhooks", Right::ChangeServer),
            (Place::Audit, "Audit log", "/audit", Right::ReadAudit),
        ],
    ),
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
                @for (name, entries) in ROW {
                    @if let Some((_, _, address, _)) = self.open_to(entries).next() {
                        a href=(address) aria-current=[self.stands_in(entries).then_some("page")] { (name) }
                    }
                }
            }
            div.who {
                @if let Some(csrf) = csrf {
                    a href="/password" title="Your password" { (self.asker.name) }
                    form method="post" action="/logout" {
                        (hidden(csrf))
                        button.plain type="submit" { "Log out" }
                    }
                }
            }
        };
        whole(self.title, csrf, &bar, html! { (self.tabs()) (body) })
    }

    /// Those of them that whoever looks may open.
    fn open_to(&self, entries: &'static [Entry]) -> impl Iterator<Item = Entry> {
        entries.iter().copied().filter(|(.., right)| self.asker.rights.has(*right))
    }

    fn stands_in(&self, entries: &[Entry]) -> bool {
        entries.iter().any(|(place, ..)| *place == self.place)
    }

    /// The pages beside this one, where there are some.
    fn tabs(&self) -> Markup {
        let here = ROW.into_iter().find(|(_, entries)| self.stands_in(entries));
        let Some((name, entries)) = here.filter(|(_, entries)| self.open_to(entries).count() > 1) else {
            return html! {};
        };
        html! {
            nav.tabs aria-label=(name) {
                @for (place, name, address, _) in self.open_to(entries) {
                    a href=(address) aria-current=[(place == self.place).then_some("page")] { (name) }
                }
            }
        }
    }

    /// The page of somebody whom we do not know.
    pub fn bare(title: &str, body: Markup) -> Markup {
        whole(title, None, &html! {}, body)
    }
}

/// What makes a form one of this person's session.
pub fn csrf(asker: &Asker) -> Markup {
    hidden(asker.session.as_ref().map(|session| session.csrf.as_str()).unwrap_or_default())
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
