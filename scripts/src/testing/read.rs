//! What is wrong with a file of tests before it is run: what does not parse, what no test knows, what would never run.

use std::collections::BTreeMap;

use rhai::{AST, ASTNode, Engine, Expr, OptimizationLevel, ParseErrorType, Stmt};

use super::sayings;
use super::words;
use crate::check::near;
use crate::fault::Fault;
use crate::handlers::place_of_function;

/// How the name of a test begins.
const TEST: &str = "test_";

/// Everything that is wrong with a file of tests, in the order of its lines.
#[must_use]
pub fn check(file: &str, text: &str) -> Vec<Fault> {
    let mut engine = words::engine();
    engine.set_optimization_level(OptimizationLevel::None);
    let ast = match engine.compile(text) {
        Ok(ast) => ast,
        Err(error) => return vec![Fault::of_parsing(file, text, &error)],
    };
    let mut faults = never_run(file, text, &ast);
    if faults.is_empty() && !ast.iter_functions().any(|function| function.name.starts_with(TEST)) {
        faults.push(Fault::of_file(file, "it holds no test: a test is a function, as fn test_it_answers(t)"));
    }
    faults.extend(unknown_words(file, &ast));
    faults.extend(unknown_fields(file, &ast));
    faults.extend(undefined(&mut engine, file, text));
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults.dedup();
    faults
}

/// Functions that are named as tests and take something else than a test does.
pub(super) fn never_run(file: &str, text: &str, ast: &AST) -> Vec<Fault> {
    let tests = ast.iter_functions().filter(|function| function.name.starts_with(TEST) && function.params.len() != 1);
    let fault = |function: rhai::ScriptFnMetadata<'_>| {
        let (name, count) = (function.name, function.params.len());
        let what = format!("{name} takes {count} values, and a test takes one: write fn {name}(t)");
        Fault::at(file, place_of_function(text, name, count), what)
    };
    let mut faults: Vec<Fault> = tests.map(fault).collect();
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults
}

/// Words that are said to the `t` of a test, or in a chain behind it, and that no test knows.
fn unknown_words(file: &str, ast: &AST) -> Vec<Fault> {
    let own = |name: &str| ast.iter_functions().any(|function| function.name == name);
    let stages = stages(ast);
    let mut faults = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Expr::Dot(both, ..))) = path.last()
            && let Expr::Variable(name, ..) = &both.lhs
            && stages.contains(&name.1.as_str())
            && let Expr::MethodCall(call, at) = first_of(&both.rhs)
            && !sayings::words().any(|word| word == call.name)
            && !own(&call.name)
        {
            let near = near(&call.name, sayings::words());
            let hint = near.map_or_else(String::new, |near| format!("; is `{near}` meant?"));
            faults.push(Fault::at(file, *at, format!("no test knows the word `{}`{hint}", call.name)));
        }
        true
    });
    faults
}

/// What a word of a test gives that has fields, and which ones.
type Fields = (&'static str, &'static [&'static str]);

const FIELDS: &[Fields] = &[
    ("web", &["status", "headers", "body", "json"]),
    ("register", &["accepted", "status", "reason"]),
    ("message", &["accepted", "status", "reason"]),
    ("phone", &["name"]),
    ("endpoint", &["name"]),
];

/// Fields that are read of what a word of a test gives, and that it has not; and any of the `t` of a test, which has words alone.
fn unknown_fields(file: &str, ast: &AST) -> Vec<Fault> {
    let stages = stages(ast);
    let mut faults = Vec::new();
    let mut gives: BTreeMap<String, Option<Fields>> = BTreeMap::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(both, ..))) => {
                let given = given_by(&both.1, &stages);
                // One name for two things may be either.
                let known = gives.entry(both.0.name.to_string()).or_insert(given);
                *known = known.filter(|known| given == Some(*known));
            }
            Some(ASTNode::Expr(Expr::Dot(both, ..))) => {
                if let (Expr::Variable(name, ..), Expr::Property(property, at)) = (&both.lhs, first_of(&both.rhs)) {
                    let is_stage = stages.contains(&name.1.as_str());
                    let told = no_field(&name.1, &property.2, is_stage, gives.get(name.1.as_str()).copied().flatten());
                    faults.extend(told.map(|what| Fault::at(file, *at, what)));
                }
            }
            _ => {}
        }
        true
    });
    faults
}

