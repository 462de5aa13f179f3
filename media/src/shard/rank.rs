//! Where a media thread runs and before whom: one core of its own, and ahead of everything that can wait.
//!
//! Both are asked for and may be refused (a container, a user without the right); the thread then runs like any other.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Low among the real-time ranks: ahead of every ordinary thread, behind whatever the system put above.
const PRIORITY: i32 = 10;

/// The cores that this process may use.
///
/// # Errors
/// When the system does not say.
pub fn cores() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
}

/// Binds the calling thread to one core.
///
/// # Errors
/// When the system refuses.
pub fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// Lets the calling thread run ahead of all ordinary ones (`SCHED_FIFO`).
///
/// # Errors
/// When the system refuses, as it does without the right `CAP_SYS_NICE` or a limit `RLIMIT_RTPRIO`.
#[allow(unsafe_code, reason = "one system call that neither std nor rustix knows")]
pub fn go_ahead() -> io::Result<()> {
    let rank = libc::sched_param { sched_priority: PRIORITY };
    // Threads and processes started from here are ordinary again.
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the pointer is to a whole `sched_param` that lives through the call; 0 is the calling thread.
    if unsafe { libc::sched_setscheduler(0, policy, &raw const rank) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Lets the calling thread run like any other again: who computes at length must not do so ahead of others.
///
/// # Errors
/// When the system refuses.
#[allow(unsafe_code, reason = "one system call that neither std nor rustix knows")]
pub fn fall_back() -> io::Result<()> {
    let rank = libc::sched_param { sched_priority: 0 };
    // SAFETY: the pointer is to a whole `sched_param` that lives through the call; 0 is the calling thread.
    if unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const rank) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_runs_where_it_was_pinned() {
        let core = *cores().expect("this system tells").last().expect("a core to run on");
        std::thread::spawn(move || {
            pin(core).expect("a core of ours");
            assert_eq!(cores().expect("this system tells"), [core]);
        })
        .join()
        .expect("a thread that ended well");
    }
}
