//! What is told of calls that the house begins.

use super::{tests::says, *};
use crate::journal::{LegBegan, Party, What, testing::*};

#[test]
fn whom_the_house_has_called_is_told_by_who_answered() {
    let first = |by: LegNumber| LegBegan { leg: by, parent: None, ..began_leg(BOB) };
    let second = LegBegan { account: Account::Endpoint("alice".into()), to: Party::new("alice"), ..began_leg(BOB) };
    let second = LegBegan { leg: LegNumber(2), parent: Some(ALICE), ..second };
    let tale = |end: What| {
        vec![
            (0, What::LegBegan(Box::new(first(ALICE)))),
            (1, What::Rang(ALICE)),
            (3, What::Answered(ALICE)),
            (3, What::LegBegan(Box::new(second.clone()))),
            (5, What::Answered(LegNumber(2))),
            (5, What::Bridged(ALICE, LegNumber(2))),
            (9, end),
        ]
    };
    assert_eq!(
        says(tale(over(ALICE, Cause::normal(By::Caller))), 9, None),
        "the server called 102; Bob's phone rang 2 s and answered; Alice's phone answered; they talked 4 s; Bob hung up."
    );
    let gave_up = vec![
        (0, What::LegBegan(Box::new(first(ALICE)))),
        (1, What::Rang(ALICE)),
        (9, over(ALICE, Cause::normal(By::System))),
    ];
    assert!(says(gave_up, 9, Some(Outcome::Cancelled)).ends_with("the server gave up after 9 s."));
}