/// What the tests of a file call their stage.
fn stages(ast: &AST) -> Vec<&str> {
    let tests = ast.iter_functions().filter(|function| function.name.starts_with(TEST));
    tests.filter_map(|function| function.params.first().copied()).collect()
}

/// What a value has that one word of the stage gives.
fn given_by(value: &Expr, stages: &[&str]) -> Option<Fields> {
    let Expr::Dot(both, ..) = value else { return None };
    let (Expr::Variable(name, ..), Expr::MethodCall(call, _)) = (&both.lhs, &both.rhs) else { return None };
    FIELDS.iter().copied().find(|(word, _)| *word == call.name && stages.contains(&name.1.as_str()))
}

/// Why a field is not there.
fn no_field(of: &str, field: &str, is_stage: bool, given: Option<Fields>) -> Option<String> {
    if is_stage {
        let near = near(field, sayings::words());
        let hint = near.map_or_else(String::new, |near| format!("; is {of}.{near}(…) meant?"));
        return Some(format!("a test has words and no `{field}`{hint}"));
    }
    let (word, fields) = given.filter(|(_, fields)| !fields.contains(&field))?;
    let hint = match near(field, fields.iter().copied()) {
        Some(near) => format!("is `{near}` meant?"),
        None => format!("it has {}", fields.join(", ")),
    };
    Some(format!("what {word} gives has no `{field}`; {hint}"))
}

/// The first link of a chain.
fn first_of(expr: &Expr) -> &Expr {
    match expr {
        Expr::Dot(both, ..) | Expr::Index(both, ..) => &both.lhs,
        other => other,
    }
}

/// A variable that is nowhere given a value: the first of a text.
fn undefined(engine: &mut Engine, file: &str, text: &str) -> Option<Fault> {
    engine.set_strict_variables(true);
    let told = engine.compile(text).err()?;
    match told.err_type() {
        ParseErrorType::VariableUndefined(name) => {
            let what =
                format!("nothing is called `{name}` here; a constant is read as global::{name}, a text has quotes");
            Some(Fault::at(file, told.position(), what))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        check("ivr_test.rhai", text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_of_tests_that_is_right_has_no_faults() {
        let text = "const WHO = \"alice\";\nfn calls(t) { t.phone(\"1\").dials(\"ivr\") }\nfn test_it(t) {\n  t.endpoint(global::WHO).answers(1.s());\n  \
                    let phone = calls(t);\n  phone.hears(\"welcome\", #{ within: 1.s() });\n  for n in 1..3 { t.advance(n.s()); }\n}";
        assert_eq!(told(text), [""; 0]);
    }

    #[test]
    fn what_would_never_run_or_is_unknown_is_told_where_it_stands() {
        assert_eq!(
            told("fn test_it() {\n}"),
            ["ivr_test.rhai:1:4: test_it takes 0 values, and a test takes one: write fn test_it(t)"]
        );
        assert_eq!(
            told("fn tst(t) {}"),
            ["ivr_test.rhai: it holds no test: a test is a function, as fn test_it_answers(t)"]
        );
        let unknown = told("fn test_it(t) {\n  t.fone(\"1\");\n  t.phone(who);\n}");
        assert_eq!(unknown.len(), 2, "{unknown:?}");
        assert_eq!(unknown[0], "ivr_test.rhai:2:5: no test knows the word `fone`; is `phone` meant?");
        assert!(unknown[1].starts_with("ivr_test.rhai:3:11: nothing is called `who` here"), "{unknown:?}");
        let fields = told(
            "fn test_it(t) {\n  let answer = t.web(\"GET\");\n  t.expect(answer.satus == 200, answer.body);\n  t.satus;\n}",
        );
        assert_eq!(
            fields,
            [
                "ivr_test.rhai:3:19: what web gives has no `satus`; is `status` meant?",
                "ivr_test.rhai:4:5: a test has words and no `satus`; is t.says(…) meant?",
            ]
        );
        let broken = told("fn test_it(t) {\n  t.phone(\"1\"\n}");
        assert!(broken.len() == 1 && broken[0].starts_with("ivr_test.rhai:3:1: "), "{broken:?}");
    }
}
