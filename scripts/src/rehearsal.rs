//! What words would say to what a script gives them: asked of the words themselves, before anybody calls.
//!
//! What is written out, or stands in a constant of the file, is put to the rules that a word has in a call; a rule about several
//! values counts only where all of them are known. Nothing is done: a word that wants something of a call is through.

use std::collections::HashMap;

use patchcord_engine::call::LegId;
use patchcord_engine::call::event::ReferWish;
use patchcord_engine::call::verb::Handle;
use patchcord_engine::routing::{is_dialable, plain};
use patchcord_media::prompt;
use rhai::{AST, Array, Dynamic, Expr, FnPtr, Map, Position, Stmt};

use crate::words::given::Given;
use crate::words::{self, Held, Leg, Of, Room, Span, What, Wish, Word};

/// Targets of a dial that begin so, and what must follow; others are numbers.
const SCHEMES: [&str; 9] = ["user", "browser", "room", "service", "sip", "sips", "tel", "forward", "neighbour"];

/// The constants of a file.
pub(crate) struct Constants(HashMap<String, Dynamic>);

impl Constants {
    /// Those of that text.
    pub fn of(ast: &AST) -> Self {
        let mut known = Self(HashMap::new());
        for statement in ast.statements() {
            if let Stmt::Var(both, flags, _) = statement
                && flags.intersects(rhai::ASTFlags::CONSTANT)
                && let Some(value) = known.value(&both.1)
            {
                known.0.insert(both.0.name.to_string(), value);
            }
        }
        known
    }

    /// The value of one of them.
    pub fn named(&self, name: &str) -> Option<Dynamic> {
        self.0.get(name).cloned()
    }

    /// What an expression is, where that is known.
    pub fn value(&self, expr: &Expr) -> Option<Dynamic> {
        match expr {
            Expr::Variable(named, ..) if !named.2.is_empty() && named.2.root() == "global" => {
                self.0.get(named.1.as_str()).cloned()
            }
            Expr::Dot(both, ..) => {
                let Expr::MethodCall(call, _) = &both.rhs else { return None };
                let count = both.lhs.get_literal_value(None).filter(|_| call.args.is_empty())?;
                Span::written(&count, &call.name).map(Dynamic::from)
            }
            Expr::Array(list, _) => {
                list.iter().map(|item| self.value(item)).collect::<Option<Array>>().map(Dynamic::from_array)
            }
            Expr::Map(entries, _) => {
                let entry = |(name, value): &(rhai::Ident, Expr)| Some((name.name.as_str().into(), self.value(value)?));
                entries.0.iter().map(entry).collect::<Option<Map>>().map(Dynamic::from_map)
            }
            // A function that takes variables from around it: that it is one is all that words ask.
            Expr::Stmt(block) if block.statements().iter().any(|inside| matches!(inside, Stmt::Share(_))) => {
                FnPtr::new("anonymous").ok().map(Dynamic::from)
            }
            other => other.get_literal_value(None),
        }
    }

    /// What a map that is written there has under that name.
    pub fn option(&self, map: &Expr, name: &str) -> Option<Dynamic> {
        self.entries(map)?.into_iter().find(|(known, ..)| known == name)?.1
    }

    /// What a word would say to this, and where: `None` where it may be right.
    pub fn refusal(&self, word: &'static Word, args: &[Expr], at: Position) -> Option<(Position, String)> {
        let takes_options = !word.options.is_empty() && args.len() > word.needs;
        let entries = match args.last().filter(|_| takes_options) {
            Some(last) => match self.entries(last) {
                Some(entries) => Some(entries),
                // It may be either.
                None if self.value(last).is_none() => return None,
                None => None,
            },
            None => None,
        };
        let values = &args[..args.len() - usize::from(entries.is_some())];
        let entries = entries.unwrap_or_default();
        let given: Vec<Option<Dynamic>> = values.iter().map(|value| self.value(value)).collect();
        let options = entries.iter().map(|(name, value, _)| (name.clone(), value.clone())).collect();
        let told = Given::rehearse(word, receiver(word), given, options)?;
        let named = |name: &str| told.starts_with(&format!("`{name}` of "));
        let option = entries.iter().find(|(name, ..)| named(name)).map(|(_, _, at)| *at);
        let value =
            || word.takes.iter().zip(values).find(|(part, _)| named(part.name)).map(|(_, value)| value.position());
        Some((option.or_else(value).unwrap_or(at), told))
    }

    /// The entries of a map.
    fn entries(&self, map: &Expr) -> Option<Vec<(String, Option<Dynamic>, Position)>> {
        if let Expr::Map(entries, _) = map {
            let entry = |(name, value): &(rhai::Ident, Expr)| (name.name.to_string(), self.value(value), name.pos);
            return Some(entries.0.iter().map(entry).collect());
        }
        let map = self.value(map)?.try_cast::<Map>()?;
        let at = Position::NONE;
        Some(map.into_iter().map(|(name, value)| (name.to_string(), Some(value), at)).collect())
    }
}

