//! Asks a STUN server how the world sees one of our UDP sockets, over and over.
//!
//! The question leaves from the very socket that serves SIP, so the answer is true for it, and the questions keep the way
//! through the NAT open. Answers come in among the messages; [`super::shard`] recognises them.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::dns::{NameServers, Records as _};
use super::settings::Advertise;
use super::shard::Shard;
use super::stun;
use super::transport::Outlet as _;
use super::transport::udp::Datagrams;

/// How often the question is asked anew. NATs forget a quiet UDP flow after thirty seconds (RFC 4787 §4.3 allows two
/// minutes; many do not wait so long).
const REFRESH: Duration = Duration::from_secs(25);

/// RFC 5389 §7.2.1: the first pause before the question is repeated; each one is twice the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// RFC 5389 §7.2.1: how often it is asked before the server counts as silent.
const ATTEMPTS: u32 = 7;

/// Asks as long as the shard lives, if the settings say so.
pub(crate) async fn run(shard: Rc<Shard>, socket: Rc<Datagrams>) {
    let Advertise::Stun(host, port) = shard.shared.settings.advertise.clone() else { return };
    let servers = NameServers::new(&shard.shared.settings.dns, &shard.shared.settings.limits, socket.local().is_ipv6());
    let mut was_silent = false;
    loop {
        let is_silent = match server(&servers, &host, port, &socket).await {
            Some(server) => !ask(&shard, &socket, server).await,
            None => true,
        };
        if is_silent && !was_silent {
            tracing::warn!(server = %host, listener = %socket.local(), "the STUN server does not answer");
        }
        was_silent = is_silent;
        sleep(REFRESH).await;
    }
}

async fn server(servers: &NameServers, host: &str, port: u16, socket: &Datagrams) -> Option<SocketAddr> {
    let fits = |ip: &IpAddr| ip.is_ipv4() == socket.local().is_ipv4();
    let addresses = match host.parse() {
        Ok(ip) => vec![ip],
        Err(_) => servers.addresses(host).await.unwrap_or_default(),
    };
    addresses.into_iter().find(fits).map(|ip| SocketAddr::new(ip, port))
}

/// Asks until there is an answer. Tells whether there was one.
async fn ask(shard: &Shard, socket: &Datagrams, server: SocketAddr) -> bool {
    let addresses = &shard.shared.addresses;
    let Ok(listener) = usize::try_from(socket.flow().0) else { return false };
    let mut pause = FIRST_PAUSE;
    let transaction = shard.transaction();
    addresses.asked(transaction, listener);
    for _ in 0..ATTEMPTS {
        let answered = addresses.answered.notified();
        if let Err(error) = socket.send(socket.local(), server, &stun::request(transaction)) {
            tracing::debug!(%server, %error, "the STUN server cannot be asked");
        }
        let heard = async {
            let mut answered = answered;
            // Somebody's question was answered; perhaps another socket's.
            while addresses.is_open(transaction) {
                answered.await;
                answered = addresses.answered.notified();
            }
        };
        if timeout(pause, heard).await.is_ok() {
            return true;
        }
        pause *= 2;
    }
    false
}
