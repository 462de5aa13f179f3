//! What a service imports: other files of its folder and of the binary, found before it is served, so that no call looks for one.
//!
//! ```text
//! import "shared/hours" as hours;  ─▶ gather: each module once, what is imported before who imports it
//!                                        ─▶ compile: made into modules of Rhai and put into the service
//! ```
//!
//! A module is named by where it lies below the folder of services, without `.rhai`. Nothing else can be named: no way out of the
//! folder, no absolute path, no name that is computed, none that is named in the middle of a function. What imports itself by others
//! is refused, and so is more than [`Limits::modules`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{AST, ASTFlags, ASTNode, Engine, EvalAltResult, Expr, ModuleResolver, Position, Scope, Shared, Stmt};

use crate::fault::Fault;
use crate::limits::{Limits, by};
use crate::shelf::Edition;
use crate::words::{self, Of};
use crate::{check_text, fell, memory, shipped};

/// The ending of a file of scripts.
const ENDING: &str = ".rhai";

/// The longest name of a module.
const LONGEST: usize = 128;

/// A file that is imported.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Module {
    /// As it is imported: `shared/hours`.
    pub name: String,
    /// The file, as errors name it.
    pub file: String,
    /// What it says.
    pub text: Arc<str>,
}

/// Answers which file is imported by a name: none, or why it cannot be read.
pub type Library<'a> = &'a dyn Fn(&str) -> Result<Option<Module>, String>;

/// The library of whoever has no folder: what comes with the house.
pub fn of_house(name: &str) -> Result<Option<Module>, String> {
    let module = |text: &str| Module { name: name.into(), file: format!("{name}{ENDING}"), text: text.into() };
    Ok(shipped::service(name).map(module))
}

/// A library that has these, and what comes with the house.
pub fn among(modules: &[Module]) -> impl Fn(&str) -> Result<Option<Module>, String> {
    move |name| match modules.iter().find(|module| module.name == name) {
        Some(module) => Ok(Some(module.clone())),
        None => of_house(name),
    }
}

/// An import, as it is written.
pub(crate) struct Import {
    /// Which module.
    pub name: String,
    /// What it is called in the text.
    pub alias: String,
    at: Position,
}

/// What a module has for whoever imports it.
#[derive(Debug, Default)]
pub(crate) struct Offered {
    /// Functions, and how many values each takes.
    pub functions: Vec<(String, usize)>,
    /// Constants that are exported.
    pub constants: Vec<String>,
}

impl Offered {
    /// What stands in that text.
    pub fn by(ast: &AST) -> Self {
        let public = ast.iter_functions().filter(|function| function.access == rhai::FnAccess::Public);
        let constants = ast.statements().iter().filter_map(|statement| match statement {
            Stmt::Var(both, flags, _) if flags.contains(ASTFlags::EXPORTED) => Some(both.0.name.to_string()),
            _ => None,
        });
        let mut functions: Vec<_> = public.map(|function| (function.name.to_owned(), function.params.len())).collect();
        // Rhai names them in no order; the one that may be meant is the first of those that are as near.
        functions.sort();
        Self { functions, constants: constants.collect() }
    }
}

/// The imports of a text that was checked.
pub(crate) fn of(ast: &AST) -> Vec<Import> {
    let import = |statement: &Stmt| match statement {
        Stmt::Import(both, _) => Some(Import {
            name: both.0.get_literal_value(None)?.into_string().ok()?,
            alias: both.1.name.to_string(),
            at: both.0.position(),
        }),
        _ => None,
    };
    ast.statements().iter().filter_map(import).collect()
}

