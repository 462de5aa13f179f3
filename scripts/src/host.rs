//! The scripts of one shard: compiled once for each version, and found by name for each call.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use patchcord_engine::exchange::{Served, Services};
use rhai::{AST, Engine, EvalAltResult, Position, Scope};

use crate::complaints::Complaints;
use crate::fault::Fault;
use crate::imports::Module;
use crate::limits::Limits;
use crate::script::Script;
use crate::shelf::{Edition, Shelf};
use crate::{check_text, engine, fell, imports, shipped};

/// What a text says that asks for a secret, or hands the call to somebody who may: keys that its caller presses before anything is
/// asked are not written down.
const SECRETIVE: &[&str] = &["secret", "continue_as", "service:", "dial("];

/// See the module.
pub struct Host {
    shelf: Arc<Shelf>,
    engine: Rc<Engine>,
    compiled: RefCell<HashMap<String, Rc<Compiled>>>,
}

/// A text that can be run on this shard.
pub struct Compiled {
    /// Which text.
    pub edition: Arc<Edition>,
    /// Its name, for everything that asks in its name.
    pub service: Rc<str>,
    /// Rhai's form of it: as it is written, and as it is run.
    written: AST,
    pub ast: AST,
    /// The same, all of whose functions can be called from outside: those that were given to words are.
    opened: AST,
    /// Its modules by their files, opened as well.
    modules: Vec<(String, Home)>,
    /// The language that it is in.
    pub engine: Rc<Engine>,
    /// What it may use.
    pub limits: Rc<Limits>,
    /// What else is served.
    pub shelf: Arc<Shelf>,
    functions: Vec<(String, usize)>,
    /// Whether keys that come before anything is asked may be a secret.
    pub asks_secrets: bool,
    complaints: Complaints,
}

impl Host {
    /// A host for the calls of one shard, which serves from this shelf.
    #[must_use]
    pub fn new(shelf: Arc<Shelf>) -> Self {
        Self::watched(shelf, |_| {})
    }

    /// The same for somebody who watches how scripts run.
    #[must_use]
    pub(crate) fn watched(shelf: Arc<Shelf>, watch: impl FnOnce(&mut Engine)) -> Self {
        let mut engine = engine(shelf.limits());
        watch(&mut engine);
        Self { shelf, engine: Rc::new(engine), compiled: RefCell::default() }
    }

    /// A script for one call; `None` where nothing is served under that name.
    pub fn script(&self, name: &str) -> Option<(Script, Arc<Edition>)> {
        let edition = self.shelf.find(name)?;
        let compiled = self.compiled(&edition)?;
        Some((Script::new(compiled), edition))
    }

    /// What is served under a name, in Rhai's form.
    pub(crate) fn ast(&self, name: &str) -> Option<AST> {
        let edition = self.shelf.find(name)?;
        self.compiled(&edition).map(|compiled| compiled.written.clone())
    }

    /// What it imports from the folder of services, by its file.
    pub(crate) fn imported(&self, name: &str) -> Vec<(String, AST)> {
        let Some(edition) = self.shelf.find(name) else { return Vec::new() };
        let own = edition.imports.iter().filter(|module| shipped::service(&module.name) != Some(&*module.text));
        let ast = |module: &Module| {
            let ast = check_text(&self.engine, self.shelf.limits(), &module.file, &module.text).ok()?;
            Some((module.file.clone(), ast))
        };
        own.filter_map(ast).collect()
    }

    fn compiled(&self, edition: &Arc<Edition>) -> Option<Rc<Compiled>> {
        if let Some(compiled) = self.compiled.borrow().get(&edition.name).filter(|there| there.edition == *edition) {
            return Some(compiled.clone());
        }
        match Compiled::new(edition.clone(), self.engine.clone(), self.shelf.clone()) {
            Ok(compiled) => {
                let compiled = Rc::new(compiled);
                self.compiled.borrow_mut().insert(edition.name.clone(), compiled.clone());
                Some(compiled)
            }
            Err(fault) => {
                // It was compiled before it was published, so this is ours.
                tracing::error!(%fault, "a published script does not compile");
                None
            }
        }
    }
}

