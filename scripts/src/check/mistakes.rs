//! Mistakes that beginners make, each with what is said of it: `mistakes.txt` has a mistake, and behind `=>` what is told.

use super::check;

/// A text, or what stands in its story from the second line on; and what is said.
fn table(text: &str) -> Vec<(String, String)> {
    let block = |block: &str| {
        let (told, said): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| line.starts_with("=> "));
        let told: Vec<&str> = told.into_iter().map(|line| &line[3..]).collect();
        (said.join("\n"), told.join("\n"))
    };
    text.split("\n\n").filter(|part| !part.trim().is_empty()).map(block).collect()
}

fn told(mistake: &str) -> String {
    let has = |name: &str| ["welcome", "menu"].contains(&name);
    let is_whole = mistake.contains("fn ");
    let story = || format!("fn on_invite(caller) {{\n  {mistake}\n}}");
    let faults = check("a.rhai", &if is_whole { mistake.to_owned() } else { story() }, &has);
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_mistake_of_a_beginner_is_told_where_it_is_and_what_to_do_about_it() {
    let table = table(include_str!("mistakes.txt"));
    assert!(table.len() > 100, "{}", table.len());
    let wrong: Vec<String> = table
        .iter()
        .map(|(mistake, said)| (mistake, said, told(mistake)))
        .filter(|(_, said, told)| *said != told)
        .map(|(mistake, _, told)| format!("{mistake}\n=> {}", told.replace('\n', "\n=> ")))
        .collect();
    assert!(wrong.is_empty(), "{} of these are told otherwise:\n\n{}\n", wrong.len(), wrong.join("\n\n"));
}
