//! What a script says that can never be meant: names that nothing has, keys that no answer can be, targets that its manifest does not name.
//!
//! Beside [`check`](crate::check), which reads a script against the table of words. Here, too, only what is certain is told.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTFlags, ASTNode, Array, Dynamic, Engine, Expr, FnCallExpr, ParseErrorType, Position, Stmt};

use crate::check::near;
use crate::check_text;
use crate::fault::Fault;
use crate::imports::Offered;
use crate::limits::Limits;
use crate::rehearsal::Constants;
use crate::words::{self, Of, kind::texts_of};

/// Words that call somebody, by their first value.
const CALLING: [&str; 4] = ["dial", "call_out", "transfer", "originate"];

/// Targets that are nobody who is called.
const OF_THE_HOUSE: [&str; 3] = ["service:", "room:", "queue:"];

/// A variable that is nowhere given a value: the first of a text.
pub(crate) fn undefined(engine: &mut Engine, file: &str, text: &str, ast: &AST) -> Option<Fault> {
    engine.set_strict_variables(true);
    let told = engine.compile(text).err();
    engine.set_strict_variables(false);
    let told = told?;
    match told.err_type() {
        // The name of a function is that function.
        ParseErrorType::VariableUndefined(name) if ast.iter_functions().any(|function| function.name == name) => None,
        ParseErrorType::VariableUndefined(name) => {
            let constants = constants_of(ast);
            let hint = if let Some(how) = elsewhere(name) {
                format!("; {how}")
            } else if constants.contains(name) {
                format!("; a constant is read as global::{name}")
            } else if let Some(near) = near(name, variables_of(ast).iter().map(String::as_str)) {
                format!("; is `{near}` meant?")
            } else if let Some(near) = near(name, constants.iter().map(String::as_str)) {
                format!("; is global::{near} meant?")
            } else {
                format!("; a text has quotes, as \"{name}\", and a value of your own is made by let {name} = …")
            };
            let what = format!("nothing is called `{name}` here{hint}");
            Some(Fault::at(file, told.position(), what))
        }
        _ => None,
    }
}

/// What other languages call so.
fn elsewhere(name: &str) -> Option<&'static str> {
    Some(match name {
        "None" | "nil" | "NULL" | "undefined" => "nothing is written ()",
        "True" | "TRUE" | "yes" => "it is written true",
        "False" | "FALSE" | "no" => "it is written false",
        "console" | "echo" | "logger" => "a line is written by log::info(text)",
        "caller" | "leg" => "it is what a handler is handed, as in fn on_invite(caller)",
        _ => return None,
    })
}

/// Constants that are read and that there are not: `global::MENUE`, or one of a module, which has words alone.
pub(crate) fn constants(file: &str, ast: &AST, imported: &BTreeMap<String, Option<Offered>>) -> Vec<Fault> {
    let known = constants_of(ast);
    let mut faults = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Expr::Variable(both, _, at))) = path.last()
            && !both.2.is_empty()
        {
            let (name, module) = (both.1.as_str(), both.2.root());
            let told = match module {
                "global" if known.contains(name) => None,
                "global" => Some(match near(name, known.iter().map(String::as_str)) {
                    Some(near) => format!("there is no constant `{name}`; is global::{near} meant?"),
                    None => format!("there is no constant `{name}`; write const {name} = …; outside of the functions"),
                }),
                _ => match imported.get(module) {
                    Some(Some(offered)) if !offered.constants.iter().any(|known| known == name) => Some(format!(
                        "the module {module} has no constant `{name}`; write export const {name} = …; into it"
                    )),
                    Some(_) => None,
                    None => Some(of_module(module, name)),
                },
            };
            faults.extend(told.map(|what| Fault::at(file, *at, what)));
        }
        true
    });
    faults
}

