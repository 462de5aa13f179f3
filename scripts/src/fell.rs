//! Where a script met a limit.
//!
//! What ends a script uncatchably (a size, a depth, a budget) is told by Rhai where it arose, and the place of each call on the way out is
//! then written over it. So each function of a service and of its modules is put into a word of ours that looks at what comes out of it and
//! remembers the first place: that is the innermost one.
//!
//! ```text
//! fn deep(n) { a.push(n) }  ─▶  fn deep(n) { ⟨a.push(n)⟩ }     too large ─▶ remembered: hours.rhai:7:5
//! ```
//!
//! The bodies of `try` are put into it as well, so that their `catch` is handed a sentence, whoever it was that failed.

mod tries;

use std::cell::RefCell;
use std::rc::Rc;

use rhai::{
    AST, ASTNode, Dynamic, Engine, EvalAltResult, EvalContext, Expr, Expression, FnAccess, Module, ParseError,
    ParseErrorType, Position, ScriptFuncDef, Stmt, StmtBlock,
};

use crate::fault;

/// The word. Nobody can write it: outside of [`placed`] it is refused.
const WORD: &str = "__placed__";

/// The body of a function or of a `try`, and where it stands.
struct Body {
    file: Rc<str>,
    text: Rc<str>,
    at: Position,
    block: Expr,
    /// Whether it is that of a `try`, whose faults are handed to its `catch`.
    is_tried: bool,
}

/// Where something ended.
#[derive(Clone, Debug)]
pub(crate) struct Fell {
    pub file: String,
    pub at: Position,
    /// Whether that is the very place, rather than the function in which it was.
    pub is_exact: bool,
}

thread_local! {
    /// The body that is being put into a function.
    static NEXT: RefCell<Option<Rc<Body>>> = const { RefCell::new(None) };
    /// Where the script that unwinds on this thread met its limit.
    static FELL: RefCell<Option<Fell>> = const { RefCell::new(None) };
}

/// Whatever runs next has met nothing yet.
pub(crate) fn forget() {
    FELL.set(None);
}

/// Where it was met.
pub(crate) fn take() -> Option<Fell> {
    FELL.take()
}

/// Teaches Rhai the word.
pub(crate) fn register(engine: &mut Engine) {
    engine.register_custom_syntax_with_state_raw(
        WORD,
        |_, _, state| match NEXT.take() {
            Some(body) => {
                *state = Dynamic::from(body);
                Ok(None)
            }
            None => Err(ParseError(Box::new(ParseErrorType::Reserved(WORD.into())), Position::NONE)),
        },
        false,
        run,
    );
}

fn run(
    context: &mut EvalContext<'_, '_, '_, '_, '_, '_>,
    _: &[Expression<'_>],
    state: &Dynamic,
) -> Result<Dynamic, Box<EvalAltResult>> {
    let body = state.clone().try_cast::<Rc<Body>>().expect("a body was put there when it was compiled");
    let end = context.eval_expression_tree(&Expression::from(&body.block));
    if let Err(error) = &end
        && error.is_system_exception()
    {
        FELL.with_borrow_mut(|fell| {
            let at = error.position();
            fell.get_or_insert_with(|| Fell {
                file: body.file.to_string(),
                at: at.or_else(body.at),
                is_exact: !at.is_none(),
            });
        });
    }
    if body.is_tried { end.map_err(|error| fault::caught((&body.file, &body.text), error)) } else { end }
}

/// The same text, whose functions remember where they met a limit, and what of it is caught is caught in words.
pub(crate) fn placed(engine: &Engine, ast: &AST, file: &str, text: &str) -> AST {
    let (file, text): (Rc<str>, Rc<str>) = (file.into(), text.into());
    functions_by(ast, &file, |function, mut block| {
        let at = function.body.start_position();
        let place = |block: StmtBlock, at: Position, is_tried: bool| {
            let body =
                Body { file: file.clone(), text: text.clone(), at, block: Expr::Stmt(Box::new(block)), is_tried };
            NEXT.set(Some(Rc::new(body)));
            // On its own line, for whoever counts lines.
            let written = format!("{}fn body() {{ {WORD} }}", "\n".repeat(at.line().unwrap_or(1).saturating_sub(1)));
            let template = engine.compile(written).ok();
            NEXT.set(None);
            template
        };
        tries::each(block.statements_mut(), &|tried: StmtBlock| {
            let (start, end) = (tried.position(), tried.end_position());
            let body = place(tried, start, true).and_then(|template| body_of(&template, "body", 0))?;
            Some(StmtBlock::new(body, start, end))
        });
        let template = place(block, at, false)?;
        let (.., template) = template.shared_lib().iter_script_fn_info().next()?;
        Some(ScriptFuncDef { body: template.body.clone(), ..function.clone() })
    })
}

/// The same text, all of whose functions can be called from outside of it.
pub(crate) fn opened(ast: &AST, file: &str) -> AST {
    functions_by(ast, file, |function, _| Some(ScriptFuncDef { access: FnAccess::Public, ..function.clone() }))
}

/// Nothing but these functions of a text, by name and number of values.
pub(crate) fn only(ast: &AST, which: impl Fn(&str, usize) -> bool) -> AST {
    // What clones and filters at once filters nothing where it begins with nothing.
    let mut alone = ast.clone_functions_only();
    alone.retain_functions(|_, _, name, values| which(name, values));
    alone
}

/// The statements of a function; none where several have that name, as methods of different types may.
pub(crate) fn body_of(ast: &AST, name: &str, values: usize) -> Option<Vec<Stmt>> {
    let alone = only(ast, |known, count| known == name && count == values);
    let mut statements = Vec::new();
    alone.walk(&mut |way: &[ASTNode<'_>]| {
        if let [ASTNode::Stmt(statement)] = way {
            statements.push((*statement).clone());
        }
        true
    });
    (alone.iter_functions().count() == 1).then_some(statements)
}

/// A text with other functions; one of which nothing is made stays as it is.
fn functions_by(ast: &AST, file: &str, make: impl Fn(&ScriptFuncDef, StmtBlock) -> Option<ScriptFuncDef>) -> AST {
    let mut functions = Module::new();
    for (_, _, name, values, function) in ast.shared_lib().iter_script_fn_info() {
        let statements = body_of(ast, name, values).unwrap_or_default();
        let is_alone = !statements.is_empty();
        let block = StmtBlock::new(statements, function.body.start_position(), function.body.end_position());
        let made = if is_alone { make(function, block) } else { None };
        functions.set_script_fn(made.unwrap_or_else(|| (**function).clone()));
    }
    let mut whole = ast.clone_statements_only();
    whole.combine(AST::new_from_module(functions));
    whole.set_source(file);
    whole
}