/// What is wrong with how a text writes its imports: the first.
pub(crate) fn wrong(ast: &AST) -> Option<(Position, String)> {
    let mut at_the_top = Vec::new();
    let mut aliases: Vec<&str> = Vec::new();
    for statement in ast.statements() {
        let Stmt::Import(both, at) = statement else { continue };
        at_the_top.push(*at);
        let (name, alias) = (&both.0, both.1.name.as_str());
        let wrong = match name {
            Expr::StringConstant(name, ..) => unnameable(name),
            _ => Some("the module is named by a text, as in import \"shared/hours\" as hours;".into()),
        };
        if let Some(why) = wrong {
            return Some((name.position(), why));
        }
        let is_of_house = words::all().any(|word| word.of == Of::Module(word_of(alias))) || alias == "global";
        let why = match alias {
            "" => "give it a name: import \"shared/hours\" as hours;".to_owned(),
            _ if is_of_house => format!("`{alias}` is a module of the house; call this one otherwise"),
            _ if aliases.contains(&alias) => format!("there is a `{alias}` already; call this one otherwise"),
            _ => {
                aliases.push(alias);
                continue;
            }
        };
        return Some((*at, why));
    }
    let mut within = None;
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Stmt(Stmt::Import(_, at))) = path.last()
            && !at_the_top.contains(at)
        {
            within.get_or_insert(*at);
        }
        within.is_none()
    });
    within.map(|at| (at, "an import stands outside of functions, where the file begins".to_owned()))
}

/// The name of a module of the house, as the table has it.
fn word_of(name: &str) -> &'static str {
    let module = |word: &words::Word| match word.of {
        Of::Module(module) if module == name => Some(module),
        _ => None,
    };
    words::all().find_map(module).unwrap_or("")
}

/// Why no module can be named so.
fn unnameable(name: &str) -> Option<String> {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_fine = |part: &str| !part.is_empty() && part.bytes().all(fine);
    if let Some(bare) = name.strip_suffix(ENDING) {
        return Some(format!("a module is named without its ending: \"{bare}\""));
    }
    let is_outside = name.starts_with('/') || name.split('/').any(|part| part == "..");
    if is_outside {
        return Some(format!(
            "{name:?} leads out of the folder of services; a module lies within it, as \"shared/hours\""
        ));
    }
    let is_name = name.len() <= LONGEST && name.split('/').all(is_fine);
    (!is_name).then(|| {
        format!("{name:?} is no name of a module: it has letters, digits, - and _, and folders before a /, as \"shared/hours\"")
    })
}

/// All modules that a text imports, and that those import: each once, what is imported before who imports it.
///
/// # Errors
/// Where one is not there, is no script, imports itself, or there are too many: at the place of the import, or in the module.
pub(crate) fn gather(
    engine: &Engine,
    limits: &Limits,
    (file, ast): (&str, &AST),
    library: Library<'_>,
) -> Result<Vec<Module>, Fault> {
    let mut gathering = Gathering { engine, limits, library, way: Vec::new(), found: Vec::new() };
    gathering.all_of(file, ast)?;
    Ok(gathering.found)
}

struct Gathering<'a> {
    engine: &'a Engine,
    limits: &'a Limits,
    library: Library<'a>,
    /// The modules that lead to the one which is looked at.
    way: Vec<String>,
    found: Vec<Module>,
}

impl Gathering<'_> {
    fn all_of(&mut self, file: &str, ast: &AST) -> Result<(), Fault> {
        for import in of(ast) {
            let name = import.name;
            let wrong = |what: String| Fault::at(file, import.at, what);
            if let Some(from) = self.way.iter().position(|on_the_way| *on_the_way == name) {
                let round = self.way[from..].iter().chain([&name]).map(String::as_str).collect::<Vec<_>>();
                return Err(wrong(format!("it goes round in a circle: {}", round.join(" imports "))));
            }
            if self.found.iter().any(|module| module.name == name) {
                continue;
            }
            if self.found.len() + self.way.len() >= self.limits.modules {
                let (most, key) = (self.limits.modules, by(Limits::MODULES));
                return Err(wrong(format!("a service has at most {most} modules, with those that they import{key}")));
            }
            let module = (self.library)(&name).map_err(wrong)?;
            let missing =
                || wrong(format!("there is no module {name:?}; write {name}{ENDING} into the folder of services"));
            let module = module.ok_or_else(missing)?;
            let ast = check_text(self.engine, self.limits, &module.file, &module.text)?;
            self.way.push(name);
            self.all_of(&module.file, &ast)?;
            self.way.pop();
            self.found.push(module);
        }
        Ok(())
    }
}

