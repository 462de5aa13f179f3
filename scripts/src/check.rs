//! What is wrong with a script before anybody calls it: read against the table of words, without running anything.
//!
//! Only what is certain is told: a word that a leg does not know, an option that a word does not know, a time without a unit, a
//! prompt that is not there, a handler that nobody would ever call; and what [`lints`] know. What a variable holds is not guessed, but for the party with
//! which a handler begins.

mod written;

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;

use rhai::{AST, ASTNode, Dynamic, Engine, Expr, FnCallExpr, OptimizationLevel, Position, Stmt, StmtBlock};

use crate::endings;
use crate::fault::Fault;
pub use crate::handlers::HANDLERS;
use crate::handlers::{self, WITHOUT_PARTY};
use crate::imports::{self, Library, Module, Offered};
use crate::limits::Limits;
use crate::lints;
use crate::rehearsal::{Constants, namesakes, nobody};
use crate::shelf::Edition;
use crate::words::given::unknown;
use crate::words::kind::{Kind as Sort, texts_of};
use crate::words::{self, FACTS, Of, Part, Word};
use crate::{check_text, engine, shipped};
use written::{Literal, entries, first_of, is_map, variable};

/// Words after which a leg hears and says nothing any more.
const LAST: &[&str] = &["hangup", "reject", "redirect"];

/// Words that need somebody there.
const NEEDS_PARTY: &[&str] =
    &["play", "gather", "record", "dial", "echo", "answer", "progress", "ring", "start_play", "join"];

/// Words and their parts that name one target.
const CALLED: &[(&str, &str)] = &[("transfer", "to"), ("originate", "target"), ("originate", "dial")];

/// Answers whether a prompt of that name is there.
pub type HasPrompt<'a> = &'a dyn Fn(&str) -> bool;

/// What a text is checked against.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// Which prompts there are.
    pub has_prompt: HasPrompt<'a>,
    /// Which modules can be imported.
    pub library: Library<'a>,
    /// What scripts may use.
    pub limits: &'a Limits,
}

/// Everything that is wrong with a text which imports nothing but what comes with the house, in the order of its lines.
pub fn check(file: &str, text: &str, has_prompt: HasPrompt<'_>) -> Vec<Fault> {
    check_on(file, text, &Ground { has_prompt, library: &imports::of_house, limits: &Limits::default() })
}

/// Everything that is wrong with a service, in the order of its lines, and then with the modules that it imports.
pub fn check_on(file: &str, text: &str, ground: &Ground<'_>) -> Vec<Fault> {
    let mut engine = checking(ground.limits);
    let ast = match check_text(&engine, ground.limits, file, text) {
        Ok(ast) => ast,
        Err(fault) => return vec![fault],
    };
    let modules = imports::gather(&engine, ground.limits, (file, &ast), ground.library);
    let mut faults = of_text(&mut engine, (file, text, &ast), modules.as_deref().unwrap_or_default(), ground);
    faults.extend(handlers::wrong(file, text, &ast));
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults.dedup();
    match modules {
        Ok(modules) => {
            for module in &modules {
                // What comes with the house was looked at before it left ours.
                let is_ours = shipped::service(&module.name) == Some(&*module.text);
                let Some(ast) =
                    check_text(&engine, ground.limits, &module.file, &module.text).ok().filter(|_| !is_ours)
                else {
                    continue;
                };
                let mut own = of_text(&mut engine, (&module.file, &module.text, &ast), &modules, ground);
                own.sort_by_key(|fault| (fault.line, fault.column));
                own.dedup();
                faults.extend(own);
            }
            // What the modules compute is computed once, when the service is published: here to see whether it can be.
            if faults.is_empty() && !modules.is_empty() {
                let (name, file, text) = (String::new(), file.to_owned(), text.into());
                let edition = Edition { name, version: 0, digest: [0; 32], file, text, imports: modules };
                faults.extend(imports::compile(&crate::engine(ground.limits), ground.limits, &edition).err());
            }
        }
        Err(fault) => faults.insert(0, fault),
    }
    faults
}

