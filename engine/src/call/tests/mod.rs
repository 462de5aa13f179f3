//! Sentences about a call, told by a program that says its steps one by one and by parties that do what a test says.

mod dialling;
mod ends;
mod story;
mod told;
mod transfers;
mod words;
