//! Which processes have a file locked, as the system tells it: so that whoever is kept out knows whom to ask.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// Processes that are named: more say nothing more.
const MOST: usize = 4;

/// Those that hold a lock on one of the files of that SQLite database, as `sqlite3 (process 4711)`. What the system does not tell is left out.
pub fn of(database: &Path) -> Vec<String> {
    let beside = |ending: &str| {
        let mut path = database.as_os_str().to_owned();
        path.push(ending);
        path
    };
    // In its usual mode SQLite locks the file with the index, and not the one with the data.
    let files = ["", "-shm", "-wal"].map(|ending| fs::metadata(beside(ending)).ok().map(|found| found.ino()));
    let inodes: Vec<u64> = files.into_iter().flatten().collect();
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let mut holders = locks_on(&locks, &inodes);
    holders.retain(|process| *process != std::process::id());
    holders.truncate(MOST);
    let named = |process: u32| match fs::read_to_string(format!("/proc/{process}/comm")) {
        Ok(name) => format!("{} (process {process})", name.trim()),
        Err(_) => format!("process {process}"),
    };
    holders.into_iter().map(named).collect()
}

/// The processes behind lines such as `1: POSIX  ADVISORY  WRITE 4711 fd:01:262 1073741826 1073742335`.
fn locks_on(locks: &str, inodes: &[u64]) -> Vec<u32> {
    let mut found = Vec::new();
    for line in locks.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, _, process, file, ..] = words[..] else { continue };
        let inode = file.rsplit(':').next().and_then(|inode| inode.parse().ok());
        if let (Ok(process), Some(inode)) = (process.parse(), inode)
            && inodes.contains(&inode)
            && !found.contains(&process)
        {
            found.push(process);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_a_lock_and_who_has_another_file_is_not_told() {
        let locks = "1: POSIX  ADVISORY  WRITE 4711 fd:01:262 1073741826 1073742335\n\
                     1: -> POSIX  ADVISORY  READ 4712 fd:01:262 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 4713 fd:01:263 0 EOF\n\
                     3: POSIX  ADVISORY  READ 4711 fd:01:262 124 124\n\
                     4: POSIX  ADVISORY  READ -1 fd:01:262 124 124\n\
                     half a line\n";
        assert_eq!(locks_on(locks, &[262]), [4711]);
        assert_eq!(locks_on(locks, &[262, 263]), [4711, 4713]);
        assert_eq!(locks_on(locks, &[]), [0; 0]);
    }
}
