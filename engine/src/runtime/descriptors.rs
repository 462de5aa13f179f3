//! How many sockets and files this process may have open.
//!
//! Systems start programs with a low limit that they may raise themselves. Running into it would hit whoever comes next,
//! be it a call or the database; so connections are limited below it.

/// Descriptors for everything that is no connection: the store, logs, name lookups, the web, listeners.
const RESERVE: usize = 512;

/// Raises the limit as far as allowed, and tells how many connections fit below it.
#[cfg(unix)]
pub(crate) fn connections(wanted: usize) -> usize {
    let fitting = raise().map_or(wanted, |limit| limit.saturating_sub(RESERVE).max(limit / 2));
    if fitting < wanted {
        tracing::warn!(wanted, fitting, "fewer connections than configured: raise the limit of open files (ulimit -n)");
    }
    fitting.min(wanted)
}

/// Nothing is known about the limit here.
#[cfg(not(unix))]
pub(crate) fn connections(wanted: usize) -> usize {
    wanted
}

/// Raises the limit to what the system allows and tells it; `None` when the system does not say. Whoever derives something
/// from it before the runtime starts raises it first.
#[cfg(unix)]
#[allow(unsafe_code, reason = "two system calls that std does not know")]
pub fn raise() -> Option<usize> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a whole `rlimit` that lives through the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return None;
    }
    let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
    // SAFETY: as above; the call only reads.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
        limit = raised;
    }
    usize::try_from(limit.rlim_cur).ok()
}

/// Nothing is known about the limit here.
#[cfg(not(unix))]
pub fn raise() -> Option<usize> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_and_leaves_room_for_everything_else() {
        let limit = raise().expect("this system tells");
        assert_eq!(raise(), Some(limit), "it was raised as far as it goes");
        assert_eq!(connections(1), 1);
        assert!(connections(usize::MAX) < limit);
    }
}
