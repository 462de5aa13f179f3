//! What rooms cost on one core, and whether what they say is perfect there.

use std::error::Error;
use std::time::Duration;

use patchcord_bench::sound::role::Role;
use patchcord_bench::sound::served::{Round, Served};
use patchcord_bench::sound::talkers::Talkers;
use patchcord_bench::spread::Spread;
use patchcord_media::shard::rank;

use crate::Options;

type Done = Result<(), Box<dyn Error>>;

/// Who talks at once in the rooms whose cost is compared.
const THREE: usize = 3;

/// Members of a room of each codec.
const HUNDRED: usize = 100;

/// A tone is as loud as it was said when it is not further off than what µ-law does to it; a frame is whole when it is not quieter
/// or louder than others by more.
const RIGHT_DB: f64 = 0.5;
const WHOLE_DB: f64 = 1.0;

fn round(options: &Options, role: Role, legs: usize, talkers: Talkers) -> Result<Round, Box<dyn Error>> {
    let served = Served { role, legs, core: options.core, talkers };
    Ok(served.round(Duration::from_secs(options.seconds), &[])?.0)
}

fn three_of(size: usize) -> Talkers {
    Talkers::OfRoom { size, talkers: THREE }
}

/// Listeners and talkers of the first, a middle and the last room hear everybody else, in every frame.
pub fn perfect(options: &Options) -> Done {
    // A speaker that is late is heard late, and that would be no fault of the room.
    if let Err(error) = rank::go_ahead() {
        eprintln!("the speakers run like any other: {error}");
    }
    for (legs, size, talkers) in [(500, 500, 10), (1000, 10, THREE)] {
        let speaking = Talkers::OfRoom { size, talkers };
        for _ in 0..options.rounds {
            let rooms = legs / size;
            let seats = [0, rooms / 2, rooms - 1].map(|room| room * size);
            let mut sampled: Vec<usize> =
                seats.iter().flat_map(|first| [0, 1, talkers, size / 2, size - 1].map(|seat| first + seat)).collect();
            sampled.sort_unstable();
            sampled.dedup();
            let served = Served { role: Role::Rooms(size), legs, core: options.core, talkers: speaking };
            let (round, farm) = served.round(Duration::from_secs(options.seconds), &sampled)?;
            let (mut wrong, mut hole, mut burst) = (0.0_f64, 0.0_f64, 0.0_f64);
            let (mut missing, mut frames, mut perfect) = (0, 0, 0);
            for (number, leg) in sampled.iter().enumerate() {
                let own = speaking.voice(*leg);
                let others: Vec<usize> = (0..talkers).filter(|voice| Some(*voice) != own).collect();
                let place = farm.sampled(*leg).ok_or("a leg that was sampled")?;
                let judged = place.judge(&others);
                if number == 0 {
                    frames = judged.frames;
                }
                missing += place.missing;
                wrong = wrong.max(judged.wrong_db);
                (hole, burst) = (hole.max(judged.hole_db), burst.max(judged.burst_db));
                let is_whole = judged.hole_db < WHOLE_DB && judged.burst_db < WHOLE_DB && place.missing == 0;
                perfect += usize::from(is_whole && judged.wrong_db < RIGHT_DB);
            }
            println!(
                "{legs} in rooms of {size}: {perfect} of {} sampled are perfect over {frames} frames ({missing} packets missing, \
                 levels off by {wrong:.2} dB, frames down {hole:.2} and up {burst:.2} dB); {:.1} % of a core, {} of {} ticks late",
                sampled.len(),
                round.core_percent(),
                round.counted.late,
                round.counted.ticks,
            );
        }
    }
    Ok(())
}

/// Several kinds of rooms by turns; each beside the first of them.
fn by_turns(options: &Options, kinds: &[(String, Role, usize, Talkers)]) -> Done {
    let mut costs = vec![Spread::default(); kinds.len()];
    let mut ratios = vec![Spread::default(); kinds.len()];
    for _ in 0..options.rounds {
        let mut first = None;
        for (number, (name, role, legs, talkers)) in kinds.iter().enumerate() {
            let round = round(options, *role, *legs, *talkers)?;
            let member = round.core_percent() / *legs as f64;
            let base = *first.get_or_insert(member);
            costs[number].add(member * 1000.0);
            ratios[number].add(member / base);
            println!(
                "  {name}: {:.4} % of a core a member, {:.2} µs a packet, {} own and {} shared encodes, {} of {} ticks late",
                member,
                round.packet_us(),
                round.counted.own_encodes,
                round.counted.shared_encodes,
                round.counted.late,
                round.counted.ticks
            );
        }
    }
    for ((name, ..), (cost, ratio)) in kinds.iter().zip(costs.iter().zip(&ratios)) {
        println!("{name}: thousandths of a percent of a core a member {cost}; beside the first {ratio}");
    }
    Ok(())
}

/// See `What::Codecs`.
pub fn codecs(options: &Options) -> Done {
    let kinds = [("G.711", Role::Rooms(HUNDRED)), ("Opus", Role::OpusRooms(HUNDRED))];
    by_turns(options, &kinds.map(|(name, role)| (name.to_owned(), role, HUNDRED, three_of(HUNDRED))))
}

/// See `What::Sizes`.
pub fn sizes(options: &Options) -> Done {
    let kinds = [10, 50, HUNDRED, 200, 500].map(|size| {
        // As many in all, so that the kernel's part is the same.
        (format!("rooms of {size}"), Role::Rooms(size), 1000, three_of(size))
    });
    by_turns(options, &kinds)
}

/// See `What::Clean`.
pub fn clean(options: &Options) -> Done {
    let kinds = [("as they are", Role::Rooms(10)), ("cleaned", Role::CleanRooms(10))];
    by_turns(options, &kinds.map(|(name, role)| (name.to_owned(), role, 20, three_of(10))))
}
