//! Where a media thread throws what it no longer needs: sockets, buffers, sounds, coders.
//!
//! Closing a socket and freeing memory take their time, and a lock. A thread of its own does both. It is woken once for all that was
//! thrown away in a frame ([`Waste::rouse`]), or when much lies there. When the ring is full the media thread does it itself:
//! late is better than never.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};

use super::order::PortId;
use super::ring::Ring;

/// Things that may wait to be dropped; a burst of hang-ups.
const ROOM: usize = 8192;

/// What can be thrown away.
pub(crate) enum Thing {
    /// Anything that is only to be dropped.
    Anything(Box<dyn Send>),
    /// A port that is closed: its number can be given again.
    Port(Box<dyn Send>, PortId),
    /// The last thing.
    Nothing,
}

struct Bin {
    ring: Ring<Thing>,
    /// Told of each port that is gone.
    closed: Box<dyn Fn(PortId) + Send + Sync>,
}

impl Bin {
    /// Drops it; false for the last thing.
    fn empty(&self, thing: Thing) -> bool {
        match thing {
            Thing::Anything(thing) => drop(thing),
            Thing::Port(port, id) => {
                drop(port);
                (self.closed)(id);
            }
            Thing::Nothing => return false,
        }
        true
    }

    fn run(&self) {
        loop {
            let waited = poll(&mut [PollFd::from_borrowed_fd(self.ring.bell().as_fd(), PollFlags::IN)], None);
            if let Err(error) = waited
                && error != rustix::io::Errno::INTR
            {
                tracing::error!(%error, "the thread that frees what media threads throw away cannot wait and ends");
                return;
            }
            self.ring.bell().hush();
            while let Some(thing) = self.ring.pop() {
                if !self.empty(thing) {
                    return;
                }
            }
        }
    }
}

/// The way to the thread that drops.
#[derive(Clone)]
pub(crate) struct Waste(Arc<Bin>);

impl Waste {
    /// Throws something away. It lies there until the thread is roused.
    pub fn throw(&self, thing: Thing) {
        if let Err(thing) = self.0.ring.leave(thing) {
            self.0.empty(thing);
        }
    }

    /// Has the thread drop what lies there, if anything does.
    pub fn rouse(&self) {
        self.0.ring.rouse();
    }

    /// Ends the thread when it has dropped everything.
    pub fn finish(&self) {
        self.throw(Thing::Nothing);
        self.rouse();
    }
}

/// Starts the thread that drops; `closed` is told of each port that is gone.
///
/// # Errors
/// When the system gives no descriptor or no thread.
pub(crate) fn start(closed: Box<dyn Fn(PortId) + Send + Sync>) -> io::Result<(Waste, JoinHandle<()>)> {
    let bin = Arc::new(Bin { ring: Ring::new(ROOM)?, closed });
    let waste = Waste(Arc::clone(&bin));
    let thread = std::thread::Builder::new().name("media-waste".into()).spawn(move || bin.run())?;
    Ok((waste, thread))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn what_is_thrown_away_is_dropped_elsewhere_and_a_port_is_told() {
        struct Told(std::sync::mpsc::Sender<std::thread::ThreadId>);
        impl Drop for Told {
            fn drop(&mut self) {
                let _ = self.0.send(std::thread::current().id());
            }
        }
        let (dropped, where_dropped) = channel();
        let (closed, which_closed) = channel();
        let (waste, thread) =
            start(Box::new(move |port| closed.send(port).expect("somebody waits"))).expect("a thread");
        waste.throw(Thing::Port(Box::new(Told(dropped)), PortId(7)));
        waste.rouse();
        assert_eq!(which_closed.recv(), Ok(PortId(7)));
        assert_ne!(where_dropped.recv(), Ok(std::thread::current().id()));
        waste.finish();
        thread.join().expect("a thread that ended well");
    }
}
