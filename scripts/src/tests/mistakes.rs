//! What a script is told that fails in a call: what was met, where, and what to do about it, in the words of the house.
//! `mistakes.txt` has a mistake, and behind `=>` what is told.

use super::faults::{fault_of, says};

#[test]
fn each_fault_of_a_call_is_told_in_words_with_its_place_and_its_remedy() {
    let blocks = include_str!("mistakes.txt").split("\n\n").filter(|part| !part.trim().is_empty());
    let (mut wrong, mut count) = (Vec::new(), 0);
    for block in blocks {
        let (mistake, said) = block.trim_end().split_once("\n=> ").expect("a mistake, and what is said of it");
        let told = if mistake.contains("fn ") { fault_of(mistake) } else { says(mistake) };
        for leak in ["i64", "f64", "ImmutableString", "patchcord", "rhai::", "Dynamic"] {
            assert!(!told.contains(leak), "{told}");
        }
        count += 1;
        if told != said {
            wrong.push(format!("{mistake}\n=> {told}"));
        }
    }
    assert!(count > 50, "{count}");
    assert!(wrong.is_empty(), "{} of these are told otherwise:\n\n{}\n", wrong.len(), wrong.join("\n\n"));
}
