//! How words never end: a status that a script looks for, and that what it asked of a leg never says.
//!
//! Looked at are statuses of variables. One that holds nothing but what came of words has one of theirs; one that may be something else as
//! well is told only of what no word ever says, because what a script makes itself has whatever status it likes.

use std::collections::BTreeMap;

use rhai::{AST, ASTNode, Dynamic, Expr, FnCallExpr, Position, Stmt};

use crate::check::near;
use crate::fault::Fault;
use crate::lints::arms;
use crate::words::{self, Of, Word};

/// How every word of a leg may end, whatever else it says.
const ANYWAY: &[&str] = &["gone", "failed", "stopped"];

/// The words that a variable came of, and whether it may be something else as well.
#[derive(Default)]
struct Held {
    words: Vec<&'static Word>,
    is_other: bool,
}

/// Statuses that a text looks for in vain.
pub(crate) fn impossible(file: &str, text: &str, ast: &AST) -> Vec<Fault> {
    let held = held(ast);
    let mut faults = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Switch(both, at))) => {
                if let Some(words) = asked(&both.0, &held) {
                    let arms = arms(text, *at);
                    let texts = arms.iter().filter(|arm| !arm.is_number());
                    faults.extend(texts.filter_map(|arm| never(file, &arm.said, arm.at, &words)));
                }
            }
            Some(ASTNode::Expr(Expr::FnCall(call, at))) | Some(ASTNode::Stmt(Stmt::FnCall(call, at))) => {
                faults.extend(compared(call, &held).and_then(|(said, words)| never(file, &said, *at, &words)));
            }
            _ => {}
        }
        true
    });
    faults
}

/// What the variables of a text hold.
fn held(ast: &AST) -> BTreeMap<String, Held> {
    let mut held: BTreeMap<String, Held> = BTreeMap::new();
    for param in ast.iter_functions().flat_map(|function| function.params.into_iter()) {
        held.entry(param.to_owned()).or_default().is_other = true;
    }
    let mut put = |name: &str, value: Option<&Expr>| {
        let held = held.entry(name.to_owned()).or_default();
        match value.map(|value| (said(value), value)) {
            Some((Some(word), _)) => held.words.push(word),
            // It is declared here, and given its value elsewhere.
            Some((None, Expr::Unit(_))) => {}
            _ => held.is_other = true,
        }
    };
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(both, ..))) => put(&both.0.name, Some(&both.1)),
            Some(ASTNode::Stmt(Stmt::Assignment(both))) => match &both.1.lhs {
                Expr::Variable(name, ..) => put(&name.1, Some(&both.1.rhs)),
                Expr::Dot(chain, ..) | Expr::Index(chain, ..) => {
                    if let Expr::Variable(name, ..) = &chain.lhs {
                        put(&name.1, None);
                    }
                }
                _ => {}
            },
            Some(ASTNode::Stmt(Stmt::For(both, _))) => {
                put(&both.0.name, None);
                if let Some(count) = &both.1 {
                    put(&count.name, None);
                }
            }
            _ => {}
        }
        true
    });
    held
}

/// The word of a leg or of the house that a value came of.
fn said(value: &Expr) -> Option<&'static Word> {
    let (of, call) = match value {
        Expr::FnCall(call, _) if call.namespace.is_empty() => (Of::House, call),
        Expr::Dot(both, ..) => match &both.rhs {
            Expr::MethodCall(call, _) => (Of::Leg, call),
            _ => return None,
        },
        _ => return None,
    };
    words::all().find(|word| word.of == of && word.name == call.name.as_str() && !word.ends.is_empty())
}

/// The words of which one says `talk.status`; of a variable that may be something else as well, all words of a leg.
fn asked(expr: &Expr, held: &BTreeMap<String, Held>) -> Option<Vec<&'static Word>> {
    let Expr::Dot(both, ..) = expr else { return None };
    match (&both.lhs, &both.rhs) {
        (Expr::Variable(name, ..), Expr::Property(property, _)) if property.2 == "status" => {
            let held = held.get(name.1.as_str()).filter(|held| !held.words.is_empty())?;
            match held.is_other {
                true => Some(words::all().filter(|word| word.of == Of::Leg).collect()),
                false => Some(held.words.clone()),
            }
        }
        _ => None,
    }
}