impl Compiled {
    /// Compiles a text.
    ///
    /// # Errors
    /// When it is no script.
    pub fn new(edition: Arc<Edition>, engine: Rc<Engine>, shelf: Arc<Shelf>) -> Result<Self, Fault> {
        let limits = Rc::new(shelf.limits().clone());
        let whole = imports::compile(&engine, &limits, &edition)?;
        let functions = functions_of(&whole.written);
        let texts = edition.imports.iter().map(|module| &*module.text).chain([&*edition.text]);
        let asks_secrets = texts.into_iter().any(|text| SECRETIVE.iter().any(|word| text.contains(word)));
        let modules = whole.modules.into_iter().map(|(file, ast)| (file, Home(ast)));
        Ok(Self {
            service: edition.name.as_str().into(),
            opened: fell::opened(&whole.ast, &edition.file),
            modules: modules.collect(),
            edition,
            written: whole.written,
            ast: whole.ast,
            engine,
            limits,
            shelf,
            functions,
            asks_secrets,
            complaints: Complaints::default(),
        })
    }

    /// Where a function is at home that was given to a word in a file: there, or else where there is one of that name. It finds there what
    /// it could name where it is written: imports, constants, other functions.
    ///
    /// # Errors
    /// When the constants of the service fail.
    pub fn home(&self, name: &str, file: &str) -> Result<Home, Box<EvalAltResult>> {
        let has = |(_, home): &&(String, Home)| home.has(name);
        let own = self.modules.iter().find(|(there, _)| there == file).filter(has);
        let other = || self.modules.iter().find(has).filter(|_| !self.functions.iter().any(|(own, _)| own == name));
        if let Some((_, home)) = own.or_else(other) {
            return Ok(home.clone());
        }
        let made = rhai::Module::eval_ast_as_new(Scope::new(), &self.opened, &self.engine)?;
        Ok(Home(AST::new_from_module(made)))
    }

    /// Where a function of it begins.
    pub fn position(&self, name: &str) -> Position {
        let mut functions = self.written.shared_lib().iter_script_fn_info();
        functions
            .find_map(|(_, _, known, _, function)| (known == name).then(|| function.body.start_position()))
            .unwrap_or(Position::NONE)
    }

    /// What went wrong in a run of it.
    pub fn fault(&self, error: &EvalAltResult) -> Fault {
        self.edition.fault(&self.limits, error)
    }

    /// Tells whoever reads the log that it has failed. One that fails in each call says the same thing once in a while, and how often
    /// it was.
    pub fn warn(&self, what: &'static str, fault: &str) {
        let service = &*self.service;
        if let Some(times) = self.complaints.say(fault) {
            tracing::warn!(service, fault, times, "{what}");
        }
    }

    /// Whether it has such a function.
    pub fn has(&self, name: &str, values: usize) -> bool {
        self.functions.iter().any(|(there, count)| there == name && *count == values)
    }
}

/// The functions of a file, each with the imports and constants of that file.
#[derive(Clone)]
pub struct Home(pub AST);

impl Home {
    fn has(&self, name: &str) -> bool {
        self.0.iter_functions().any(|function| function.name == name)
    }

    /// How many values a function takes; of those with one name, the first.
    pub fn values(&self, name: &str) -> usize {
        self.0.iter_functions().find(|function| function.name == name).map_or(0, |function| function.params.len())
    }
}

fn functions_of(ast: &AST) -> Vec<(String, usize)> {
    ast.iter_functions().map(|function| (function.name.to_owned(), function.params.len())).collect()
}

impl Services for Host {
    fn find(&self, name: &str) -> Option<Served> {
        let (script, edition) = self.script(name)?;
        Some(Served { program: Box::new(script), edition: Some(edition.in_words().into()), leash: None })
    }

    fn hears(&self, service: &str, handler: &str) -> bool {
        let compiled = self.shelf.find(service).and_then(|edition| self.compiled(&edition));
        compiled.is_some_and(|compiled| compiled.functions.iter().any(|(name, _)| name == handler))
    }
}
