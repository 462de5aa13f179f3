//! What is written out in an expression, as far as it can be read without running it. What is computed is not guessed.

use rhai::{Dynamic, Expr, Position, Stmt};

/// A value that is written there, or something that has to be computed.
pub(super) enum Literal {
    Value(Dynamic),
    Computed,
}

/// The entries of a map that is written there.
pub(super) fn entries(map: &Expr, at: Position) -> Vec<(String, Literal, Position)> {
    match map {
        Expr::Map(entries, _) => {
            let entry = |(name, value): &(rhai::Ident, Expr)| {
                let literal = value.get_literal_value(None).map_or(Literal::Computed, Literal::Value);
                (name.name.to_string(), literal, name.pos)
            };
            entries.0.iter().map(entry).collect()
        }
        Expr::DynamicConstant(map, _) => {
            let map = map.clone().try_cast::<rhai::Map>().unwrap_or_default();
            map.into_iter().map(|(name, value)| (name.to_string(), Literal::Value(value), at)).collect()
        }
        _ => Vec::new(),
    }
}

pub(super) fn is_map(expr: &Expr) -> bool {
    match expr {
        Expr::Map(..) => true,
        Expr::DynamicConstant(value, _) => value.is_map(),
        _ => false,
    }
}

pub(super) fn variable(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Variable(named, ..) => Some(named.1.as_str()),
        _ => None,
    }
}

/// A statement that is one word of one variable: whose, which, and where.
pub(super) fn spoken(statement: &Stmt) -> Option<(String, String, Position)> {
    let Stmt::Expr(expr) = statement else { return None };
    let Expr::Dot(both, ..) = &**expr else { return None };
    match (variable(&both.lhs), &both.rhs) {
        (Some(leg), Expr::MethodCall(call, at)) => Some((leg.to_owned(), call.name.to_string(), *at)),
        _ => None,
    }
}
