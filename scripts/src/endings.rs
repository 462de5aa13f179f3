//! How words never end: a status that a script looks for and that nothing which it asks of a leg ever says.
//!
//! Only statuses of variables that hold what came of a word are looked at, and only those that no word of a leg ends with: what a
//! script makes itself has whatever status it likes.

use std::collections::BTreeSet;

use rhai::{AST, ASTNode, Dynamic, Expr, FnCallExpr, Position, Stmt};

use crate::check::near;
use crate::fault::Fault;
use crate::lints::arms;
use crate::words::{self, Of, Word};

/// Statuses that a text looks for in vain.
pub(crate) fn impossible(file: &str, text: &str, ast: &AST) -> Vec<Fault> {
    let mut answers: BTreeSet<String> = BTreeSet::new();
    let mut faults = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(both, ..))) if said(&both.1).is_some_and(|word| word.of == Of::Leg) => {
                answers.insert(both.0.name.to_string());
            }
            Some(ASTNode::Stmt(Stmt::Switch(both, at)))
                if status_of(&both.0).is_some_and(|of| answers.contains(of)) =>
            {
                let arms = arms(text, *at);
                let texts = arms.iter().filter(|arm| !arm.is_number());
                faults.extend(texts.filter_map(|arm| never(file, &arm.said, arm.at)));
            }
            Some(ASTNode::Expr(Expr::FnCall(call, at))) => {
                faults.extend(compared(call, &answers).and_then(|said| never(file, &said, *at)));
            }
            _ => {}
        }
        true
    });
    faults
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

/// The variable of `talk.status`.
fn status_of(expr: &Expr) -> Option<&str> {
    let Expr::Dot(both, ..) = expr else { return None };
    match (&both.lhs, &both.rhs) {
        (Expr::Variable(name, ..), Expr::Property(property, _)) if property.2 == "status" => Some(&name.1),
        _ => None,
    }
}

/// The text that the status of one of these is compared with.
fn compared(call: &FnCallExpr, answers: &BTreeSet<String>) -> Option<String> {
    if !["==", "!="].contains(&call.name.as_str()) {
        return None;
    }
    let [left, right] = &call.args[..] else { return None };
    let said = if status_of(left).is_some_and(|of| answers.contains(of)) { right } else { return None };
    said.get_literal_value(None).and_then(|said: Dynamic| said.into_string().ok())
}

/// The fault of a status that nothing has.
fn never(file: &str, said: &str, at: Position) -> Option<Fault> {
    let ends = || words::all().filter(|word| word.of == Of::Leg).flat_map(|word| word.ends.iter().copied());
    if ends().any(|end| end == said) {
        return None;
    }
    let hint = near(said, ends()).map_or_else(String::new, |near| format!("; is {near:?} meant?"));
    Some(Fault::at(file, at, format!("no word ends with the status {said:?}{hint}")))
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
            compared[0].ends_with("no word ends with the status \"noanswer\"; is \"no_answer\" meant?"),
            "{compared:?}"
        );
        let arms = told(&format!(
            "{dial}  switch talk.status {{\n    \"busy\" => (),\n    \"engaged\" => (),\n    _ => ()\n  }}"
        ));
        assert_eq!(arms, ["ivr.rhai:5:5: no word ends with the status \"engaged\""]);
        let own = "  let talk = #{ status: \"open\" };\n  if talk.status == \"open\" { caller.answer(); }";
        assert_eq!(told(own), [""; 0], "what a script makes itself is its own");
        assert_eq!(told(&format!("{dial}  if talk.status != \"answered\" {{ caller.answer(); }}")), [""; 0]);
    }
}