/// Whose word it is, in a rehearsal.
fn receiver(word: &Word) -> Option<Dynamic> {
    let leg = LegId::FIRST;
    match word.of {
        Of::Leg => Some(Dynamic::from(Leg(leg))),
        Of::Background => Some(Dynamic::from(Held { handle: Handle(0), leg, what: What::Recording })),
        Of::Room => Some(Dynamic::from(Room("rehearsal".into()))),
        Of::Wish => {
            let said = ReferWish { to: String::new(), replaces: None, replaces_elsewhere: None, meets: None };
            Some(Dynamic::from(Wish { leg, said: said.into() }))
        }
        Of::Module(_) | Of::House => None,
    }
}

/// The words of that name which may be meant where it is not certain whose it is.
pub(crate) fn namesakes(word: &'static Word) -> impl Iterator<Item = &'static Word> {
    let may_be = |of| matches!(of, Of::Leg | Of::Room | Of::Wish | Of::Background);
    words::all().filter(move |other| other.name == word.name && may_be(other.of))
}

/// Why nobody can be called by that, whatever a house is like.
pub(crate) fn nobody(target: &str) -> Option<String> {
    let wanted =
        "a number, or \"user:alice\", \"browser:alice\", \"room:weekly\", \"service:voicemail\", \"sip:…\", \"tel:…\"";
    if target.trim().is_empty() {
        return Some(format!("an empty text is nobody to be called; there are {wanted}"));
    }
    let Some((scheme, rest)) = target.split_once(':') else {
        return (target.trim().starts_with('+') && !is_dialable(&plain(target.trim()))).then(|| no_number(target));
    };
    if !SCHEMES.contains(&scheme) {
        let near = crate::check::near(scheme, SCHEMES.into_iter());
        let hint = near.map_or_else(|| format!("there are {wanted}"), |near| format!("is \"{near}:{rest}\" meant?"));
        return Some(format!("nobody is called by {target:?}; {hint}"));
    }
    let is_whole = !rest.trim().is_empty() || scheme == "neighbour";
    if !is_whole {
        return Some(format!("{target:?} does not say whom; write it as in \"{scheme}:{}\"", example(scheme)));
    }
    if scheme == "tel" {
        return (!is_dialable(&plain(rest))).then(|| no_number(target));
    }
    let hostless = ["sip", "sips"].contains(&scheme)
        && rest.split(['?', ';']).next().is_none_or(|at| at.ends_with('@') || at.starts_with('@'));
    let spaced = scheme != "room" && rest.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    (hostless || spaced).then(|| format!("{target:?} is no address; write it as in \"{scheme}:{}\"", example(scheme)))
}

fn no_number(target: &str) -> String {
    format!("{target:?} is no number: it has digits, * and #, and a + may stand first, as \"+33123456789\"")
}

/// What is wrong with the name of a prompt, be there a file or not.
pub(crate) fn misnamed(name: &str) -> Option<String> {
    prompt::named(name, "us").err().map(|wrong| wrong.to_string())
}

fn example(scheme: &str) -> &'static str {
    match scheme {
        "room" => "weekly",
        "service" => "voicemail",
        "sip" | "sips" => "bob@example.org",
        "tel" => "+33123456789",
        _ => "alice",
    }
}

#[cfg(test)]
mod tests {
    use crate::check::check;

    fn of_body(body: &str) -> Vec<String> {
        let text = format!("const LONG = 900.s();\nconst VOICE = 30;\nfn on_invite(caller) {{\n  {body}\n}}");
        check("ivr.rhai", &text, &|_| true).iter().map(ToString::to_string).collect()
    }

    /// What stands in the fourth line is told at that column.
    #[track_caller]
    fn told(body: &str, column: usize, what: &str) {
        assert_eq!(of_body(body), [format!("ivr.rhai:4:{column}: {what}")], "{body}");
    }

    #[test]
    fn values_that_a_word_refuses_in_a_call_are_told_before_one() {
        told("caller.reject(200);", 17, "`code` of reject is 200; it may be from 400 to 699");
        told("caller.hangup(999);", 17, "`cause` of hangup is 999; it may be from 1 to 127");
        told("caller.play(\"a\", #{ volume: 100 });", 23, "`volume` of play is 100; it may be from -40 to 20");
        told("caller.play(\"a\", #{ volume: global::VOICE });", 23, "`volume` of play is 30; it may be from -40 to 20");
        told("caller.gather(#{ digits: 0 });", 20, "`digits` of gather is 0; it may be from 1 to 64");
        told("caller.gather(#{ digits: 1, tries: 0 });", 31, "`tries` of gather is 0; it may be from 1 to 20");
        told("caller.gather(#{ min: 4, max: 2 });", 20, "`min` of gather is 4, which is more than `max`, 2");
    }