/// That a module has no such constant.
fn of_module(module: &str, name: &str) -> String {
    let words = || words::all().filter(|word| matches!(word.of, Of::Module(of) if of == module)).map(|word| word.name);
    if words().next().is_none() {
        return format!("there is no module `{module}`; constants of a script are read as global::{name}");
    }
    let hint = near(name, words()).map_or_else(String::new, |near| format!("; is {module}::{near}(…) meant?"));
    format!("{module} has no constant `{name}`, only words that are called{hint}")
}

/// The constants that a script makes.
fn constants_of(ast: &AST) -> BTreeSet<String> {
    let made = |statement: &Stmt| match statement {
        Stmt::Var(both, flags, _) if flags.contains(ASTFlags::CONSTANT) => Some(both.0.name.to_string()),
        _ => None,
    };
    ast.statements().iter().filter_map(made).collect()
}

/// Names that are given a value anywhere in its functions.
fn variables_of(ast: &AST) -> BTreeSet<String> {
    let params = ast.iter_functions().flat_map(|function| function.params.into_iter().map(str::to_owned));
    let mut names: BTreeSet<String> = params.collect();
    let constants = constants_of(ast);
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Stmt(Stmt::Var(both, ..))) = path.last()
            && !constants.contains(both.0.name.as_str())
        {
            names.insert(both.0.name.to_string());
        }
        true
    });
    names
}

/// What is wrong with the calls of functions and words in a text, in its order; `look` is shown each.
pub(crate) fn of_calls(
    file: &str,
    text: &str,
    mut look: impl FnMut(&FnCallExpr, &Constants) -> Vec<String>,
) -> Vec<Fault> {
    let limits = Limits::default();
    let mut engine = crate::engine(&limits);
    engine.set_optimization_level(rhai::OptimizationLevel::None);
    // What does not parse is told by who checks the words.
    let Ok(ast) = check_text(&engine, &limits, file, text) else { return Vec::new() };
    let (mut faults, constants) = (Vec::new(), Constants::of(&ast));
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        let (call, at) = match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, at) | Expr::MethodCall(call, at))) => (call, *at),
            Some(ASTNode::Stmt(Stmt::FnCall(call, at))) => (call, *at),
            _ => return true,
        };
        faults.extend(look(call, &constants).into_iter().map(|what| Fault::at(file, at, what)));
        true
    });
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults.dedup();
    faults
}

/// Targets that are written out and that no pattern of the manifest lets the service call.
pub fn targets(file: &str, text: &str, may_dial: &dyn Fn(&str) -> bool) -> Vec<Fault> {
    of_calls(file, text, |call, constants| {
        if !CALLING.contains(&call.name.as_str()) || !call.namespace.is_empty() {
            return Vec::new();
        }
        let named = call.args.first().map(|named| written(named, constants)).unwrap_or_default().into_iter();
        let beyond =
            named.filter(|target| !OF_THE_HOUSE.iter().any(|kind| target.starts_with(kind)) && !may_dial(target));
        let told = |target| {
            format!("the manifest does not let this service call {target:?}; name it there, as dial = [{target:?}]")
        };
        beyond.map(told).collect()
    })
}

/// Services that are named and that are not there: in `continue_as`, as a target, and as what goes on with a call that is originated.
pub fn services(file: &str, text: &str, is_there: &dyn Fn(&str) -> bool) -> Vec<Fault> {
    of_calls(file, text, |call, constants| {
        let named = call.args.first().map(|named| written(named, constants)).unwrap_or_default();
        let service = |name: &String| match name.strip_prefix("service:") {
            Some(service) if CALLING.contains(&call.name.as_str()) => Some(service.to_owned()),
            None if call.name == "continue_as" => Some(name.clone()),
            _ => None,
        };
        let goes_on = call.args.last().filter(|_| call.name == "originate");
        let goes_on = goes_on.and_then(|options| constants.option(options, "service")).and_then(text_of);
        let missing = named.iter().filter_map(service).chain(goes_on).filter(|service| !is_there(service));
        missing
            .map(|service| format!("there is no service {service:?}; write {service}.rhai, or name one that there is"))
            .collect()
    })
}