/// All that a text imports, and what they import; none where that is broken, which [`check_on`] tells.
pub fn imported(file: &str, text: &str, ground: &Ground<'_>) -> Vec<Module> {
    let engine = checking(ground.limits);
    let ast = check_text(&engine, ground.limits, file, text);
    ast.and_then(|ast| imports::gather(&engine, ground.limits, (file, &ast), ground.library)).unwrap_or_default()
}

/// The language, for whoever looks at a text: what is folded away could not be looked at.
fn checking(limits: &Limits) -> Engine {
    let mut engine = engine(limits);
    engine.set_optimization_level(OptimizationLevel::None);
    engine
}

/// What is wrong with a text, be it a service or a module.
fn of_text(
    engine: &mut Engine,
    (file, text, ast): (&str, &str, &AST),
    modules: &[Module],
    ground: &Ground<'_>,
) -> Vec<Fault> {
    let offered = |import: imports::Import| {
        let module = modules.iter().find(|module| module.name == import.name)?;
        let ast = check_text(engine, ground.limits, &module.file, &module.text).ok()?;
        Some((import.alias, Offered::by(&ast)))
    };
    // What is broken itself is told, and nothing of what it has.
    let imported: BTreeMap<String, Option<Offered>> = imports::of(ast)
        .into_iter()
        .map(|import| (import.alias.clone(), offered(import).map(|(_, offered)| offered)))
        .collect();
    let constants = Constants::of(ast);
    let mut look =
        Look { file, ast, has_prompt: ground.has_prompt, constants, imported: &imported, faults: Vec::new() };
    look.functions();
    let mut faults = look.faults;
    faults.extend(lints::unreachable(file, text, ast));
    faults.extend(endings::impossible(file, text, ast));
    faults.extend(endings::unknown_fields(file, ast));
    faults.extend(lints::constants(file, ast, &imported));
    faults.extend(lints::undefined(engine, file, text, ast));
    faults
}

struct Look<'a> {
    file: &'a str,
    ast: &'a AST,
    /// What each module offers that it imports, by the name that it has here; none where that is not known.
    imported: &'a BTreeMap<String, Option<Offered>>,
    has_prompt: HasPrompt<'a>,
    constants: Constants,
    faults: Vec<Fault>,
}

