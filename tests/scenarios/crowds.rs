//! Ten thousand endpoints: registered, refreshed, counted, and kept over a restart.

use patchcord_lab::{Algorithm, Carrier, Sipp, SippCount, Swarm, SwarmCount};

use crate::{accounts, bindings_held, setup};

/// As many as the house promises to carry easily.
const CROWD: usize = 10_000;
/// So many phones share a line, about as behind the NAT of a large office.
const PHONES_PER_LINE: usize = 500;

async fn sipp_registers_and_refreshes_over(carrier: Carrier) {
    let accounts = accounts(CROWD);
    let server = setup().endpoints(&accounts, "").start().await;
    let sipp = Sipp::with_accounts(carrier, server.address(carrier), &accounts);
    let all = SippCount { successful: CROWD, failed: 0 };

    assert_eq!(sipp.register(1, 600).await, all);
    assert_eq!(bindings_held(&server).await, CROWD as u64);
    assert_eq!(sipp.register(2, 900).await, all, "the refresh");
    assert_eq!(bindings_held(&server).await, CROWD as u64, "after the refresh");
}

#[tokio::test]
async fn ten_thousand_endpoints_register_and_refresh_by_sipp_over_udp() {
    sipp_registers_and_refreshes_over(Carrier::Udp).await;
}

#[tokio::test]
async fn ten_thousand_endpoints_register_and_refresh_by_sipp_over_tcp() {
    sipp_registers_and_refreshes_over(Carrier::Tcp).await;
}

#[tokio::test]
async fn ten_thousand_endpoints_register_and_refresh_over_tls_by_sha_256() {
    let accounts = accounts(CROWD);
    let server = setup().endpoints(&accounts, "digest = [\"sha-256\"]").start().await;
    let address = server.address(Carrier::Tls);
    let lines = CROWD / PHONES_PER_LINE;
    let mut swarm = Swarm::connect(Carrier::Tls, address, lines, Algorithm::Sha256, &accounts).await;
    let all = SwarmCount { registered: CROWD, ..SwarmCount::default() };

    assert_eq!(swarm.register(600).await, all);
    assert_eq!(bindings_held(&server).await, CROWD as u64);
    assert_eq!(swarm.register(900).await, all, "the refresh");
    assert_eq!(bindings_held(&server).await, CROWD as u64, "after the refresh");
}

#[tokio::test]
async fn ten_thousand_endpoints_outlive_a_restart() {
    let accounts = accounts(CROWD);
    let mut server = setup().endpoints(&accounts, "").start().await;
    let address = server.address(Carrier::Udp);
    let lines = CROWD / PHONES_PER_LINE;
    let mut swarm = Swarm::connect(Carrier::Udp, address, lines, Algorithm::Md5, &accounts).await;
    let all = SwarmCount { registered: CROWD, ..SwarmCount::default() };
    assert_eq!(swarm.register(600).await, all);

    let ended = server.stop().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    server.start().await;

    assert_eq!(bindings_held(&server).await, CROWD as u64);
    assert_eq!(swarm.register(600).await, all, "phones that carry on after the restart");
}