/// The texts that are written there, or stand in a constant: one, or those of a list.
fn written(expr: &Expr, constants: &Constants) -> Vec<String> {
    match expr {
        Expr::Array(list, _) => list.iter().filter_map(|item| constants.value(item)).flat_map(text_of).collect(),
        other => constants.value(other).and_then(|value| texts_of(&value)).unwrap_or_default(),
    }
}

fn text_of(value: Dynamic) -> Option<String> {
    value.into_string().ok()
}

/// Keys of a `switch` over an answer that its `gather` never gives.
pub(crate) fn unreachable(file: &str, text: &str, ast: &AST) -> Vec<Fault> {
    let mut answers: Vec<(String, Vec<String>, Position)> = Vec::new();
    let mut faults = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(both, ..))) => {
                let (name, value, _) = &**both;
                if let Some(accept) = accepted(value) {
                    answers.push((name.name.to_string(), accept, name.pos));
                }
            }
            Some(ASTNode::Stmt(Stmt::Switch(both, at))) => {
                let of = digits_of(&both.0);
                let known = answers.iter().rev().find(|(name, ..)| Some(name.as_str()) == of);
                if let Some((_, accept, _)) = known {
                    for Arm { said: key, at, .. } in arms(text, *at).into_iter().filter(|arm| arm.is_text) {
                        if !key.is_empty() && !accept.iter().any(|pattern| fits(pattern, &key)) {
                            let what =
                                format!("{key:?} is never the answer: the gather above takes {}", accept.join(", "));
                            faults.push(Fault::at(file, at, what));
                        }
                    }
                }
            }
            _ => {}
        }
        true
    });
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults.dedup();
    faults
}

/// What a gather accepts, where that is written out.
fn accepted(value: &Expr) -> Option<Vec<String>> {
    let Expr::Dot(both, ..) = value else { return None };
    let Expr::MethodCall(call, _) = &both.rhs else { return None };
    let Some(Expr::Map(entries, _)) = call.args.last().filter(|_| call.name == "gather") else { return None };
    let (_, accept) = entries.0.iter().find(|(name, _)| name.name == "accept")?;
    let accept = match accept {
        Expr::Array(list, _) => {
            list.iter().map(|item| item.get_literal_value(None)?.into_string().ok()).collect::<Option<Vec<_>>>()?
        }
        other => match other.get_literal_value(None)?.try_cast::<Array>() {
            Some(list) => list.into_iter().map(|item| item.into_string().ok()).collect::<Option<Vec<_>>>()?,
            None => return None,
        },
    };
    Some(accept)
}

/// The variable of `answer.digits`.
fn digits_of(expr: &Expr) -> Option<&str> {
    let Expr::Dot(both, ..) = expr else { return None };
    match (&both.lhs, &both.rhs) {
        (Expr::Variable(name, ..), Expr::Property(property, _)) if property.2 == "digits" => Some(&name.1),
        _ => None,
    }
}

/// Whether a pattern takes a key, as the engine does.
fn fits(pattern: &str, key: &str) -> bool {
    pattern.len() == key.len()
        && pattern
            .chars()
            .zip(key.chars())
            .all(|(pattern, key)| pattern == key || (pattern == 'x' && key.is_ascii_digit()))
}

/// What an arm of a `switch` is for.
pub(crate) struct Arm {
    /// The text or the number.
    pub said: String,
    /// Whether it has quotes.
    is_text: bool,
    /// Where it stands.
    pub at: Position,
}

impl Arm {
    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        !self.is_text
    }
}

