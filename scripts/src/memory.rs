//! What the scripts of a thread hold: the allocator counts, so that no way of growing is overlooked.
//!
//! Rhai bounds single texts, lists and maps, and not all of their ways to grow: what is put into a map by its index is not
//! counted, and a thousand texts of a quarter megabyte are each within their bound. So the bytes themselves are counted, for each
//! thread; a strand ([`crate::strand`]) is charged with what it has taken and not given back while it ran.
//!
//! The binary makes [`Weighed`] its global allocator. Where another one is, nothing is counted and nothing is refused.
#![allow(unsafe_code, reason = "GlobalAlloc cannot be implemented without it")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

thread_local! {
    /// Bytes that this thread has taken less those that it has given back. What is given back by another thread is missing on both.
    static HELD: Cell<isize> = const { Cell::new(0) };
    /// Where [`HELD`] has gone too far for whoever runs now.
    static CEILING: Cell<isize> = const { Cell::new(isize::MAX) };
}

/// An allocator that counts what each thread holds.
pub struct Weighed<A>(pub A);

// SAFETY: layouts and pointers go to the inner allocator as they came, so its contract is ours; counting neither allocates nor
// unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Weighed<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as for `alloc`.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the pointer came from the inner allocator with this layout.
        unsafe { self.0.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as for `dealloc`, and the caller keeps the contract of `realloc`.
        unsafe { self.0.realloc(pointer, layout, size) }
    }
}

fn count(bytes: isize) {
    // A thread that ends may have no counter any more.
    let _ended = HELD.try_with(|held| held.set(held.get().wrapping_add(bytes)));
}

/// Whoever runs now holds more than it may.
pub fn is_too_much() -> bool {
    HELD.get() > CEILING.get()
}

/// Runs a piece of somebody who holds so many bytes already and may hold so many; gives back what it holds then.
pub fn charged<T>(held: isize, most: usize, run: impl FnOnce() -> T) -> (T, isize) {
    let before = HELD.get();
    let room = isize::try_from(most).unwrap_or(isize::MAX).saturating_sub(held);
    let outer = CEILING.replace(before.saturating_add(room));
    let result = run();
    CEILING.set(outer);
    (result, held.saturating_add(HELD.get().wrapping_sub(before)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_runs_is_charged_with_what_is_kept_and_not_with_what_is_given_back() {
        let (kept, held) = charged(0, 10_000, || {
            drop(vec![1_u8; 5_000]);
            assert!(!is_too_much(), "it was given back");
            vec![0_u8; 4_000]
        });
        assert!((4_000..5_000).contains(&held), "{held}");
        let ((), held) = charged(held, 10_000, || {
            let more = vec![0_u8; 7_000];
            assert!(is_too_much(), "with what it held before");
            drop((kept, more));
            assert!(!is_too_much());
        });
        assert!((-500..500).contains(&held), "{held}");
    }

    #[test]
    fn what_runs_inside_has_a_ceiling_of_its_own() {
        charged(0, 1_000, || {
            let ((), _) = charged(0, 100_000, || {
                let kept = vec![0_u8; 50_000];
                assert!(!is_too_much());
                drop(kept);
            });
            assert!(!is_too_much());
        });
    }
}
