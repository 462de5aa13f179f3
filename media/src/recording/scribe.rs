//! A room's ledger on its way to the disk.
//!
//! A media thread holds a [`Scribe`] and hands it twice a second what the mixer noted; a thread of the scribe's own writes it
//! behind what it has. The buffers go to and fro and are never more: while the disk is behind, the mixer keeps what it notes,
//! up to a limit, and beyond that the ledger is given up. A ledger with a hole is none, so it ends there and says so.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use crate::mixer::Mixer;

/// Buffers between the media thread and the disk.
const BUFFERS: usize = 4;
/// Rounds between two of them: half a second.
const EVERY: u32 = 25;

/// What came of a ledger.
#[derive(Debug)]
pub enum Ledgered {
    /// It is whole, and has so many bytes.
    Whole(u64),
    /// It ends before its room did: the disk was too slow for too long, or the room had members already.
    Short(u64),
    /// It has as many bytes as it may have, and ends before its room.
    Full(u64),
    /// The disk refused it after so many bytes.
    Unwritable(u64, io::Error),
}

/// Is told what came of it, on the scribe's thread.
pub type LedgerTold = Box<dyn FnOnce(Ledgered) + Send>;

enum Piece {
    Part(Vec<u8>),
    Last(Vec<u8>),
}

/// See the file. Dropping it without its last piece ends the ledger as one that is cut short.
pub struct Scribe {
    full: SyncSender<Piece>,
    empty: Receiver<Vec<u8>>,
    rounds: u32,
}

impl Scribe {
    /// Makes the file, which is nobody's but ours and not there yet, on a thread of its own: nobody waits for a disk. It has at
    /// most so many bytes.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn keep(path: PathBuf, most: u64, told: LedgerTold) -> io::Result<Self> {
        // And one place for the last, which waits for nobody.
        let (full, coming) = sync_channel(BUFFERS + 1);
        let (back, empty) = sync_channel(BUFFERS);
        for _ in 0..BUFFERS {
            // There are as many places as buffers.
            let _ = back.try_send(Vec::new());
        }
        let thread = std::thread::Builder::new().name("ledger".into());
        thread.spawn(move || told(write(&path, most, &coming, &back)))?;
        Ok(Self { full, empty, rounds: 0 })
    }

    /// A round is over. False when the ledger is given up.
    pub(crate) fn round(&mut self, mixer: &mut Mixer) -> bool {
        self.rounds += 1;
        if self.rounds < EVERY {
            return true;
        }
        match self.empty.try_recv() {
            Ok(buffer) => self.hand(buffer, mixer, Piece::Part),
            // The disk is behind: later.
            Err(TryRecvError::Empty) => true,
            Err(TryRecvError::Disconnected) => false,
        }
    }

    /// The room is over.
    pub(crate) fn end(mut self, mixer: &mut Mixer) {
        let buffer = self.empty.try_recv().unwrap_or_default();
        self.hand(buffer, mixer, Piece::Last);
    }

    fn hand(&mut self, mut buffer: Vec<u8>, mixer: &mut Mixer, piece: fn(Vec<u8>) -> Piece) -> bool {
        self.rounds = 0;
        buffer.clear();
        mixer.fetch_ledger(&mut buffer) && self.full.try_send(piece(buffer)).is_ok()
    }
}