/// The texts and numbers of the arms of a `switch` that begins there: Rhai keeps them only as hashes.
pub(crate) fn arms(text: &str, at: Position) -> Vec<Arm> {
    let (Some(line), Some(column)) = (at.line(), at.position()) else { return Vec::new() };
    let mut found: Vec<Arm> = Vec::new();
    let (mut depth, mut last, mut comment) = (0_u32, None::<Arm>, false);
    for (number, row) in text.lines().enumerate().skip(line - 1) {
        let row: Vec<char> = row.chars().collect();
        let mut place = if number + 1 == line { column - 1 } else { 0 };
        while let Some(&letter) = row.get(place) {
            let next = row.get(place + 1);
            match letter {
                '*' if comment && next == Some(&'/') => (comment, place) = (false, place + 1),
                _ if comment => {}
                '/' if next == Some(&'/') => break,
                '/' if next == Some(&'*') => comment = true,
                '"' => {
                    let from = place;
                    place += 1;
                    while row.get(place).is_some_and(|letter| *letter != '"') {
                        place += 1 + usize::from(row[place] == '\\');
                    }
                    let said: String = row.get(from + 1..place).unwrap_or_default().iter().collect();
                    last = arm(said, true, (number, from)).filter(|_| depth == 1);
                }
                digit if digit.is_ascii_digit() => {
                    let from = place;
                    let more = |letter: &&char| letter.is_alphanumeric() || "._".contains(**letter);
                    let said: String = row[from..].iter().take_while(more).collect();
                    place += said.len().max(1) - 1;
                    last = arm(said, false, (number, from)).filter(|arm| depth == 1 && arm.said.parse::<i64>().is_ok());
                }
                letter if letter.is_alphabetic() => {
                    let more = |letter: &&char| letter.is_alphanumeric() || **letter == '_';
                    place += row[place..].iter().take_while(more).count() - 1;
                    last = None;
                }
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 && letter == '}' {
                        return found;
                    }
                }
                '=' if next == Some(&'>') => found.extend(last.take()),
                '|' => found.extend(last.take()),
                ' ' | '\t' => {}
                _ => last = None,
            }
            place += 1;
        }
    }
    found
}

