//! A strand of a script, and what it waits for.

use patchcord_engine::program::VerbId;
use rhai::{Dynamic, EvalAltResult};

use crate::scene::Paused;
use crate::strand::Strand;

/// How a function ended.
pub(crate) type Ended = Result<Dynamic, Box<EvalAltResult>>;

/// See the module.
pub(crate) struct Running {
    pub strand: Strand<Ended>,
    pub waits: Option<VerbId>,
    pub paused: Paused,
    /// A side handler whose story is over: nobody is there to be spoken to any more.
    pub is_left: bool,
    /// It is told that a leg has gone: what it does is for nobody who could be there.
    pub is_bye: bool,
}

impl Running {
    /// One that has not begun. What begins behind the story speaks to nobody either; `on_bye` asks who has gone.
    pub fn new(strand: Strand<Ended>, is_bye: bool, behind_the_story: bool) -> Self {
        Self { strand, waits: None, paused: Paused::default(), is_left: behind_the_story && !is_bye, is_bye }
    }
}
