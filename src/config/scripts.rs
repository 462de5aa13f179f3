//! What `[limits]` says of scripts: how much one may compute, hold and hand on.
//!
//! Whatever is not written there is as [`Limits::default`] has it. Depths can only be made smaller: stacks are as deep as those need.

use std::{ops::RangeInclusive, time::Duration};

use patchcord_scripts::{Limits, Shelf, shipped};

use super::{problem::Wrong, section::Section};

/// Fewest and most operations between two words: a short menu, and minutes of a core.
const OPERATIONS: RangeInclusive<usize> = 10_000..=10_000_000_000;

/// Bytes that one run of a function may hold: less, and no answer of a web server can be read; more, and a few calls are the machine.
const MEMORY: RangeInclusive<usize> = 1 << 20..=1 << 30;

/// The longest text and the largest file, in bytes.
const BYTES: RangeInclusive<usize> = 1 << 10..=16 << 20;

/// Values of the longest list and the largest map.
const VALUES: RangeInclusive<usize> = 16..=1_000_000;

/// Variables, functions, and what waits for a handler.
const NAMES: RangeInclusive<usize> = 16..=4_096;

/// Modules of a service: none is an answer, too.
const MODULES: RangeInclusive<usize> = 0..=256;

/// Reads what concerns scripts.
pub fn limits(section: &mut Section<'_>) -> Limits {
    let default = Limits::default();
    let sleep = section.take_duration(Limits::SLEEP, Duration::from_secs(1)..=default.sleep).unwrap_or(default.sleep);
    let place = section.place().clone();
    let mut number = |key, range, default| section.take_number(key, range).unwrap_or(default);
    let limits = Limits {
        operations: number(Limits::OPERATIONS, OPERATIONS, default.operations as usize) as u64,
        levels: number(Limits::LEVELS, 4..=default.levels, default.levels),
        depth: number(Limits::DEPTH, 16..=default.depth, default.depth),
        text: number(Limits::TEXT, BYTES, default.text),
        list: number(Limits::LIST, VALUES, default.list),
        map: number(Limits::MAP, VALUES, default.map),
        memory: number(Limits::MEMORY, MEMORY, default.memory),
        variables: number(Limits::VARIABLES, NAMES, default.variables),
        functions: number(Limits::FUNCTIONS, NAMES, default.functions),
        modules: number(Limits::MODULES, MODULES, default.modules),
        file: number(Limits::FILE, BYTES, default.file),
        waiting: number(Limits::WAITING, NAMES, default.waiting),
        sleep,
        ..default
    };
    if limits.text > limits.memory {
        let reason = format!("{} is more than {} lets a script hold, {}", limits.text, Limits::MEMORY, limits.memory);
        let remedy = format!("write a smaller one, or more {}", Limits::MEMORY);
        section.object(&place, Limits::TEXT, Wrong::new(reason, remedy));
    }
    if limits != default {
        let shelf = Shelf::new(limits.clone());
        let texts = shipped::services().filter_map(|name| Some((name, shipped::service(name)?)));
        for (name, text) in texts {
            if let Err(why) = shelf.publish(name, &format!("{name}.rhai"), text) {
                let reason =
                    format!("within it the service {name}, which comes with the house, cannot be served: {why}");
                section.object(&place, "script_*", Wrong::new(reason, "allow more"));
            }
        }
    }
    limits
}
