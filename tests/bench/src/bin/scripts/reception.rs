//! Calls through reception by SIPp: the shipped script and the same story in Rust in turn, and what a call of each costs the server.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, UdpSocket};

use patchcord_bench::process::Pinned;
use patchcord_bench::sipp::{Load, Scenario, Sipp};
use patchcord_bench::spread::Spread;

/// Seconds of load before a server is measured: what it compiles and allocates once is not counted.
const WARM: u32 = 5;

/// See the module.
pub fn measure(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let number = |at: usize, usual: u32| arguments.get(at).map_or(Ok(usual), |text| text.parse());
    let (rounds, calls, rate) = (number(0, 3)?, number(1, 3000)?, number(2, 100)?);
    println!("{calls} calls at {rate} a second through reception, {rounds} rounds; server on core 0, SIPp on core 1");
    let mut sipp = Sipp::new(1, 0)?;
    let mut ratios = Spread::default();
    for round in 1..=rounds {
        let mut costs = [0.0; 2];
        for (kind, cost) in ["rust", "script"].into_iter().zip(&mut costs) {
            let (here, callee) = (free_address()?, free_address()?);
            let arguments = ["desk".to_owned(), here.to_string(), callee.to_string(), kind.to_owned()];
            let server = Pinned::start("scripts", &arguments, 0)?;
            let _callee = sipp.answer_at(callee)?;
            sipp.play(Scenario::Reception, Load { rate, calls: rate * WARM }, server.addr)?;
            let before = server.cpu()?;
            let count = sipp.play(Scenario::Reception, Load { rate, calls }, server.addr)?;
            let took = server.cpu()?.since(before).total();
            *cost = took.as_secs_f64() * 1e6 / count.good.max(1) as f64;
            println!(
                "round {round}  {kind:6} {cost:7.1} µs a call; {} failed, {} sent again",
                count.failed, count.repeated
            );
        }
        let ratio = costs[1] / costs[0];
        println!("round {round}  ratio {ratio:.3}");
        ratios.add(ratio);
    }
    println!("a call through the script beside one through Rust: {ratios}");
    Ok(())
}

/// An address that nobody else has by now.
fn free_address() -> io::Result<SocketAddr> {
    UdpSocket::bind("127.0.0.1:0")?.local_addr()
}
