//! The phones that call and hear, at home with the real server.

use patchcord_lab::{Algorithm, Carrier, Lab, Model, Transport};

use crate::{BOTH_DIGESTS, bindings, setup};

#[tokio::test]
async fn a_handset_registers_over_every_transport_with_either_digest() {
    let server = setup().with_ws().endpoint_with("alice", "secret", BOTH_DIGESTS).start().await;
    let lab = Lab::open();
    let doors = Carrier::ALL.map(|carrier| (Transport::from(carrier), server.address(carrier)));
    for (transport, door) in doors.into_iter().chain([(Transport::Ws, server.ws())]) {
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let at_home = Model::new().over(transport).at(door).proving_by(algorithm);
            let alice = lab.phone_like("alice", &at_home.clone().password("secret"));
            assert_eq!(alice.registers().await, 200, "{transport} {algorithm:?}");
            assert_eq!(bindings(&server, "alice").await, [alice.uri()], "{transport} {algorithm:?}");
            assert_eq!(alice.registers_for(0).await, 200, "{transport} {algorithm:?}");
            assert_eq!(bindings(&server, "alice").await.len(), 0, "{transport} {algorithm:?}");

            let mallory = lab.phone_like("alice", &at_home.password("guess"));
            assert_eq!(mallory.registers().await, 403, "{transport} {algorithm:?}");
        }
    }
}