    #[test]
    fn lists_maps_and_times_are_looked_into() {
        let accept = "`accept` of gather: \"abc\" is no answer; there are 0 to 9, *, #, A to D, and x for any digit";
        told("caller.gather(#{ accept: [\"abc\"] });", 20, accept);
        told(
            "caller.dial(\"user:a\", #{ ring: 0.s() });",
            28,
            "`ring` of dial is no time at all; it may be up to 5 min",
        );
        told("caller.dial(\"user:a\", #{ ring: global::LONG });", 28, "`ring` of dial is 15 min; the longest is 5 min");
        let codec = "`codecs` of dial: there is no codec \"mp3\"; there are opus, g722, pcma, pcmu, l16, g729";
        told("caller.dial(\"user:a\", #{ codecs: [\"mp3\"] });", 28, codec);
        told(
            "caller.dial(\"user:a\", #{ screen: #{ promt: \"a\" } });",
            28,
            "`screen` of dial: it has no `promt`; is `prompt` meant?",
        );
        let keys = of_body(
            "let x = 1; caller.dial(\"user:a\", #{ keys: #{ \"1\": \"endd\", \"2\": |leg| leg.tag(\"a\", x) } });",
        );
        assert!(
            keys.len() == 1 && keys[0].starts_with("ivr.rhai:4:39: `keys` of dial: a key ends the talk"),
            "{keys:?}"
        );
        told(
            "say::number(5, #{ language: \"fr\" });",
            21,
            "`language` of number: nobody has taught the house to count in \"fr\"; there are \"en\" and \"de\"",
        );
    }

    #[test]
    fn options_that_go_together_are_told_where_one_is_missing() {
        let told = |body: &str| of_body(&format!("caller.dial(\"user:a\", #{{ {body} }});")).join("\n");
        assert!(told("warn_at: 1.min()").ends_with("before the end of `max_talk` both are warned; it goes with that"));
        assert!(
            told("warn_at: 2.min(), max_talk: 1.min()")
                .contains("`warn_at` of dial is 2 min, and the talk ends after 1 min")
        );
        assert!(told("step: 3.s()").contains("with strategy: \"steps\"; it goes with that"));
        assert_eq!(told("step: 3.s(), strategy: \"steps\", warn_at: 1.min(), max_talk: 2.min()"), "");
    }

    #[test]
    fn options_that_are_no_map_are_told_with_what_they_are() {
        let told = of_body("caller.dial(\"user:a\", 20.s());").join("\n");
        assert!(told.starts_with("ivr.rhai:4:10: leg.dial(targets, #{ ring, "), "{told}");
        assert!(told.ends_with("takes its options as a map, and was given 20 s"), "{told}");
        let told = of_body("caller.gather(\"x\");").join("\n");
        assert!(told.ends_with("takes its options as a map, and was given the text \"x\""), "{told}");
    }

    #[test]
    fn targets_that_are_nobody_are_told() {
        told("caller.dial(\"usr:alice\");", 15, "nobody is called by \"usr:alice\"; is \"user:alice\" meant?");
        let told = |target: &str| of_body(&format!("caller.dial([{target:?}, \"+331\"]);")).join("\n");
        assert!(told("").contains("an empty text is nobody to be called; there are a number, or \"user:alice\""));
        assert!(told("user:").contains("\"user:\" does not say whom; write it as in \"user:alice\""));
        assert!(told("nothing:x").contains("nobody is called by \"nothing:x\"; there are a number, or \"user:alice\""));
        for right in
            ["user:alice", "100", "sip:bob@example.org", "tel:+331", "browser:alice", "room:a", "bob@example.org"]
        {
            assert_eq!(told(right), "", "{right}");
        }
        let to = of_body("caller.transfer(\"usr:bob\");").join("\n");
        assert!(to.contains("is \"user:bob\" meant?"), "{to}");
    }

    #[test]
    fn what_is_computed_is_not_judged_and_what_is_known_beside_it_is() {
        assert_eq!(
            of_body(
                "let n = 9; caller.gather(#{ min: n, max: 4 }); caller.dial(`user:${n}`, #{ warn_at: 1.min(), max_talk: n.s() });"
            ),
            [""; 0]
        );
        assert_eq!(of_body("let options = #{}; caller.dial(\"user:a\", options); caller.gather(options);"), [""; 0]);
        told("let n = 9; caller.gather(#{ min: n, tries: 0 });", 39, "`tries` of gather is 0; it may be from 1 to 20");
        assert_eq!(
            of_body("let room = room::open(\"a\"); room.play(\"x\"); room.record(); room.dial(\"100\");"),
            [""; 0]
        );
        assert_eq!(of_body("let wish = caller.vars.wish; wish.reject(); http::get(\"https://a.example\"); time::within(\"Mon 09:00-10:00 UTC\");").len(), 0);
    }
}
