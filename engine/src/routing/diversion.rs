//! Who forwarded a call, as carriers that ask for it are told: Diversion (RFC 5806) and History-Info (RFC 7044).

use patchcord_sip::message::NameAddr;

use super::number::{MAX_NUMBER, plain};
use super::{Identity, identity::address};

/// Most forwardings that are told of; a call that was forwarded more often goes round in a circle.
pub const MAX_DIVERSIONS: usize = 10;

/// Why a call was forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Because {
    /// It always is.
    Always,
    /// The party was busy.
    Busy,
    /// It did not answer.
    NoAnswer,
    /// It could not be reached.
    Unreachable,
    /// It said so when it was called.
    Deflected,
}

impl Because {
    /// The reason as a target of a dial names it: `forward:alice:busy:102`.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "always" => Self::Always,
            "busy" => Self::Busy,
            "no_answer" => Self::NoAnswer,
            "unreachable" => Self::Unreachable,
            _ => return None,
        })
    }

    /// That word; whoever deflects a call names no target.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Always | Self::Deflected => "always",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Unreachable => "unreachable",
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Always => "unconditional",
            Self::Busy => "user-busy",
            Self::NoAnswer => "no-answer",
            Self::Unreachable => "unavailable",
            Self::Deflected => "deflection",
        }
    }

    /// The cause of RFC 4458 §2.1.
    fn cause(self) -> u16 {
        match self {
            Self::Always => 302,
            Self::Busy => 486,
            Self::NoAnswer => 408,
            Self::Unreachable => 503,
            Self::Deflected => 480,
        }
    }
}

/// One forwarding of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverted {
    /// Who forwarded it, as the carrier wants to read it.
    pub by: Box<str>,
    /// Why.
    pub because: Because,
    /// Whether that party hides.
    pub hidden: bool,
}

/// Who forwarded a call before it came here, by the values of its Diversion headers: the latest stands first there.
pub fn forwarded_before<'a>(values: impl Iterator<Item = &'a str>) -> Vec<Diverted> {
    let mut told: Vec<_> = values.take(MAX_DIVERSIONS).filter_map(Diverted::parse).collect();
    told.reverse();
    told
}

impl Diverted {
    fn parse(value: &str) -> Option<Self> {
        let said = NameAddr::parse(value).ok()?;
        let by = said.uri.user_text().filter(|by| !by.is_empty() && by.len() <= MAX_NUMBER)?;
        let is =
            |name: &str, wanted: &str| said.params.get(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted));
        let reasons = [Because::Busy, Because::NoAnswer, Because::Unreachable, Because::Deflected];
        let because = reasons.into_iter().find(|because| is("reason", because.reason())).unwrap_or(Because::Always);
        Some(Self { by: (&*plain(&by)).into(), because, hidden: is("privacy", "full") })
    }
}

impl Identity {
    /// The headers about forwardings, the first of them first, that this carrier asks for. `called` is whom it is called
    /// now, `host` our side.
    pub fn tell(&self, forwardings: &[Diverted], called: &str, host: &str) -> Vec<(&'static str, String)> {
        let told = &forwardings[forwardings.len().saturating_sub(MAX_DIVERSIONS)..];
        let mut headers = Vec::new();
        if told.is_empty() {
            return headers;
        }
        if self.diversion {
            // The latest stands first.
            headers.extend(told.iter().rev().map(|one| ("Diversion", diversion(one, host))));
        }
        if self.history_info {
            headers.push(("History-Info", history(told, called, host)));
        }
        headers
    }
}

fn diversion(one: &Diverted, host: &str) -> String {
    let privacy = if one.hidden { "full" } else { "off" };
    format!("{};reason={};privacy={privacy};counter=1", address(None, &one.by, host), one.because.reason())
}

/// `<sip:101@h>;index=1, <sip:102@h;cause=486>;index=1.1;mp=1`
fn history(told: &[Diverted], called: &str, host: &str) -> String {
    let targets = told.iter().map(|one| (&*one.by, one.hidden)).chain([(called, false)]);
    let mut index = String::new();
    let mut entries = Vec::new();
    for (at, (target, hidden)) in targets.enumerate() {
        let mut uri = address(None, target, host);
        uri.pop();
        let before = index.clone();
        index += if at == 0 { "1" } else { ".1" };
        if at > 0 {
            uri += &format!(";cause={}", told[at - 1].because.cause());
        }
        uri += if hidden { "?Privacy=history>" } else { ">" };
        uri += &format!(";index={index}");
        if at > 0 {
            uri += &format!(";mp={before}");
        }
        entries.push(uri);
    }
    entries.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded() -> Vec<Diverted> {
        let by = |by: &str, because, hidden| Diverted { by: by.into(), because, hidden };
        vec![by("101", Because::Busy, false), by("102", Because::NoAnswer, true)]
    }

    #[test]
    fn a_carrier_is_told_only_what_it_asks_for() {
        assert_eq!(Identity::default().tell(&forwarded(), "+49301", "h"), []);
        let both = Identity { diversion: true, history_info: true, ..Identity::default() };
        assert_eq!(both.tell(&[], "+49301", "h"), []);
    }

    #[test]
    fn the_latest_forwarding_stands_first() {
        let asks = Identity { diversion: true, ..Identity::default() };
        let told = asks.tell(&forwarded(), "+49301", "pbx.example.org");
        assert_eq!(
            told,
            [
                ("Diversion", "<sip:102@pbx.example.org>;reason=no-answer;privacy=full;counter=1".into()),
                ("Diversion", "<sip:101@pbx.example.org>;reason=user-busy;privacy=off;counter=1".into()),
            ]
        );
    }

    #[test]
    fn what_a_carrier_says_of_forwardings_is_told_on_as_it_was() {
        let values = [
            "<sip:102@h>;reason=no-answer;privacy=full;counter=1",
            "\"Al\" <tel:+49-30-101>;reason=user-busy",
            "<sip:@h>",
            "<<",
        ];
        let told = forwarded_before(values.into_iter());
        let by = |by: &str, because, hidden| Diverted { by: by.into(), because, hidden };
        assert_eq!(told, [by("+4930101", Because::Busy, false), by("102", Because::NoAnswer, true)]);
        assert_eq!(forwarded_before(std::iter::repeat_n("<sip:1@h>", 100)).len(), MAX_DIVERSIONS);
    }

    #[test]
    fn a_history_tells_each_target_and_why_it_was_left() {
        let asks = Identity { history_info: true, ..Identity::default() };
        let told = asks.tell(&forwarded(), "+49301", "h");
        let expected = "<sip:101@h>;index=1, <sip:102@h;cause=486?Privacy=history>;index=1.1;mp=1, \
                        <sip:+49301@h;cause=408>;index=1.1.1;mp=1.1";
        assert_eq!(told, [("History-Info", expected.into())]);
    }

    #[test]
    fn a_call_that_goes_in_circles_fills_no_message() {
        let many: Vec<_> = (0..100).flat_map(|_| forwarded()).collect();
        let asks = Identity { diversion: true, ..Identity::default() };
        assert_eq!(asks.tell(&many, "1", "h").len(), MAX_DIVERSIONS);
    }
}
