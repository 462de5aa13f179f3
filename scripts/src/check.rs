//! What is wrong with a script before anybody calls it: read against the table of words, without running anything.
//!
//! Only what is certain is told: a word that a leg does not know, an option that a word does not know, a time without a unit, a
//! prompt that is not there, a handler that nobody would ever call; and what [`lints`] know. What a variable holds is not guessed, but for the party with
//! which a handler begins.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use rhai::{AST, ASTNode, Dynamic, Expr, FnCallExpr, OptimizationLevel, Position, Stmt, StmtBlock};

use crate::endings;
use crate::fault::Fault;
pub use crate::handlers::HANDLERS;
use crate::handlers::{self, WITHOUT_PARTY};
use crate::limits::Limits;
use crate::lints;
use crate::rehearsal::{Constants, namesakes, nobody};
use crate::words::given::unknown;
use crate::words::kind::{Kind as Sort, texts_of};
use crate::words::{self, FACTS, Of, Part, Word};
use crate::{check_text, engine};

/// Words after which a leg hears and says nothing any more.
const LAST: &[&str] = &["hangup", "reject", "redirect"];

/// Words that need somebody there.
const NEEDS_PARTY: &[&str] =
    &["play", "gather", "record", "dial", "echo", "answer", "progress", "ring", "start_play", "join"];

/// Words and their parts that name one target.
const CALLED: &[(&str, &str)] = &[("transfer", "to"), ("originate", "target"), ("originate", "dial")];

/// Answers whether a prompt of that name is there.
pub type HasPrompt<'a> = &'a dyn Fn(&str) -> bool;

/// Everything that is wrong with a text, in the order of its lines.
pub fn check(file: &str, text: &str, has_prompt: HasPrompt<'_>) -> Vec<Fault> {
    let limits = Limits::default();
    let mut engine = engine(&limits);
    // What is folded away could not be looked at.
    engine.set_optimization_level(OptimizationLevel::None);
    let ast = match check_text(&engine, &limits, file, text) {
        Ok(ast) => ast,
        Err(fault) => return vec![fault],
    };
    let constants = Constants::of(&ast);
    let mut look = Look { file, ast: &ast, has_prompt, constants, faults: Vec::new() };
    look.functions();
    let mut faults = look.faults;
    faults.extend(handlers::wrong(file, text, &ast));
    faults.extend(lints::unreachable(file, text, &ast));
    faults.extend(endings::impossible(file, text, &ast));
    faults.extend(endings::unknown_fields(file, &ast));
    faults.extend(lints::constants(file, &ast));
    faults.extend(lints::undefined(&mut engine, file, text, &ast));
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults.dedup();
    faults
}

struct Look<'a> {
    file: &'a str,
    ast: &'a AST,
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
        let mut of_module = words::all().filter(|word| word.of == Of::Module(module_of(module))).peekable();
        if of_module.peek().is_none() {
            let modules: HashSet<&str> = words::all()
                .filter_map(|word| match word.of {
                    Of::Module(module) => Some(module),
                    _ => None,
                })
                .collect();
            let hint =
                near(module, modules.into_iter()).map_or_else(String::new, |near| format!("; is `{near}` meant?"));
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

/// A value that is written there, or something that has to be computed.
enum Literal {
    Value(Dynamic),
    Computed,
}

/// The entries of a map that is written there.
fn entries(map: &Expr, at: Position) -> Vec<(String, Literal, Position)> {
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

fn is_map(expr: &Expr) -> bool {
    match expr {
        Expr::Map(..) => true,
        Expr::DynamicConstant(value, _) => value.is_map(),
        _ => false,
    }
}

fn variable(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Variable(named, ..) => Some(named.1.as_str()),
        _ => None,
    }
}

/// The first link of a chain: of `a.b().c` it is `b()`.
fn first_of(expr: &Expr) -> &Expr {
    match expr {
        Expr::Dot(both, ..) | Expr::Index(both, ..) => &both.lhs,
        other => other,
    }
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
