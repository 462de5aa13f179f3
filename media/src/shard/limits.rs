//! How many threads and ports a machine carries.
//!
//! Nothing is raised here: who starts the process raises the limit of descriptors first.

use rustix::process::{Resource, getrlimit};

use super::rank;

/// Descriptors left to everything that is no port: signalling, the store, logs, the web, files that are played or written.
pub const RESERVE: usize = 1024;

/// Sockets of a port: sound and reports.
const PER_PORT: usize = 2;

/// From here on two cores are left to the others; below, half of them.
const MANY_CORES: usize = 8;

/// The most ports that the limit of descriptors allows when `reserve` stay free; at least one.
#[must_use]
pub fn most_ports(reserve: usize) -> usize {
    let limit =
        getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    fitting(limit, reserve)
}

fn fitting(descriptors: usize, reserve: usize) -> usize {
    // A low limit is shared evenly.
    (descriptors.saturating_sub(reserve).max(descriptors / 2) / PER_PORT).max(1)
}

/// How many media threads suit this machine.
#[must_use]
pub fn threads() -> usize {
    suiting(rank::cores().map_or(1, |cores| cores.len()))
}

fn suiting(cores: usize) -> usize {
    if cores >= MANY_CORES { cores - 2 } else { (cores / 2).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_few_cores_and_all_but_two_of_many() {
        assert_eq!([1, 2, 4, 7, 8, 16].map(suiting), [1, 1, 2, 3, 6, 14]);
    }

    #[test]
    fn ports_leave_descriptors_for_everything_else() {
        assert_eq!(fitting(20_000, 1024), 9488);
        assert_eq!(fitting(1024, 1024), 256);
        assert_eq!(fitting(1, 1024), 1);
        assert!(most_ports(RESERVE) > 1);
    }
}
