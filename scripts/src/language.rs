//! The language that scripts are compiled in: Rhai with the words of the house, within the limits of the house.

use rhai::{AST, Engine, EvalAltResult, NativeCallContext, Position, Stmt};

use crate::fault::Fault;
use crate::limits::{Limits, by};
use crate::scene::{self, Scene};
use crate::{fell, imports, memory, words};

/// How often Rhai asks whether it may go on.
const LOOK: u64 = 512;

/// Rhai with the words of the house.
pub fn engine(limits: &Limits) -> Engine {
    let mut engine = Engine::new();
    engine
        .set_max_expr_depths(limits.depth, limits.depth)
        .set_max_call_levels(limits.levels)
        .set_max_string_size(limits.text)
        .set_max_array_size(limits.list)
        .set_max_map_size(limits.map)
        .set_max_variables(limits.variables)
        .set_max_functions(limits.functions)
        .set_max_modules(limits.modules)
        .set_module_resolver(imports::Made)
        .disable_symbol("eval")
        .on_print(|text| tracing::info!(text, "a script prints"))
        .on_debug(|text, _, at| tracing::debug!(text, %at, "a script prints"));
    let most = limits.operations;
    engine.on_progress(move |operations| {
        if memory::is_too_much() {
            return Some(scene::too_much());
        }
        if operations >= most && imports::is_making() {
            return Some(scene::too_long(operations));
        }
        if !operations.is_multiple_of(LOOK) {
            return None;
        }
        Scene::current().and_then(|scene| scene.progress(operations))
    });
    never_sleeps(&mut engine);
    words::register(&mut engine);
    fell::register(&mut engine);
    engine
}

/// Rhai's own `sleep` would hold up the thread, and with it the calls of others: it says what is meant, and sleeps nowhere.
pub(crate) fn never_sleeps(engine: &mut Engine) {
    fn meant(context: &NativeCallContext<'_>, seconds: &str) -> Result<(), Box<EvalAltResult>> {
        let what = format!(
            "to wait is said to a leg, as caller.sleep({seconds}.s()); in a test it is t.advance({seconds}.s())"
        );
        Err(EvalAltResult::ErrorRuntime(what.into(), context.call_position()).into())
    }
    engine.register_fn("sleep", |context: NativeCallContext<'_>, seconds: i64| meant(&context, &seconds.to_string()));
    engine.register_fn("sleep", |context: NativeCallContext<'_>, seconds: f64| meant(&context, &seconds.to_string()));
}

/// A text as a script, or what is wrong with it.
///
/// # Errors
/// When it does not parse, or has statements outside of functions: these would run with each handler.
pub fn check_text(engine: &Engine, limits: &Limits, file: &str, text: &str) -> Result<AST, Fault> {
    if text.len() > limits.file {
        let what =
            format!("the file has {} bytes; a script has at most {}{}", text.len(), limits.file, by(Limits::FILE));
        return Err(Fault::of_file(file, what));
    }
    let mut ast = engine.compile(text).map_err(|error| Fault::of_parsing(file, text, &error))?;
    ast.set_source(file);
    if let Some(at) = loose(&ast) {
        let what = "outside of functions there may be imports and constants (const NAME = …) and nothing else; put this into on_invite(caller)";
        return Err(Fault::at(file, at, what));
    }
    if let Some((at, what)) = imports::wrong(&ast) {
        return Err(Fault::at(file, at, what));
    }
    Ok(ast)
}

/// Where a statement stands that is neither import nor constant, and in no function.
fn loose(ast: &AST) -> Option<Position> {
    ast.statements().iter().find_map(|statement| match statement {
        Stmt::Noop(_) | Stmt::Import(..) => None,
        Stmt::Var(_, flags, _) if flags.contains(rhai::ASTFlags::CONSTANT) => None,
        other => Some(other.position()),
    })
}