fn open(path: &Path) -> io::Result<File> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn write(path: &Path, most: u64, coming: &Receiver<Piece>, back: &SyncSender<Vec<u8>>) -> Ledgered {
    let mut file = match open(path) {
        Ok(file) => file,
        Err(error) => return Ledgered::Unwritable(0, error),
    };
    let mut written = 0;
    while let Ok(piece) = coming.recv() {
        let is_last = matches!(piece, Piece::Last(_));
        let (Piece::Part(bytes) | Piece::Last(bytes)) = piece;
        if written + bytes.len() as u64 > most {
            return Ledgered::Full(written);
        }
        if let Err(error) = file.write_all(&bytes) {
            return Ledgered::Unwritable(written, error);
        }
        written += bytes.len() as u64;
        if is_last {
            return Ledgered::Whole(written);
        }
        // Whoever took it back may have gone.
        let _ = back.try_send(bytes);
    }
    Ledgered::Short(written)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;
    use crate::frame::Rate;
    use crate::mixer::{Rules, replay};

    const PATIENCE: Duration = Duration::from_secs(20);
    const MOST: u64 = 1 << 20;

    fn scribe(path: &Path) -> (Scribe, Receiver<Ledgered>) {
        let (told, outcome) = channel();
        let told = Box::new(move |ledgered| told.send(ledgered).expect("somebody waits"));
        (Scribe::keep(path.to_owned(), MOST, told).expect("a scribe"), outcome)
    }

    fn speak(mixer: &mut Mixer, scribe: &mut Scribe, seat: crate::mixer::Seat) -> bool {
        mixer.hear(seat, &[5000; 160]);
        mixer.mix();
        mixer.shared(&mut Vec::new());
        mixer.clear();
        scribe.round(mixer)
    }

    #[test]
    fn a_ledger_is_whole_when_its_room_is_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("room.ledger");
        let (mut scribe, outcome) = scribe(&path);
        let mut mixer = Mixer::new(Rate::Narrow, Rules::default());
        assert!(mixer.keep_ledger());
        let seats = [1, 2].map(|who| {
            let seat = mixer.enter().expect("room");
            mixer.name(seat, who);
            seat
        });
        (0..130).for_each(|_| assert!(speak(&mut mixer, &mut scribe, seats[0])));
        scribe.end(&mut mixer);
        let told = outcome.recv_timeout(PATIENCE).expect("the end is told");
        let bytes = std::fs::read(&path).expect("a file");
        assert!(matches!(told, Ledgered::Whole(length) if length == bytes.len() as u64), "{told:?}");
        let (mut rounds, mut loud) = (0, 0);
        let read = replay(&*bytes, 2, |_, _, sound| {
            rounds += 1;
            loud += usize::from(sound[159] == 5000);
            ControlFlow::Continue(())
        });
        assert_eq!((read, rounds), (Ok(()), 130));
        assert!(loud > 125, "{loud} rounds of her voice");
    }

    #[test]
    fn a_room_that_dies_leaves_what_was_written_and_one_that_had_members_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut dying, outcome) = scribe(&folder.path().join("dying.ledger"));
        let mut mixer = Mixer::new(Rate::Narrow, Rules::default());
        assert!(mixer.keep_ledger());
        let seat = mixer.enter().expect("room");
        (0..30).for_each(|_| assert!(speak(&mut mixer, &mut dying, seat)));
        drop(dying);
        let told = outcome.recv_timeout(PATIENCE).expect("the end is told");
        assert!(matches!(told, Ledgered::Short(length) if length > 25 * 320), "{told:?}");

        let (mut late, outcome) = scribe(&folder.path().join("late.ledger"));
        let mut mixer = Mixer::new(Rate::Narrow, Rules::default());
        let seat = mixer.enter().expect("room");
        assert!(!mixer.keep_ledger());
        let went = (0..30).take_while(|_| speak(&mut mixer, &mut late, seat)).count();
        assert!(went < 30, "it is given up");
        drop(late);
        assert!(matches!(outcome.recv_timeout(PATIENCE), Ok(Ledgered::Short(0))));
    }

    #[test]
    fn no_ledger_is_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("room.ledger");
        std::fs::write(&path, "mine").expect("a file");
        let (scribe, outcome) = scribe(&path);
        let told = outcome.recv_timeout(PATIENCE).expect("the end is told");
        assert!(matches!(told, Ledgered::Unwritable(0, _)), "{told:?}");
        drop(scribe);
        assert_eq!(std::fs::read(&path).expect("a file"), b"mine");
    }

    #[test]
    fn a_ledger_that_is_as_long_as_it_may_be_ends_behind_an_entry() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("day/long.ledger");
        let (full, coming) = sync_channel(3);
        let (back, _empty) = sync_channel(3);
        let mut mixer = Mixer::new(Rate::Narrow, Rules::default());
        assert!(mixer.keep_ledger());
        let seat = mixer.enter().expect("room");
        for _ in 0..3 {
            let mut bytes = Vec::new();
            mixer.hear(seat, &[5000; 160]);
            mixer.clear();
            assert!(mixer.fetch_ledger(&mut bytes));
            full.send(Piece::Part(bytes)).expect("there is room");
        }
        let told = write(&path, 900, &coming, &back);
        let written = std::fs::read(&path).expect("a file");
        assert!(matches!(told, Ledgered::Full(length) if length == written.len() as u64), "{told:?}");
        assert!((600..=900).contains(&written.len()), "two rounds: {} bytes", written.len());
        assert_eq!(replay(&*written, 1, |_, _, _| ControlFlow::Continue(())), Ok(()));
    }
}
