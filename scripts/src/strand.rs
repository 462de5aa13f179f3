//! A strand: one run of a script's function on a stack of its own, which stops inside a verb and goes on with what came of it.
//!
//! ```text
//! resume(Answer) ─▶ the script runs ─▶ ask(Ask) ─▶ Turn::Asks        … until Turn::Ends
//! ```
//!
//! What is unsafe here is the pointer by which a host function, called by Rhai, finds the strand that it runs on. A strand never leaves the thread that made it. Stacks are pooled: one that is given back keeps what a simple script uses
//! and returns the rest to the system.

use std::cell::{Cell, RefCell};
use std::io;
use std::ptr;

use corosensei::stack::{DefaultStack, Stack};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use patchcord_engine::call::{Outcome, Verb};

use crate::memory;

/// Reserved for one strand. It is address space: what a script uses of it is resident, and what it does not use costs nothing. The
/// deepest recursion that the limits allow takes three fifths of it in release, a tenth in debug, where less deep expressions parse
/// (see the test).
const RESERVED: usize = if cfg!(debug_assertions) { 16 << 20 } else { 3 << 20 };

/// Stacks that a thread keeps for its next calls: a second of a busy shard.
const POOLED: usize = 256;

/// What a pooled stack keeps resident: what a menu uses.
const KEPT: usize = 32 << 10;

/// What a script wants when it stops.
#[derive(Debug)]
pub enum Ask {
    /// To have this done, and to hear what came of it.
    Verb(Verb),
    /// To go on when others have had their turn.
    Breath,
}

/// Why a script goes on.
#[derive(Debug)]
pub enum Answer {
    /// It begins, or others have had their turn.
    Go,
    /// What came of its verb.
    Outcome(Outcome),
    /// It is to be unwound: nothing that it wants is done any more.
    Unwind,
}

/// What a strand does when it stops.
#[derive(Debug)]
pub enum Turn<T> {
    /// It wants something.
    Asks(Ask),
    /// It has come to its end.
    Ends(T),
}

type Pause = Yielder<Answer, Ask>;

thread_local! {
    /// Where the strand that runs on this thread stops; null between strands.
    static PAUSE: Cell<*const Pause> = const { Cell::new(ptr::null()) };
    static POOL: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

/// Stops the running strand until it is resumed.
///
/// # Panics
/// Outside of a strand.
pub fn ask(what: Ask) -> Answer {
    let pause = PAUSE.get();
    assert!(!pause.is_null(), "whatever asks runs on a strand");
    // SAFETY: `pause` lives on the stack of the running strand, below this frame, and was set by `Strand::begin` on this very
    // thread. A strand never leaves its thread, and the pointer is put back each time another strand may have run.
    #[allow(unsafe_code, reason = "see above")]
    let answer = unsafe { (*pause).suspend(what) };
    PAUSE.set(pause);
    answer
}

/// Whether a strand runs on this thread.
pub fn is_running() -> bool {
    !PAUSE.get().is_null()
}

/// One run of a function.
pub struct Strand<T: 'static> {
    run: Option<Coroutine<Answer, Ask, T, DefaultStack>>,
    /// Bytes that it has taken and not given back, and how many there may be.
    held: isize,
    most: usize,
}

impl<T: 'static> Strand<T> {
    /// A strand that runs this when it is first resumed, and may hold so many bytes ([`memory::is_too_much`] says when it holds more).
    ///
    /// # Errors
    /// When the system has no room for another stack.
    pub fn begin(most: usize, run: impl FnOnce() -> T + 'static) -> io::Result<Self> {
        let pooled = POOL.with_borrow_mut(Vec::pop);
        let stack = pooled.map_or_else(|| DefaultStack::new(RESERVED), Ok)?;
        let body = move |pause: &Pause, _: Answer| {
            PAUSE.set(pause);
            run()
        };
        Ok(Self { run: Some(Coroutine::with_stack(stack, body)), held: 0, most })
    }

    /// Goes on until it wants something or ends. After its end it must not be resumed.
    pub fn resume(&mut self, answer: Answer) -> Turn<T> {
        let strand = self.run.as_mut().expect("a strand that has ended is not resumed");
        let outer = PAUSE.replace(ptr::null());
        let (result, held) = memory::charged(self.held, self.most, || strand.resume(answer));
        self.held = held;
        PAUSE.set(outer);
        match result {
            CoroutineResult::Yield(ask) => Turn::Asks(ask),
            CoroutineResult::Return(end) => {
                self.run.take().into_iter().for_each(|strand| give_back(strand.into_stack()));
                Turn::Ends(end)
            }
        }
    }
}

