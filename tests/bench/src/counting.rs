//! An allocator that counts, so that "nothing allocates per header" is a figure and not a hope.
//!
//! The only unsafe code of the bench: every call is handed to the system's allocator unchanged.
#![allow(unsafe_code, reason = "GlobalAlloc cannot be implemented without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

/// Counts allocations and their bytes. To be made `#[global_allocator]` by the binary that measures.
pub struct Counting;

// SAFETY: the layout and pointer go to `System` as they came, so its contract is ours.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        FREED.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the pointer came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        FREED.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: as for `dealloc`, and the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count(size: usize) {
    COUNT.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(size as u64, Ordering::Relaxed);
}

/// Allocations so far.
pub fn count_of_allocations() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// Allocations and allocated bytes that `work` makes.
pub fn allocations<T>(work: impl FnOnce() -> T) -> (u64, u64, T) {
    let before = (COUNT.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
    let result = work();
    (COUNT.load(Ordering::Relaxed) - before.0, BYTES.load(Ordering::Relaxed) - before.1, result)
}

/// Bytes that are allocated now.
pub fn live() -> u64 {
    BYTES.load(Ordering::Relaxed).saturating_sub(FREED.load(Ordering::Relaxed))
}

/// Threads that are counted apart; those that come later are not counted.
const MOST_THREADS: usize = 256;

/// The number of the system and the allocations of each thread, in the order in which they allocated first.
static THREADS: [(AtomicU64, AtomicU64); MOST_THREADS] =
    [const { (AtomicU64::new(0), AtomicU64::new(0)) }; MOST_THREADS];
static KNOWN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Where this thread is counted.
    static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Counts the allocations of each thread by itself, so that one can be watched while others work as they like.
pub struct CountingThreads;

// SAFETY: the layout and pointer go to `System` as they came, so its contract is ours. What is counted allocates nothing.
unsafe impl GlobalAlloc for CountingThreads {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_here();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_here();
        // SAFETY: as for `dealloc`, and the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count_here() {
    // A thread that is ending has no place any more.
    let place = PLACE.try_with(|place| {
        if place.get() == usize::MAX {
            let new = KNOWN.fetch_add(1, Ordering::Relaxed);
            place.set(new);
            if let Some((number, _)) = THREADS.get(new) {
                let own = rustix::thread::gettid().as_raw_nonzero().get();
                number.store(own.unsigned_abs().into(), Ordering::Relaxed);
            }
        }
        place.get()
    });
    if let Some((_, count)) = place.ok().and_then(|place| THREADS.get(place)) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// The allocations so far of a thread by the number that the system gave it.
pub fn count_of_thread(number: u64) -> u64 {
    let known = THREADS.iter().find(|(known, _)| known.load(Ordering::Relaxed) == number);
    known.map_or(0, |(_, count)| count.load(Ordering::Relaxed))
}
