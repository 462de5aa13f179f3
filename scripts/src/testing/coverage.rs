//! Which lines of the scripts ran, of those that can.
//!
//! Rhai's debugger tells each statement and each call before it runs. Lines that hold neither, as a brace or a comment, are not
//! counted at all.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rhai::debugger::DebuggerCommand;
use rhai::{AST, ASTNode, Engine, Expr, Position, Stmt};

/// Lines that ran, by file.
pub(super) type Seen = BTreeMap<String, BTreeSet<usize>>;

/// The lines of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Those that can run.
    pub can: BTreeSet<usize>,
    /// Those of them that ran.
    pub ran: BTreeSet<usize>,
}

impl Lines {
    /// Those that did not run.
    pub fn missed(&self) -> impl Iterator<Item = usize> {
        self.can.difference(&self.ran).copied()
    }
}

/// The lines of all files, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(pub BTreeMap<String, Lines>);

impl Coverage {
    /// What was seen of these.
    pub(super) fn of(services: impl Iterator<Item = (String, AST)>, seen: &Seen) -> Self {
        let lines = services.map(|(file, ast)| {
            let can = lines_of(&ast);
            let ran = seen.get(&file).map(|seen| seen.intersection(&can).copied().collect()).unwrap_or_default();
            (file, Lines { can, ran })
        });
        Self(lines.collect())
    }

    /// How many lines ran, and how many can.
    #[must_use]
    pub fn sum(&self) -> (usize, usize) {
        self.0.values().fold((0, 0), |(ran, can), lines| (ran + lines.ran.len(), can + lines.can.len()))
    }
}

/// Has everything written down that runs.
#[expect(deprecated, reason = "Rhai says so of what may change: a test of this file holds it to what it does")]
pub(super) fn watch(engine: &mut Engine, seen: Rc<RefCell<Seen>>) {
    engine.register_debugger(
        |_, debugger| debugger,
        move |_, _, node, source, at| {
            if let (Some(file), Some(line)) = (source, line_of(&node).or(at.line())) {
                let mut seen = seen.borrow_mut();
                match seen.get_mut(file) {
                    Some(lines) => drop(lines.insert(line)),
                    None => drop(seen.insert(file.to_owned(), BTreeSet::from([line]))),
                }
            }
            Ok(DebuggerCommand::StepInto)
        },
    );
}

/// Keeps the place of what runs now: what goes on without end is told by it.
#[expect(deprecated, reason = "Rhai says so of what may change: a test of this file holds it to what it does")]
pub(super) fn follow(engine: &mut Engine, last: Rc<Cell<Position>>) {
    engine.register_debugger(
        |_, debugger| debugger,
        move |_, _, node, _, at| {
            if line_of(&node).is_some() && !at.is_none() {
                last.set(at);
            }
            Ok(DebuggerCommand::StepInto)
        },
    );
}

/// The lines of functions that can run.
fn lines_of(ast: &AST) -> BTreeSet<usize> {
    let mut can = BTreeSet::new();
    ast.clone_functions_only().walk(&mut |path| {
        can.extend(path.last().and_then(line_of));
        true
    });
    can
}

/// The line of what is run and can be told by the debugger.
fn line_of(node: &ASTNode<'_>) -> Option<usize> {
    match node {
        ASTNode::Stmt(Stmt::Noop(_) | Stmt::Share(_) | Stmt::Block(_)) => None,
        ASTNode::Stmt(Stmt::Expr(expr)) => line_of(&ASTNode::Expr(expr)),
        ASTNode::Stmt(statement) => statement.position().line(),
        ASTNode::Expr(expr @ (Expr::FnCall(..) | Expr::Dot(..))) => expr.start_position().line(),
        _ => None,
    }
}