impl<T: 'static> Drop for Strand<T> {
    fn drop(&mut self) {
        if let Some(mut strand) = self.run.take() {
            let outer = PAUSE.replace(ptr::null());
            if !strand.done() {
                strand.force_unwind();
            }
            PAUSE.set(outer);
            give_back(strand.into_stack());
        }
    }
}

fn give_back(stack: DefaultStack) {
    #[cfg(test)]
    measured::look(&stack);
    // A thread that ends keeps no stacks.
    let _ended = POOL.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.len() < POOLED {
            shrink(&stack);
            pool.push(stack);
        }
    });
}

/// Gives what lies deeper than usual back to the system.
fn shrink(stack: &DefaultStack) {
    let page = rustix::param::page_size();
    // The lowest page is the guard.
    let (low, high) = (stack.limit().get() + page, stack.base().get() - KEPT);
    let (low, high) = (low.next_multiple_of(page), high / page * page);
    // SAFETY: the range lies within the mapping of a stack that nobody runs on, above its guard page; its contents are not
    // needed any more, and it reads as zeros when the next strand comes there.
    #[allow(unsafe_code, reason = "see above")]
    let given = unsafe { rustix::mm::madvise(low as *mut _, high - low, rustix::mm::Advice::LinuxDontNeed) };
    if let Err(error) = given {
        tracing::debug!(%error, "a stack keeps its memory");
    }
}

/// How deep strands go, for the test that says how much of a stack the worst script needs.
#[cfg(test)]
pub mod measured {
    use super::*;

    thread_local! {
        /// The deepest of this thread, in bytes, where somebody asks.
        static DEEPEST: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// Runs something, and tells how many bytes of its stack a strand has used in it at most, and how many there are.
    pub fn deepest(run: impl FnOnce()) -> (usize, usize) {
        DEEPEST.set(Some(0));
        run();
        (DEEPEST.take().unwrap_or_default(), RESERVED)
    }

    /// What is not zero was written to: a stack comes as zeros, and is given back so below what is kept.
    pub(super) fn look(stack: &DefaultStack) {
        let Some(before) = DEEPEST.get() else { return };
        let (low, high) = (stack.limit().get() + rustix::param::page_size(), stack.base().get());
        // SAFETY: the range is the mapping of a stack that nobody runs on, without its guard page, and is only read.
        #[allow(unsafe_code, reason = "see above")]
        let bytes = unsafe { std::slice::from_raw_parts(low as *const u8, high - low) };
        let untouched = bytes.iter().take_while(|byte| **byte == 0).count();
        DEEPEST.set(Some(before.max(bytes.len() - untouched)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchcord_engine::call::LegId;

    #[test]
    fn two_strands_take_turns_and_each_hears_its_own_answers() {
        let begin = |leg: u32| {
            Strand::begin(usize::MAX, move || {
                let first = ask(Ask::Verb(Verb::Answer(LegId(leg))));
                ask(Ask::Breath);
                matches!(first, Answer::Go)
            })
            .expect("a stack")
        };
        let (mut one, mut two) = (begin(1), begin(2));
        assert!(matches!(one.resume(Answer::Go), Turn::Asks(Ask::Verb(Verb::Answer(LegId(1))))));
        assert!(matches!(two.resume(Answer::Go), Turn::Asks(Ask::Verb(Verb::Answer(LegId(2))))));
        assert!(matches!(one.resume(Answer::Go), Turn::Asks(Ask::Breath)));
        assert!(matches!(two.resume(Answer::Unwind), Turn::Asks(Ask::Breath)));
        assert!(matches!(two.resume(Answer::Go), Turn::Ends(false)));
        assert!(matches!(one.resume(Answer::Go), Turn::Ends(true)));
    }

    #[test]
    fn a_strand_that_is_dropped_in_the_middle_drops_what_it_holds() {
        let held = std::rc::Rc::new(());
        let there = held.clone();
        let mut strand = Strand::begin(usize::MAX, move || {
            let _kept = there;
            ask(Ask::Breath);
        })
        .expect("a stack");
        strand.resume(Answer::Go);
        drop(strand);
        assert_eq!(std::rc::Rc::strong_count(&held), 1);
    }

    #[test]
    fn a_strand_may_run_another_one() {
        let mut outer = Strand::begin(usize::MAX, || {
            let mut inner = Strand::begin(usize::MAX, || ask(Ask::Breath)).expect("a stack");
            assert!(matches!(inner.resume(Answer::Go), Turn::Asks(Ask::Breath)));
            ask(Ask::Breath);
            matches!(inner.resume(Answer::Unwind), Turn::Ends(Answer::Unwind))
        })
        .expect("a stack");
        assert!(matches!(outer.resume(Answer::Go), Turn::Asks(Ask::Breath)));
        assert!(matches!(outer.resume(Answer::Go), Turn::Ends(true)));
        assert!(!is_running());
    }
}
