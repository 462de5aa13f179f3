//! What a leg is told that may not be there, or that waits for itself: told by who else stands around it.

use rhai::{ASTNode, Expr, FnCallExpr, FnPtr, Position, Stmt};

use super::flow::Flow;
use super::written::variable;
use crate::fault::Fault;
use crate::words::shape::{Field, Shape};

impl Flow<'_> {
    /// A word is said to what may be `()`; `link` is the field of `root` in which that is.
    pub fn doubted(&mut self, receiver: Shape, word: &str, root: &Expr, at: Position) {
        let Shape::Maybe(Shape::Leg) = receiver else { return };
        let Some(named) = variable(root) else { return };
        let slot = self.named(named).and_then(|slot| self.slots[slot]);
        let why = slot.map(Shape::fields).unwrap_or_default().iter().find(|field| field.name == "leg");
        let Some(Field { unless, .. }) = why.filter(|field| !field.unless.is_empty()) else { return };
        if is_asked(&self.body(), named) {
            return;
        }
        let what = format!(
            "`{named}.leg` is () where {unless}, and nothing can be said to it by `{word}` then; ask first: if {named}.leg != () {{ … }}"
        );
        let look = self.look();
        look.faults.push(Fault::at(&look.file, at, what).doubtful());
    }
}

impl Flow<'_> {
    /// A function that is given to a word of a leg must not have that leg from around it: the word holds it.
    pub fn held(&mut self, root: &Expr, args: &[Expr]) {
        let Some(name) = variable(root).filter(|_| !args.is_empty()) else { return };
        for arg in args {
            let functions: Vec<&Expr> = match arg {
                Expr::Map(entries, _) => entries.0.iter().map(|(_, value)| value).flat_map(inside).collect(),
                other => vec![other],
            };
            for function in functions.into_iter().filter(|function| takes(function, name)) {
                let what = format!(
                    "this function is given to a word of {name} and uses {name} itself; let it take the leg, as |leg| leg.tag(…)"
                );
                self.look().wrong(function.position(), what);
            }
        }
    }

    /// A function that is given to a word of a leg is handed that leg, or nothing.
    pub fn handed_to_word(&mut self, args: &[Expr]) {
        for function in args.iter().flat_map(inside).flat_map(inside) {
            let Some((name, bound)) = function_in(function) else { continue };
            let takes: Vec<usize> =
                self.own(self.file, &name).into_iter().map(|all| all.saturating_sub(bound)).collect();
            if let Some(takes) = takes.first().filter(|_| takes.iter().all(|takes| *takes > 1)) {
                let what = format!(
                    "this function takes {takes} values, and is handed one: the leg; write |leg| leg.tag(…), or || where it needs none"
                );
                self.look().wrong(function.position(), what);
            }
        }
    }
}

/// The name of a function that is written as a value, and how many variables it takes from around it.
fn function_in(value: &Expr) -> Option<(String, usize)> {
    match value {
        Expr::DynamicConstant(value, _) => Some((value.read_lock::<FnPtr>()?.fn_name().to_owned(), 0)),
        Expr::Stmt(block) => match block.statements().last()? {
            Stmt::Expr(last) => function_in(last),
            Stmt::FnCall(call, _) => bound_in(call),
            _ => None,
        },
        Expr::FnCall(call, _) => bound_in(call),
        _ => None,
    }
}

fn bound_in(call: &FnCallExpr) -> Option<(String, usize)> {
    let [function, variables @ ..] = &call.args[..] else { return None };
    (call.name == "curry").then(|| function_in(function))?.map(|(name, _)| (name, variables.len()))
}

/// A value, or those of a map.
fn inside(value: &Expr) -> Vec<&Expr> {
    match value {
        Expr::Map(entries, _) => entries.0.iter().map(|(_, value)| value).collect(),
        other => vec![other],
    }
}

/// Whether a function takes that variable from around it.
fn takes(function: &Expr, name: &str) -> bool {
    let Expr::Stmt(block) = function else { return false };
    let shared =
        |statement: &Stmt| matches!(statement, Stmt::Share(all) if all.iter().any(|(one, _)| one.name == name));
    block.statements().iter().any(shared)
}

/// Whether a function looks at how that ended, at its leg, or gives it to somebody who may.
fn is_asked(body: &[Stmt], name: &str) -> bool {
    let mut asked = false;
    let mut look = |path: &[ASTNode<'_>]| {
        let (Some(ASTNode::Expr(expr)), before) = (path.last(), path.len().checked_sub(2).and_then(|at| path.get(at)))
        else {
            return true;
        };
        match expr {
            Expr::Dot(both, ..) if variable(&both.lhs) == Some(name) => {
                // Only `talk.leg.word(…)` asks nothing.
                let says = matches!(&both.rhs, Expr::Dot(rest, ..) if is_leg(&rest.lhs));
                asked |= !says;
            }
            Expr::Variable(named, ..) if named.1 == name => {
                let is_root =
                    matches!(before, Some(ASTNode::Expr(Expr::Dot(both, ..))) if variable(&both.lhs) == Some(name));
                asked |= !is_root;
            }
            _ => {}
        }
        true
    };
    for statement in body {
        statement.walk(&mut Vec::new(), &mut look);
    }
    asked
}

fn is_leg(expr: &Expr) -> bool {
    matches!(expr, Expr::Property(named, _) if named.2 == "leg")
}
