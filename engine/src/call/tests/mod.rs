//! Sentences about a call, told by a program that says its steps one by one and by parties that do what a test says.

mod dialling;
mod ends;
mod notices;
mod served;
mod story;
pub(super) mod told;
mod transfers;
pub(super) mod words;
