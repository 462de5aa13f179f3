//! What is read and written by way of dots and brackets: `talk.leg.state`, `list[0].name`, `caller.vars.count += 1`.

use rhai::{ASTFlags, BinaryExpr, Expr};

use super::flow::{Flow, Value};
use crate::words::shape::Shape;

impl Flow<'_> {
    /// The links of a chain behind its first one: `.b`, `.c(…)` and `[d]` of `a.b.c(…)[d]`.
    pub fn chain(&mut self, receiver: Value, indexes: bool, flags: ASTFlags, rest: &Expr, root: &Expr) -> Value {
        match rest {
            Expr::Dot(both, inner, _) | Expr::Index(both, inner, _) if !flags.intersects(ASTFlags::BREAK) => {
                let next = self.link(receiver, indexes, &both.lhs, root);
                self.chain(next, matches!(rest, Expr::Index(..)), *inner, &both.rhs, root)
            }
            last => self.link(receiver, indexes, last, root),
        }
    }

    fn link(&mut self, receiver: Value, indexes: bool, link: &Expr, root: &Expr) -> Value {
        if indexes {
            self.value(link);
            return Some(match receiver?.surely() {
                Shape::List(item) => *item,
                _ => Shape::Any,
            });
        }
        match link {
            Expr::Property(named, at) => {
                let receiver = receiver?;
                if self.judges {
                    let (rhai, file) = (self.rhai, self.file);
                    self.files[file].look.property(rhai, &named.2, receiver, *at);
                }
                let known = receiver.field(&named.2);
                let length = named.2 == "len" && matches!(receiver, Shape::Text | Shape::List(_));
                Some(known.unwrap_or(if length { Shape::Number } else { Shape::Any }))
            }
            Expr::MethodCall(call, at) => self.method(receiver, call, *at, root),
            other => {
                self.value(other);
                Some(Shape::Any)
            }
        }
    }

    /// `x = …`, `x += …`, `x.y = …`.
    pub fn assigned(&mut self, by_operator: bool, both: &BinaryExpr) -> Value {
        let value = self.value(&both.rhs);
        match &both.lhs {
            Expr::Variable(named, ..) if named.2.is_empty() => {
                if let Some(slot) = self.named(&named.1) {
                    // An operator makes something else of both.
                    let sum = match (by_operator, self.slots[slot], value) {
                        (false, _, value) => value,
                        (true, Some(before), Some(value)) => Some(added(before, value)),
                        _ => None,
                    };
                    self.put(slot, sum);
                }
            }
            Expr::Variable(named, _, at) if self.judges => {
                let name = named.1.as_str();
                let what = format!("`{name}` is a constant, and never changes; write let {name} = …; where it shall");
                self.look().wrong(*at, what);
            }
            Expr::Dot(chain, flags, _) | Expr::Index(chain, flags, _) => {
                let first = self.value(&chain.lhs);
                self.target(first, matches!(both.lhs, Expr::Index(..)), *flags, &chain.rhs);
                self.opened(&chain.lhs);
            }
            _ => {}
        }
        Some(Shape::Nothing)
    }

    /// The links of a chain that is written to: all but the last are read.
    fn target(&mut self, receiver: Value, indexes: bool, flags: ASTFlags, rest: &Expr) {
        match rest {
            Expr::Dot(both, inner, _) | Expr::Index(both, inner, _) if !flags.intersects(ASTFlags::BREAK) => {
                let next = self.link(receiver, indexes, &both.lhs, rest);
                self.target(next, matches!(rest, Expr::Index(..)), *inner, &both.rhs);
            }
            Expr::Property(named, at) if !indexes => {
                if let Some(receiver) = receiver.filter(|_| self.judges) {
                    self.look().written(receiver, &named.2, *at);
                }
            }
            last if indexes => {
                self.value(last);
            }
            _ => {}
        }
    }

    /// A variable whose value is changed within: of what it holds nothing is known any more.
    pub fn opened(&mut self, root: &Expr) {
        let Expr::Variable(named, ..) = root else { return };
        let Some(slot) = self.named(&named.1) else { return };
        match self.slots[slot] {
            Some(Shape::List(_)) => self.put(slot, Some(Shape::List(&Shape::Any))),
            Some(Shape::Record(_)) => self.put(slot, Some(Shape::Map)),
            _ => {}
        }
    }
}

/// What comes of `+=` and its like, where both are of a kind.
fn added(before: Shape, value: Shape) -> Shape {
    match (before, value) {
        (Shape::Text, _) => Shape::Text,
        (Shape::Number, Shape::Number) => Shape::Number,
        (Shape::Time, Shape::Time) => Shape::Time,
        (Shape::List(_), _) => Shape::List(&Shape::Any),
        (Shape::Map | Shape::Record(_), _) => Shape::Map,
        _ => Shape::Any,
    }
}
