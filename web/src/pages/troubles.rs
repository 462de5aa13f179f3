//! What is wrong with services, in words: what callers get, what is not served, why, where, since when.

use std::time::{Duration, UNIX_EPOCH};

use super::{words::when, wrong::sentence};
use crate::{
    house::{Trouble, TroubleKind},
    masking::masked,
    people::Asker,
    versions::Findings,
};
use maud::{Markup, html};

/// Those that are told where other things are to be seen as well.
const FIRST: usize = 3;

/// Letters of a reason that are shown: some failing tests with their places.
const LONGEST: usize = 800;

/// What it means for those who call, as a sentence.
pub fn meaning(trouble: &Trouble) -> String {
    let version = trouble.served.as_deref().unwrap_or_default();
    match (trouble.kind, &trouble.served) {
        (TroubleKind::Refused | TroubleKind::Restored, None) => "nothing is served: whoever calls it is refused".into(),
        (TroubleKind::Refused, Some(_)) => {
            format!("version {version} is served as before, and what was saved since is not")
        }
        (TroubleKind::Restored, Some(_)) => {
            format!("version {version} from before the restart is served, and what lies in the folder is not")
        }
        (TroubleKind::Served, _) => format!("version {version} is served all the same: nothing was there before it"),
        (TroubleKind::Manifest, _) => {
            "its manifest cannot be read: what it said before holds, and nothing where it said nothing".into()
        }
    }
}

/// Each of them, with its service by name where the page is not of one.
pub fn told(troubles: &[Trouble], asker: &Asker, with_name: bool) -> Markup {
    // A fault quotes names out of the text, and numbers among them.
    let plain = |why: &str| why.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect::<String>();
    let why = |why: &str| if asker.rights.read_sources() { plain(why) } else { masked(&plain(why)) };
    html! {
        @for trouble in troubles {
            div.flash.bad role="alert" {
                p {
                    @if with_name { a href={ "/services/" (trouble.service) } { strong { (trouble.service) } } ": " (meaning(trouble)) "." }
                    @else { (sentence(&meaning(trouble))) }
                }
                p.mono.small { (why(&trouble.why)) }
                p.small { "Since " (when(UNIX_EPOCH + Duration::from_millis(trouble.since_ms))) " UTC" }
            }
        }
    }
}

/// The first of them, and how many there are beyond those.
pub fn first(troubles: &[Trouble], asker: &Asker) -> Markup {
    let shown = &troubles[..troubles.len().min(FIRST)];
    html! {
        (told(shown, asker, true))
        @if troubles.len() > FIRST {
            p.flash.bad { (troubles.len() - FIRST) " more services are not as they should be: " a href="/services" { "see all" } "." }
        }
    }
}

/// What was found of a version, in a few words.
pub fn findings(found: Option<Findings>, is_shipped: bool) -> Markup {
    let Some(found) = found else {
        return match is_shipped {
            true => html! { span.small.muted { "tried before it was shipped" } },
            false => html! { span.small.muted { "not tried yet" } },
        };
    };
    html! {
        @match (found.held, found.failed) {
            (0, 0) => { span.badge { "no tests" } },
            (held, 0) => { span.badge.good { (held) @if held == 1 { " test holds" } @else { " tests hold" } } },
            (held, failed) => {
                span.badge.bad { (failed) " of " (held + failed) @if failed == 1 { " fails" } @else { " fail" } }
            },
        }
        " "
        @match found.faults {
            0 => { span.badge.good { "no faults" } },
            1 => { span.badge.bad { "1 fault" } },
            faults => { span.badge.bad { (faults) " faults" } },
        }
        p.small.muted { (when(UNIX_EPOCH + Duration::from_millis(found.at_ms))) }
    }
}