fn arm(said: String, is_text: bool, (row, column): (usize, usize)) -> Option<Arm> {
    let (line, column) = u16::try_from(row + 1).ok().zip(u16::try_from(column + 1).ok())?;
    Some(Arm { said, is_text, at: Position::new(line, column) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never(body: &str) -> Vec<String> {
        let text = format!("fn on_invite(caller) {{\n{body}\n}}");
        let limits = Limits::default();
        let mut engine = crate::engine(&limits);
        engine.set_optimization_level(rhai::OptimizationLevel::None);
        let ast = check_text(&engine, &limits, "ivr.rhai", &text).expect("a script");
        unreachable("ivr.rhai", &text, &ast).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn keys_that_no_answer_can_be_are_told_where_they_stand() {
        let gather = "  let answer = caller.gather(#{ accept: [\"1\", \"2xx\"] });\n";
        let told = never(&format!(
            "{gather}  switch answer.digits {{\n    \"1\" => caller.play(\"3\"), // \"4\" => no\n    \"5\" | \"201\" => (),\n    \"\" => (),\n    _ => {{ \"6\" }}\n  }}"
        ));
        assert_eq!(told, ["ivr.rhai:5:5: \"5\" is never the answer: the gather above takes 1, 2xx"]);
        let other = "  let answer = caller.gather(#{ digits: 1 });\n  switch answer.digits { \"99\" => (), _ => () }";
        assert_eq!(never(other), [""; 0], "what is taken is not written out");
    }

    #[test]
    fn targets_outside_the_manifest_are_told() {
        let text = "fn on_invite(caller) {\n  caller.dial([\"user:alice\", \"+33123\"]);\n  caller.transfer(\"service:voicemail\");\n  originate(\"user:bob\", #{ service: \"x\" });\n}";
        let told = targets("ivr.rhai", text, &|target| target == "user:alice");
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].starts_with("ivr.rhai:2:10: the manifest does not let this service call \"+33123\""),
            "{told:?}"
        );
        assert!(told[1].starts_with("ivr.rhai:4:3: ") && told[1].contains("user:bob"), "{told:?}");
    }

    #[test]
    fn a_name_that_nothing_has_is_told() {
        let mut engine = crate::engine(&Limits::default());
        let mut told = |text: &str| {
            let ast = engine.compile(text).expect("a script");
            undefined(&mut engine, "ivr.rhai", text, &ast).map(|fault| fault.to_string())
        };
        let wrong = told("const MENU = \"a\";\nfn on_invite(caller) {\n  caller.play(MENU);\n}");
        assert!(
            wrong.as_deref()
                == Some("ivr.rhai:3:15: nothing is called `MENU` here; a constant is read as global::MENU"),
            "{wrong:?}"
        );
        let meant = told("fn on_invite(caller) {\n  let answer = 1;\n  caller.tag(\"a\", anser);\n}");
        assert!(meant.as_deref().is_some_and(|told| told.ends_with("; is `answer` meant?")), "{meant:?}");
        let text = told("fn on_invite(caller) {\n  caller.play(welcome);\n}");
        assert!(text.as_deref().is_some_and(|told| told.contains("a text has quotes, as \"welcome\"")), "{text:?}");
        let right = "const MENU = \"a\";\nfn on_invite(caller) {\n  try { caller.play(global::MENU); http::get(\"x\"); } catch (err) { log::info(err); }\n  \
                     caller.after(1.s(), |leg| leg.tag(\"a\", caller.from));\n  for (m, at) in [1] { print(m + at); }\n}";
        assert_eq!(told(right), None);
    }

    #[test]
    fn constants_that_there_are_not_are_told_with_what_is_meant() {
        let text = "const MENU = \"a\";\nfn on_invite(caller) {\n  caller.play(global::MENUE);\n  caller.play(global::MENU);\n  caller.play(global::OTHER);\n  caller.play(say::numbers);\n  caller.play(sounds::BELL);\n}";
        let limits = Limits::default();
        let mut engine = crate::engine(&limits);
        engine.set_optimization_level(rhai::OptimizationLevel::None);
        let ast = check_text(&engine, &limits, "ivr.rhai", text).expect("a script");
        let told: Vec<String> = constants("ivr.rhai", &ast, &BTreeMap::new()).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "ivr.rhai:3:23: there is no constant `MENUE`; is global::MENU meant?",
                "ivr.rhai:5:23: there is no constant `OTHER`; write const OTHER = …; outside of the functions",
                "ivr.rhai:6:20: say has no constant `numbers`, only words that are called; is say::number(…) meant?",
                "ivr.rhai:7:23: there is no module `sounds`; constants of a script are read as global::BELL",
            ]
        );
    }

    #[test]
    fn services_that_there_are_not_are_told() {
        let text = "fn on_invite(caller) {\n  caller.dial([\"user:a\", \"service:voicemial\"]);\n  caller.continue_as(\"voicemail\");\n  caller.continue_as(\"tema\");\n}";
        let told = services("ivr.rhai", text, &|name| name == "voicemail");
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("ivr.rhai:2:10: there is no service \"voicemial\""), "{told:?}");
        assert!(told[1].starts_with("ivr.rhai:4:10: there is no service \"tema\""), "{told:?}");
        let text = "const OUT = \"nosuch\";\nconst WHO = [\"user:a\", \"service:none\"];\nfn on_invite(caller) {\n  originate(\"user:a\", #{ service: global::OUT });\n  \
                    originate(\"user:a\", #{ service: \"voicemail\" });\n  caller.dial(global::WHO);\n  caller.continue_as(global::OUT);\n}";
        let told = services("ivr.rhai", text, &|name| name == "voicemail");
        let told: Vec<String> = told.iter().map(|fault| fault.to_string().chars().take(40).collect()).collect();
        assert_eq!(
            told,
            [
                "ivr.rhai:4:3: there is no service \"nosuc",
                "ivr.rhai:6:10: there is no service \"none",
                "ivr.rhai:7:10: there is no service \"nosu",
            ]
        );
    }
}
