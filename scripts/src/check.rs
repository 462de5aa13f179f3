//! What is wrong with a script before anybody calls it: read against the table of words, without running anything.
//!
//! Only what is certain is told: a word that a leg does not know, an option that a word does not know, a time without a unit, a
//! prompt that is not there, a handler that nobody would ever call; and what [`lints`] know. What a variable holds is read off what is put
//! into it ([`flow`]), and is unknown where that can be two things.

mod calls;
mod chains;
mod doubts;
mod flow;
mod known;
mod look;
mod written;

use std::collections::{BTreeMap, HashMap};

use rhai::{AST, Engine, OptimizationLevel};

use crate::endings;
use crate::fault::Fault;
use crate::handlers;
use crate::imports::{self, Library, Module, Offered};
use crate::limits::Limits;
use crate::lints;
use crate::rehearsal::Constants;
use crate::shelf::Edition;
use crate::{check_text, engine, shipped};
use flow::{File, Flow};
use known::Rhai;
use look::Look;

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
    let (modules, broken) = match modules {
        Ok(modules) => (modules, None),
        Err(fault) => (Vec::new(), Some(fault)),
    };
    let asts: Vec<Option<AST>> =
        modules.iter().map(|module| check_text(&engine, ground.limits, &module.file, &module.text).ok()).collect();
    let mut texts = vec![Text { file, text, ast: &ast }];
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    for (module, ast) in modules.iter().zip(&asts) {
        if let Some(ast) = ast {
            numbers.insert(&module.name, texts.len());
            texts.push(Text { file: &module.file, text: &module.text, ast });
        }
    }
    let mut found = of_values(&texts, &numbers, ground);
    let mut faults = std::mem::take(&mut found[0]);
    faults.extend(of_text(&mut engine, &texts[0], &texts, &numbers));
    faults.extend(handlers::wrong(file, text, &ast));
    in_order(&mut faults);
    faults.splice(0..0, broken);
    let is_whole = faults.is_empty();
    for (module, found) in modules.iter().zip(&mut found[1..]) {
        // What comes with the house was looked at before it left ours.
        let is_ours = shipped::service(&module.name) == Some(&*module.text);
        let Some(number) = numbers.get(&*module.name).filter(|_| !is_ours) else { continue };
        let mut own = std::mem::take(found);
        own.extend(of_text(&mut engine, &texts[*number], &texts, &numbers));
        in_order(&mut own);
        faults.extend(own);
    }
    // What the modules compute is computed once, when the service is published: here to see whether it can be.
    if is_whole && faults.is_empty() && !modules.is_empty() {
        let (name, file, text) = (String::new(), file.to_owned(), text.into());
        let edition = Edition { name, version: 0, digest: [0; 32], file, text, imports: modules };
        faults.extend(imports::compile(&crate::engine(ground.limits), ground.limits, &edition).err());
    }
    faults
}

/// A file that is read.
struct Text<'a> {
    file: &'a str,
    text: &'a str,
    ast: &'a AST,
}

fn in_order(faults: &mut Vec<Fault>) {
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults.dedup();
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

/// What each import of a text offers, by the name that it has there; none where that is broken.
fn offered(ast: &AST, texts: &[Text<'_>], numbers: &HashMap<&str, usize>) -> BTreeMap<String, Option<Offered>> {
    let module =
        |import: &imports::Import| numbers.get(import.name.as_str()).map(|number| Offered::by(texts[*number].ast));
    imports::of(ast).into_iter().map(|import| (import.alias.clone(), module(&import))).collect()
}

/// What is wrong with what each text says to which values: of a service and of its modules together, which call each other.
fn of_values(texts: &[Text<'_>], numbers: &HashMap<&str, usize>, ground: &Ground<'_>) -> Vec<Vec<Fault>> {
    let rhai = Rhai::new(checking(ground.limits));
    let mut files = Vec::new();
    for (number, Text { file, text, ast }) in texts.iter().enumerate() {
        files.push(File {
            look: Look {
                file: (*file).to_owned(),
                text: (*text).to_owned(),
                functions: ast.iter_functions().map(|function| function.name.to_owned()).collect(),
                imported: offered(ast, texts, numbers),
                has_prompt: ground.has_prompt,
                constants: Constants::of(ast),
                faults: Vec::new(),
            },
            ast,
            imported: imports::of(ast)
                .into_iter()
                .map(|import| (import.alias, numbers.get(import.name.as_str()).copied()))
                .collect(),
            is_service: number == 0,
        });
    }
    Flow::new(files, &rhai).judge().into_iter().map(|file| file.look.faults).collect()
}

/// What is wrong with a text by itself, be it a service or a module.
fn of_text(
    engine: &mut Engine,
    Text { file, text, ast }: &Text<'_>,
    texts: &[Text<'_>],
    numbers: &HashMap<&str, usize>,
) -> Vec<Fault> {
    let mut faults = lints::unreachable(file, text, ast);
    faults.extend(endings::impossible(file, text, ast));
    faults.extend(lints::constants(file, ast, &offered(ast, texts, numbers)));
    faults.extend(lints::undefined(engine, file, text, ast));
    faults
}

pub(crate) fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &&str| strsim::damerau_levenshtein(known, name);
    known.filter(|known| distance(known) <= 2).min_by_key(distance)
}

#[cfg(test)]
mod alarms;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod tests;