impl Look<'_> {
    fn wrong(&mut self, at: Position, what: impl Into<String>) {
        self.faults.push(Fault::at(self.file, at, what));
    }

    fn functions(&mut self) {
        let ast = self.ast;
        let within: Vec<Within> = ast
            .shared_lib()
            .iter_script_fn_info()
            .map(|(_, _, name, _, function)| {
                // The first value of a handler is a leg for certain.
                let is_handler = HANDLERS.iter().any(|(known, count, _)| {
                    *known == name && *count == function.params.len() && !WITHOUT_PARTY.contains(known)
                });
                let party = function.params.first().filter(|_| is_handler).map(ToString::to_string);
                (function.body.start_position()..=function.body.end_position(), party)
            })
            .collect();
        // Statements that stand in a row, by the function whose body they are.
        let mut rows: Vec<Vec<Spoken>> = within.iter().map(|_| Vec::new()).collect();
        ast.walk(&mut |path: &[ASTNode<'_>]| {
            let Some(node) = path.last() else { return true };
            let at = within.iter().position(|(lines, _)| lines.contains(&node.position()));
            match node {
                ASTNode::Expr(expr) => self.expression(expr, at.and_then(|at| within[at].1.as_deref())),
                ASTNode::Stmt(statement) => {
                    self.statement(statement, at.and_then(|at| within[at].1.as_deref()));
                    if let (1, Some(at)) = (path.len(), at) {
                        rows[at].extend(spoken(statement));
                    }
                }
                _ => {}
            }
            true
        });
        rows.into_iter().for_each(|row| self.after_the_end(row));
    }

    fn statement(&mut self, statement: &Stmt, party: Option<&str>) {
        match statement {
            Stmt::Assignment(both) => self.written(&both.1.lhs, party),
            Stmt::FnCall(call, at) => self.function(call, *at),
            Stmt::Block(block) => self.after_the_end(row_of(block)),
            Stmt::If(flow, _) => {
                self.after_the_end(row_of(&flow.body));
                self.after_the_end(row_of(&flow.branch));
            }
            Stmt::While(flow, _) | Stmt::Do(flow, ..) | Stmt::TryCatch(flow, _) => {
                self.after_the_end(row_of(&flow.body));
            }
            _ => {}
        }
    }

    fn expression(&mut self, expr: &Expr, party: Option<&str>) {
        match expr {
            Expr::FnCall(call, at) => self.function(call, *at),
            Expr::Dot(both, ..) => {
                let receiver = variable(&both.lhs);
                let certain = receiver.is_some() && receiver == party;
                match first_of(&both.rhs) {
                    Expr::MethodCall(call, at) => self.method(call, *at, certain),
                    Expr::Property(property, at) if certain => self.property(&property.2, *at),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// What is written to: of a leg, only its variables are the script's.
    fn written(&mut self, to: &Expr, party: Option<&str>) {
        let Expr::Dot(both, ..) = to else { return };
        let Some(leg) = variable(&both.lhs).filter(|leg| Some(*leg) == party) else { return };
        if let Expr::Property(property, at) = &both.rhs
            && property.2 != "vars"
        {
            let how =
                format!("what is the script's own is kept as {leg}.vars = #{{ … }}, or said by {leg}.tag(name, value)");
            self.wrong(*at, format!("`{}` of a leg is read and never written; {how}", property.2));
        }
    }

    fn property(&mut self, name: &str, at: Position) {
        let known = || FACTS.iter().map(|fact| fact.name).chain(["id", "vars"]);
        if !known().any(|fact| fact == name) {
            let near = near(name, known());
            let hint = near.map_or_else(
                || format!("; there are {}", known().collect::<Vec<_>>().join(", ")),
                |near| format!("; is `{near}` meant?"),
            );
            self.wrong(at, format!("a leg has no `{name}`{hint}"));
        }
    }

    /// A word of a leg, or of something else that has one of the name.
    fn method(&mut self, call: &FnCallExpr, at: Position, certain: bool) {
        let of_leg = words::all().find(|word| word.of == Of::Leg && word.name == call.name.as_str());
        match of_leg {
            Some(_) if !certain && self.has_function(&call.name) => {}
            Some(word) => self.word(word, call, at, certain),
            None if certain && !self.has_function(&call.name) => {
                let legs = words::all().filter(|word| word.of == Of::Leg).map(|word| word.name);
                let near = near(&call.name, legs);
                let hint = near.map_or_else(String::new, |near| format!("; is `{near}` meant?"));
                self.wrong(at, format!("a leg has no word `{}`{hint}", call.name));
            }
            None => {}
        }
    }

    /// `http::get(…)`, or a function of the script or of Rhai.
    fn function(&mut self, call: &FnCallExpr, at: Position) {
        if call.namespace.is_empty() {
            let of_house = words::all().find(|word| word.of == Of::House && word.name == call.name.as_str());
            match of_house.filter(|_| !self.has_function(&call.name)) {
                Some(word) => self.word(word, call, at, true),
                None => self.without_leg(call, at),
            }
            return;
        }
        let module = call.namespace.root();
        if let Some(offered) = self.imported.get(module) {
            return self.of_import(offered.as_ref(), call, at);
        }
        let mut of_module = words::all().filter(|word| word.of == Of::Module(module_of(module))).peekable();
        if of_module.peek().is_none() {
            let modules: HashSet<&str> = words::all()
                .filter_map(|word| match word.of {
                    Of::Module(module) => Some(module),
                    _ => None,
                })
                .collect();
            let modules = modules.into_iter().chain(self.imported.keys().map(String::as_str));
            let hint = near(module, modules).map_or_else(String::new, |near| format!("; is `{near}` meant?"));
            return self.wrong(at, format!("there is no module `{module}`{hint}"));
        }
        let of_module: Vec<&'static Word> = of_module.collect();
        match of_module.iter().find(|word| word.name == call.name.as_str()) {
            Some(word) => self.word(word, call, at, true),
            None => {
                let known: Vec<&str> = of_module.iter().map(|word| word.name).collect();
                self.wrong(at, format!("{module} has no word `{}`; it knows {}", call.name, known.join(", ")));
            }
        }
    }

    /// `hours::is_open(…)`: a function of a module that is imported.
    fn of_import(&mut self, offered: Option<&Offered>, call: &FnCallExpr, at: Position) {
        let Some(offered) = offered else { return };
        let (module, name) = (call.namespace.root(), call.name.as_str());
        let takes: Vec<usize> =
            offered.functions.iter().filter(|(known, _)| known == name).map(|(_, takes)| *takes).collect();
        let known = || offered.functions.iter().map(|(name, _)| name.as_str());
        if takes.is_empty() {
            let hint = match near(name, known()) {
                Some(near) => format!("is {module}::{near}(…) meant?"),
                None => format!("it has {}", known().collect::<Vec<_>>().join(", ")),
            };
            self.wrong(at, format!("the module {module} has no function `{name}`; {hint}"));
        } else if !takes.contains(&call.args.len()) {
            self.wrong(at, format!("{module}::{name} takes {} values, and is given {}", takes[0], call.args.len()));
        }
    }

    /// A word of a leg that is said to nobody.
    fn without_leg(&mut self, call: &FnCallExpr, at: Position) {
        let mut of_leg = words::all().filter(|word| word.of == Of::Leg && word.name == call.name.as_str());
        if let Some(word) = of_leg.next().filter(|_| !self.has_function(&call.name)) {
            self.wrong(
                at,
                format!("`{}` is said to a leg, as caller.{}(…): nobody is named here", word.name, word.name),
            );
        }
    }

    /// Whether what a word is given is right, as far as it is written there.
    fn word(&mut self, word: &'static Word, call: &FnCallExpr, at: Position, certain: bool) {
        let (args, before) = (&call.args[..], self.faults.len());
        if certain && (args.len() < word.needs || args.len() > word.most()) {
            return self.wrong(at, format!("{} is given {} values here", word.written(), args.len()));
        }
        let options = args.last().filter(|last| is_map(last) && !word.options.is_empty() && args.len() > word.needs);
        let values = args.len() - usize::from(options.is_some());
        if certain {
            for (part, value) in word.takes.iter().zip(&args[..values.min(word.takes.len())]) {
                self.value(word, part, value);
            }
        }
        let known = |name: &str| word.options.iter().find(|option| option.name == name);
        for (name, value, at) in options.map(|options| entries(options, at)).unwrap_or_default() {
            match known(&name) {
                Some(option) => self.literal(word, option, &value, at),
                None => self.wrong(at, unknown(word, &name)),
            }
        }
        if self.faults.len() == before {
            self.refused(word, args, at, certain);
        }
    }

    /// What the word itself would say to this in a call.
    fn refused(&mut self, word: &'static Word, args: &[Expr], at: Position, certain: bool) {
        let refusal = self.constants.refusal(word, args, at);
        let may_be_another = || namesakes(word).any(|word| self.constants.refusal(word, args, at).is_none());
        if let Some((place, what)) = refusal.filter(|_| certain || !may_be_another()) {
            self.wrong(if place.is_none() { at } else { place }, what);
        }
    }

    fn value(&mut self, word: &Word, part: &Part, value: &Expr) {
        if let Some(literal) = value.get_literal_value(None) {
            self.literal(word, part, &Literal::Value(literal), value.position());
        } else if let Expr::Array(list, _) = value {
            let texts = list.iter().filter_map(|item| item.get_literal_value(None));
            for text in texts {
                match part.kind {
                    Sort::Prompts => self.prompts(&text, value.position()),
                    Sort::Targets => self.targets(&text, value.position()),
                    _ => {}
                }
            }
        }
    }

    fn literal(&mut self, word: &Word, part: &Part, value: &Literal, at: Position) {
        let Literal::Value(value) = value else { return };
        if let Err(why) = part.kind.check(value) {
            return self.wrong(at, format!("`{}` of {}: {why}", part.name, word.name));
        }
        if part.kind == Sort::Targets || CALLED.contains(&(word.name, part.name)) {
            self.targets(value, at);
        }
        let is_prompt = part.kind == Sort::Prompts && part.name != "accept" && part.name != "attach";
        if is_prompt || ["ringback", "music", "screen", "filler"].contains(&part.name) {
            self.prompts(value, at);
        }
    }

    /// Whether somebody can be called by the targets that are written there.
    fn targets(&mut self, value: &Dynamic, at: Position) {
        for target in texts_of(value).unwrap_or_default() {
            if let Some(why) = nobody(&target) {
                self.wrong(at, why);
            }
        }
    }

    /// Whether the prompts that are written there are there.
    fn prompts(&mut self, value: &Dynamic, at: Position) {
        for name in texts_of(value).unwrap_or_default() {
            let elsewhere = name.contains("::") || name.contains("://") || ["pass", "phone"].contains(&name.as_str());
            if !elsewhere && !(self.has_prompt)(&name) {
                self.wrong(at, format!("there is no prompt {name:?}; put {name}.wav, .mp3, .ogg, .flac or .opus into the folder of sounds"));
            }
        }
    }

    fn has_function(&self, name: &str) -> bool {
        self.ast.iter_functions().any(|function| function.name == name)
    }

    /// What is said to a party behind its end, in the same row of statements.
    fn after_the_end(&mut self, row: Vec<Spoken>) {
        let mut ended: Option<(String, &'static str)> = None;
        for (leg, word, at) in row {
            if let Some((gone, by)) = &ended
                && *gone == leg
                && NEEDS_PARTY.contains(&word.as_str())
            {
                self.wrong(at, format!("{leg}.{word} comes behind {leg}.{by}, which ends the leg"));
            }
            if let Some(last) = LAST.iter().find(|last| **last == word) {
                ended = Some((leg, last));
            }
        }
    }
}

/// Where a function stands, and the leg that it begins with for certain.
type Within = (RangeInclusive<Position>, Option<String>);

/// A word that is said to a leg, and where.
type Spoken = (String, String, Position);

fn row_of(block: &StmtBlock) -> Vec<Spoken> {
    block.statements().iter().filter_map(spoken).collect()
}

/// A statement that is one word of one variable.
fn spoken(statement: &Stmt) -> Option<Spoken> {
    let Stmt::Expr(expr) = statement else { return None };
    let Expr::Dot(both, ..) = &**expr else { return None };
    match (variable(&both.lhs), &both.rhs) {
        (Some(leg), Expr::MethodCall(call, at)) => Some((leg.to_owned(), call.name.to_string(), *at)),
        _ => None,
    }
}

/// The name of a module as the table has it.
fn module_of(name: &str) -> &'static str {
    let modules = words::all().filter_map(|word| match word.of {
        Of::Module(module) => Some(module),
        _ => None,
    });
    modules.into_iter().find(|module| *module == name).unwrap_or("")
}

pub(crate) fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &&str| strsim::damerau_levenshtein(known, name);
    known.filter(|known| distance(known) <= 2).min_by_key(distance)
}

#[cfg(test)]
mod tests;
