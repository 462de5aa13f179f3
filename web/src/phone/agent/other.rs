//! Whom a talk is with: whoever calls, and whoever takes that one's place when it is passed on.

use patchcord_sip::{Headers, Name, Request, message::NameAddr};

use super::{Agent, Told};

/// Number and name of whoever stands in From.
pub(super) fn caller(request: &Request) -> (String, String) {
    request.from().map(number_and_name).unwrap_or_default()
}

/// Who the other side is now, where an INVITE or UPDATE says so (RFC 4916, in the way of the house); empty where it hides.
fn introduced(headers: &Headers) -> Option<(String, String)> {
    let asserted = headers.get(Name::PAssertedIdentity).and_then(|value| NameAddr::parse(value).ok());
    let hidden = || headers.get(Name::of("Privacy")).is_some_and(|privacy| privacy.contains("id"));
    asserted.map(number_and_name).or_else(|| hidden().then(Default::default))
}

fn number_and_name(who: NameAddr<'_>) -> (String, String) {
    let hidden = who.uri.host().is_some_and(|host| host == "anonymous.invalid");
    let user = who.uri.user_text().filter(|_| !hidden).unwrap_or_default().into_owned();
    (user, who.display().into_owned())
}

impl Agent {
    /// The page is told whom the talk is with, when that is somebody else than it knows.
    pub(super) fn introduced(&mut self, at: usize, request: &Request) {
        let Some(other) = introduced(request) else { return };
        let talk = &mut self.talks[at];
        if talk.other.as_ref() != Some(&other) {
            let (from, name) = other.clone();
            talk.other = Some(other);
            self.told.push_back(Told::Other { talk: talk.name.to_string(), from, name });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Out,
        tests::{Stage, again, inside},
    };
    use super::*;

    #[test]
    fn a_page_is_told_once_whom_it_talks_with_after_a_transfer() {
        let (mut stage, invite) = Stage::talking(false);
        let told = |stage: &mut Stage, number: u32, header: &str| {
            stage.hear(&again(inside("UPDATE", &invite, header, ""), number));
            let outs = std::iter::from_fn(|| stage.agent.poll(stage.now));
            outs.filter_map(|out| match out {
                Out::Page(told) => Some(told),
                Out::Sip(_) => None,
            })
            .collect::<Vec<_>>()
        };
        let other =
            |from: &str, name: &str| vec![Told::Other { talk: "a".into(), from: from.into(), name: name.into() }];
        let carol = "P-Asserted-Identity: \"Carol\" <sip:103@127.0.0.1>\n";
        assert_eq!(told(&mut stage, 1, carol), other("103", "Carol"));
        assert_eq!(told(&mut stage, 2, carol), [], "it is known");
        assert_eq!(told(&mut stage, 3, ""), [], "a sign of life names nobody");
        assert_eq!(told(&mut stage, 4, "Privacy: id\n"), other("", ""));
        assert_eq!(told(&mut stage, 5, "P-Asserted-Identity: ;;\n"), [], "that names nobody");
    }
}
