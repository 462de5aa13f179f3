//! The bare loops that everything is measured beside: connected sockets, one epoll, and nothing else.
//!
//! What they leave out is what makes a media plane: they look into no packet, know no party, count nothing and can do
//! nothing else.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use patchcord_media::shard::rank;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// 20 ms of G.711 and its head.
const PACKET: usize = 172;
const SLOTS: usize = 4;
const CLOCK: u64 = u64::MAX;

/// Packets in and out.
pub type Packets = Arc<[AtomicU64; 2]>;

/// Sockets connected to the farm, on a thread that relays or, every 20 ms, speaks.
///
/// # Errors
/// When the system gives no sockets.
pub fn start(count: usize, farm: SocketAddr, speaks: bool) -> io::Result<(Vec<SocketAddr>, Packets)> {
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let socket = UdpSocket::bind((farm.ip(), 0))?;
        socket.connect(farm)?;
        socket.set_nonblocking(true)?;
        sockets.push(socket);
    }
    let places = sockets.iter().map(UdpSocket::local_addr).collect::<io::Result<_>>()?;
    let packets = Packets::default();
    let counted = Arc::clone(&packets);
    std::thread::spawn(move || {
        // As the media threads do: who runs ahead wakes for each packet and meets fewer of them at once.
        if let Err(error) = rank::go_ahead() {
            eprintln!("the bare loop runs like any other: {error}");
        }
        let ended = run(&sockets, speaks, &counted);
        eprintln!("the bare loop ended: {ended:?}");
    });
    Ok((places, packets))
}

fn run(sockets: &[UdpSocket], speaks: bool, packets: &Packets) -> io::Result<()> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    for (number, socket) in (0..).zip(sockets) {
        epoll::add(&poll, socket, EventData::new_u64(number), EventFlags::IN)?;
    }
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)?;
    if speaks {
        let slot = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: slot, it_value: slot })?;
        epoll::add(&poll, &timer, EventData::new_u64(CLOCK), EventFlags::IN)?;
    }
    let (mut events, mut buffer, packet) = (Vec::with_capacity(256), [0; 2048], [0x55; PACKET]);
    let (mut slot, mut came, mut went) = (0, 0, 0);
    loop {
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            let data = event.data;
            if data.u64() == CLOCK {
                rustix::io::read(&timer, &mut [0_u8; 8])?;
                for socket in sockets.iter().skip(slot).step_by(SLOTS) {
                    went += u64::from(socket.send(&packet).is_ok());
                }
                slot = (slot + 1) % SLOTS;
                continue;
            }
            let number = data.u64() as usize;
            let Ok(length) = sockets[number].recv(&mut buffer) else { continue };
            came += 1;
            if !speaks {
                went += u64::from(sockets[number ^ 1].send(&buffer[..length]).is_ok());
            }
        }
        packets[0].store(came, Ordering::Relaxed);
        packets[1].store(went, Ordering::Relaxed);
    }
}