thread_local! {
    /// The modules of the service that is compiled on this thread.
    static MADE: RefCell<BTreeMap<String, Shared<rhai::Module>>> = const { RefCell::new(BTreeMap::new()) };
    /// Whether the constants of a module are computed.
    static MAKING: Cell<bool> = const { Cell::new(false) };
}

/// Whether what computes now are the constants of a module, before any call.
pub(crate) fn is_making() -> bool {
    MAKING.get()
}

/// Gives the modules of the service that is being compiled, and nothing at any other time: a service has its own within itself.
pub(crate) struct Made;

impl ModuleResolver for Made {
    fn resolve(
        &self,
        _: &Engine,
        _: Option<&str>,
        path: &str,
        at: Position,
    ) -> Result<Shared<rhai::Module>, Box<EvalAltResult>> {
        let made = MADE.with_borrow(|made| made.get(path).cloned());
        made.ok_or_else(|| EvalAltResult::ErrorModuleNotFound(path.into(), at).into())
    }
}

/// What the language calls functions without a name; the rest is a hash of their text.
pub(crate) const CLOSURE: &str = "anon$";

/// A service with its modules, as it is run.
pub(crate) struct Whole {
    /// As it is written.
    pub written: AST,
    /// As it is run.
    pub ast: AST,
    /// Its modules by their files, for functions of theirs that are kept and called later.
    pub modules: Vec<(String, AST)>,
}

/// A service with its modules, to be run.
///
/// # Errors
/// When it is no script, or the constants of a module cannot be computed.
pub(crate) fn compile(engine: &Engine, limits: &Limits, edition: &Edition) -> Result<Whole, Fault> {
    /// Forgets what was made, also where something is wrong.
    struct Forget;
    impl Drop for Forget {
        fn drop(&mut self) {
            MADE.with_borrow_mut(BTreeMap::clear);
            MAKING.set(false);
        }
    }
    let written = check_text(engine, limits, &edition.file, &edition.text)?;
    if edition.imports.is_empty() {
        let ast = fell::placed(engine, &written, &edition.file, &edition.text);
        return Ok(Whole { written, ast, modules: Vec::new() });
    }
    let _forget = Forget;
    let (mut closures, mut modules) = (AST::empty(), Vec::new());
    for module in &edition.imports {
        let written = check_text(engine, limits, &module.file, &module.text)?;
        let ast = fell::placed(engine, &written, &module.file, &module.text);
        closures.combine(fell::only(&ast, |name, _| name.starts_with(CLOSURE)));
        let made = make(engine, limits, &module.file, &ast)?;
        let is_open = ast.iter_functions().all(|function| function.access == rhai::FnAccess::Public);
        let inside =
            if is_open { made.clone() } else { make(engine, limits, &module.file, &fell::opened(&ast, &module.file))? };
        modules.push((module.file.clone(), AST::new_from_module(inside)));
        MADE.with_borrow_mut(|all| all.insert(module.name.clone(), made));
    }
    let whole = engine.compile_into_self_contained(&Scope::new(), &edition.text);
    let whole = whole.map_err(|error| edition.fault(limits, &error))?;
    let mut ast = fell::placed(engine, &whole, &edition.file, &edition.text);
    // Whoever is handed a function of a module and calls it looks for it among those of the service.
    ast.combine(closures);
    ast.set_source(edition.file.as_str());
    Ok(Whole { written, ast, modules })
}

/// A module of a text, with its constants.
fn make(engine: &Engine, limits: &Limits, file: &str, ast: &AST) -> Result<Shared<rhai::Module>, Fault> {
    MAKING.set(true);
    fell::forget();
    let (made, _) = memory::charged(0, limits.memory, || rhai::Module::eval_ast_as_new(Scope::new(), ast, engine));
    MAKING.set(false);
    made.map(Into::into).map_err(|error| Fault::of_running(limits, file, &|_| None, &error))
}

#[cfg(test)]
mod tests;
