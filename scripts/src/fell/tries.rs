//! Finds each `try` of a function, to put another body into it.

use rhai::{Expr, Stmt, StmtBlock};

/// What is put in the place of a body; nothing where it stays as it is.
type Other<'a> = &'a dyn Fn(StmtBlock) -> Option<StmtBlock>;

/// Gives each `try` among these statements another body, and those within their bodies first.
pub(super) fn each(statements: &mut [Stmt], other: Other<'_>) {
    for statement in statements {
        match statement {
            Stmt::TryCatch(flow, _) => {
                within(&mut flow.body, other);
                within(&mut flow.branch, other);
                if let Some(body) = other(flow.body.clone()) {
                    flow.body = body;
                }
            }
            Stmt::If(flow, _) | Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                within(&mut flow.body, other);
                within(&mut flow.branch, other);
            }
            Stmt::For(both, _) => within(&mut both.2.body, other),
            Stmt::Block(block) => within(block, other),
            Stmt::Switch(both, _) => both.1.expressions.iter_mut().for_each(|arm| of_value(&mut arm.rhs, other)),
            Stmt::Var(both, ..) => of_value(&mut both.1, other),
            Stmt::Assignment(both) => of_value(&mut both.1.rhs, other),
            Stmt::Expr(value) => of_value(value, other),
            Stmt::Return(Some(value), ..) => of_value(value, other),
            _ => {}
        }
    }
}

fn within(block: &mut StmtBlock, other: Other<'_>) {
    each(block.statements_mut(), other);
}

/// What is written as a value may be a block: `let x = if … { … }`.
fn of_value(value: &mut Expr, other: Other<'_>) {
    if let Expr::Stmt(block) = value {
        within(block, other);
    }
}
