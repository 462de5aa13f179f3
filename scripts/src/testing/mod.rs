//! Tests of scripts, written in the language of scripts: `fn test_…(t)` in `*_test.rhai`, run by the simulator in virtual time.
//!
//! ```rhai
//! fn test_a_caller_who_presses_one_reaches_alice(t) {
//!     t.endpoint("alice").answers(3.s());
//!     let phone = t.phone("+33612345678").dials("100");
//!     phone.hears("main-menu").presses("1").talks_to("alice");
//! }
//! ```
//!
//! A test runs straight through, on no strand: whatever it waits for, the simulator lets happen inside the word that waits. Files
//! are read by whoever runs a suite; nothing here opens one.
//!
//! | file | what it knows |
//! |---|---|
//! | `words`, `phone`, `world`, `occasions` | what a test can say: `t`, a phone, the world outside, what services are asked |
//! | `failed`, `sayings` | where a test failed, and why; how its words are written |
//! | `read` | what is wrong with a file of tests before it is run |
//! | `suite` | which tests there are; runs them |
//! | `told` | a report for people, as JUnit, as JSON |
//! | `coverage` | which lines of the scripts ran |
//! | `made` | a past call as a test |
//! | `explore` | each test again, with callers who hang up and other orders |

#[cfg(test)]
mod bad_tests;
mod coverage;
#[cfg(test)]
mod endless_tests;
mod explore;
mod failed;
mod made;
mod occasions;
#[cfg(test)]
mod occasions_tests;
mod phone;
mod read;
#[cfg(test)]
mod rooms_tests;
mod sayings;
mod suite;
#[cfg(test)]
mod tests;
mod told;
mod words;
mod world;

pub use coverage::{Coverage, Lines};
pub use failed::Failed;
pub use made::{NotMade, test_of};
pub use read::check;
#[cfg(test)]
pub(crate) use suite::calls_of;
pub use suite::{Report, Source, Sources, Verdict, Wishes, run, shelf_of};