/// The text that a status is compared with, and the words that have that status.
fn compared(call: &FnCallExpr, held: &BTreeMap<String, Held>) -> Option<(String, Vec<&'static Word>)> {
    if !["==", "!="].contains(&call.name.as_str()) {
        return None;
    }
    let [left, right] = &call.args[..] else { return None };
    let words = asked(left, held)?;
    let text = right.get_literal_value(None).and_then(|said: Dynamic| said.into_string().ok())?;
    Some((text, words))
}

/// The fault of a status that none of these words has.
fn never(file: &str, said: &str, at: Position, words: &[&'static Word]) -> Option<Fault> {
    let ends = || words.iter().flat_map(|word| word.ends.iter().copied());
    if ends().chain(ANYWAY.iter().copied()).any(|end| end == said) {
        return None;
    }
    let one = words.first().filter(|first| words.iter().all(|word| word.name == first.name));
    let who = one.map_or_else(|| "no word".to_owned(), |word| format!("{} never", word.name));
    let hint = match (near(said, ends()), one) {
        (Some(near), _) => format!("; is {near:?} meant?"),
        (None, Some(word)) => format!("; it ends with {}", word.ends.join(", ")),
        (None, None) => String::new(),
    };
    Some(Fault::at(file, at, format!("{who} ends with the status {said:?}{hint}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn told(body: &str) -> Vec<String> {
        let text = format!("fn on_invite(caller) {{\n{body}\n}}");
        let limits = Limits::default();
        let mut engine = crate::engine(&limits);
        engine.set_optimization_level(rhai::OptimizationLevel::None);
        let ast = crate::check_text(&engine, &limits, "ivr.rhai", &text).expect("a script");
        impossible("ivr.rhai", &text, &ast).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_status_that_nothing_has_is_told_and_what_may_be_meant() {
        let dial = "  let talk = caller.dial(\"user:alice\");\n";
        let compared = told(&format!("{dial}  if talk.status == \"noanswer\" {{ caller.play(\"goodbye\"); }}"));
        assert_eq!(compared.len(), 1, "{compared:?}");
        assert!(compared[0].starts_with("ivr.rhai:3:"), "{compared:?}");
        assert!(
            compared[0].ends_with("dial never ends with the status \"noanswer\"; is \"no_answer\" meant?"),
            "{compared:?}"
        );
        let arms = told(&format!(
            "{dial}  switch talk.status {{\n    \"busy\" => (),\n    \"engaged\" => (),\n    _ => ()\n  }}"
        ));
        assert_eq!(
            arms,
            [
                "ivr.rhai:5:5: dial never ends with the status \"engaged\"; it ends with answered, busy, no_answer, rejected, unreachable, cancelled, screened, forbidden, gone"
            ]
        );
        let own = "  let talk = #{ status: \"open\" };\n  if talk.status == \"open\" { caller.answer(); }";
        assert_eq!(told(own), [""; 0], "what a script makes itself is its own");
        assert_eq!(told(&format!("{dial}  if talk.status != \"answered\" {{ caller.answer(); }}")), [""; 0]);
    }

    #[test]
    fn a_status_of_another_word_is_told_and_how_this_one_ends() {
        let message = "  let message = caller.record();\n";
        assert_eq!(
            told(&format!("{message}  if message.status == \"ok\" {{ caller.play(\"goodbye\"); }}")),
            [
                "ivr.rhai:3:21: record never ends with the status \"ok\"; it ends with kept, too_short, silence, failed, gone"
            ]
        );
        let either = "  let how = ();\n  if caller.number == \"1\" { how = caller.record(); } else { how = caller.dial(\"user:a\"); }\n";
        assert_eq!(told(&format!("{either}  if how.status == \"answered\" {{ caller.answer(); }}")), [""; 0]);
        assert_eq!(
            told(&format!("{either}  if how.status == \"digits\" {{ caller.answer(); }}")),
            ["ivr.rhai:4:17: no word ends with the status \"digits\""],
            "neither of the two"
        );
        let own = "  let how = caller.record();\n  how = #{ status: \"digits\" };\n";
        assert_eq!(told(&format!("{own}  if how.status == \"digits\" {{ caller.answer(); }}")), [""; 0]);
    }
}
