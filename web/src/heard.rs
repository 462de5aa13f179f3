//! What a member of a room heard, made again from the room's ledger, sample by sample.
//!
//! A ledger is read from its beginning, whatever part is wanted: the mixer remembers. So it is done on a thread of its own, for
//! few at once, and a piece of bounded length. A room whose rate changed within the piece (somebody with a wider voice came or
//! went) gives the narrower part at the wider rate; everything else is what the mixer gave, untouched.

use std::{fs::File, io::Seek, ops::ControlFlow};

use patchcord_engine::room::Past;
use patchcord_media::{
    codec::resample::Resampler,
    frame::Rate,
    mixer::{Rounds, Torn, first_round, replay_part},
    recording::wav_of,
};
use tokio::sync::Semaphore;

/// The longest piece that is made at once: 58 MB of the widest sound.
pub const LONGEST_S: u64 = 600;

/// Pieces that are made at once: each takes a core for seconds, and up to twice the longest piece in memory.
pub static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// Milliseconds of a round.
const ROUND_MS: u64 = 20;

/// Which part is wanted, in milliseconds since the room was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which member's ears.
    pub member: u64,
    /// From when on.
    pub from_ms: u64,
    /// Until when.
    pub to_ms: u64,
}

/// Why nothing can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHeard {
    /// There is no ledger.
    #[error("what was heard in this room is not kept")]
    NotKept,
    /// Nobody of that number was there.
    #[error("nobody of that number was in the room")]
    NoMember,
    /// It was not in then, or on a thread of which no ledger could be kept.
    #[error("nothing is kept of what that one heard then")]
    Nothing,
    /// There is no time from the beginning to the end.
    #[error("the part ends before it begins")]
    Backwards,
    /// The ledger cannot be read up to there.
    #[error("the ledger of the room cannot be read up to there: {0}")]
    Torn(#[from] Torn),
}

/// The number by which the ledger knows whose ears they are, and what is asked of it: rounds from its first one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    heard_as: u64,
    from: u64,
    until: u64,
}

/// What is to be looked for, and in which file.
///
/// # Errors
/// When it cannot be there.
pub fn wanted(past: &Past, part: Part) -> Result<(Wanted, &str), NotHeard> {
    let ledger = past.ledger.as_ref().ok_or(NotHeard::NotKept)?;
    let mut stays = past.stays.iter().filter(|stay| stay.member == part.member).peekable();
    stays.peek().ok_or(NotHeard::NoMember)?;
    let stay = stays.find(|stay| stay.left_ms.is_none_or(|left| left > part.from_ms)).ok_or(NotHeard::Nothing)?;
    let heard_as = stay.heard_as.ok_or(NotHeard::Nothing)?;
    // Whoever asks from the beginning on asks from when that one came.
    let from_ms = part.from_ms.max(stay.came_ms);
    let to_ms = part.to_ms.min(from_ms + LONGEST_S * 1000);
    let round = |ms: u64| ms.saturating_sub(ledger.from_ms) / ROUND_MS;
    let wanted = Wanted { heard_as, from: round(from_ms), until: round(to_ms) };
    if wanted.until <= wanted.from {
        return Err(NotHeard::Backwards);
    }
    Ok((wanted, &ledger.file))
}

/// Sound of one rate, and the round in which it begins.
struct Piece {
    round: u64,
    rate: Rate,
    samples: Vec<i16>,
}

impl Piece {
    /// The round behind it.
    fn end(&self) -> u64 {
        self.round + (self.samples.len() / self.rate.samples()) as u64
    }
}

/// The sound as a wav, from the ledgers of all parts of the room, the first of which begins with it. A ledger that ends early, as
/// that of a room that goes on, gives what it has. Blocks for seconds.
///
/// # Errors
/// When there is none.
pub fn again(mut ledgers: Vec<File>, wanted: Wanted) -> Result<Vec<u8>, NotHeard> {
    let first = match ledgers.first_mut() {
        Some(ledger) => {
            let first = first_round(&*ledger)?;
            ledger.rewind().map_err(|error| Torn::Unreadable(error.kind()))?;
            first
        }
        None => None,
    };
    let mut pieces: Vec<Piece> = Vec::new();
    let mut torn = None;
    for ledger in ledgers {
        let rounds = Rounds { first, until: wanted.until };
        let read = replay_part(ledger, wanted.heard_as, rounds, |round, rate, sound| {
            if round >= wanted.from {
                keep(&mut pieces, round, rate, sound);
            }
            ControlFlow::Continue(())
        });
        torn = torn.or(read.err());
    }
    // Whoever went out and came in again may have sat elsewhere the second time.
    pieces.sort_by_key(|piece| piece.round);
    for next in 1..pieces.len() {
        let missing = pieces[next].round.saturating_sub(pieces[next - 1].end()) as usize;
        let before = &mut pieces[next - 1];
        before.samples.resize(before.samples.len() + missing * before.rate.samples(), 0);
    }
    let Some(widest) = pieces.iter().map(|piece| piece.rate).max_by_key(|rate| rate.hz()) else {
        return Err(torn.map_or(NotHeard::Nothing, NotHeard::Torn));
    };
    let length = |piece: &Piece| scaled(piece.samples.len(), piece.rate, widest);
    let mut all = Vec::with_capacity(pieces.iter().map(length).sum());
    for Piece { rate, samples, .. } in pieces {
        if rate == widest {
            all.extend_from_slice(&samples);
        } else {
            Resampler::new(rate, widest).resample(&samples, &mut all);
        }
    }
    Ok(wav_of(widest, &all))
}

/// Puts a round behind what is there; one in which nothing was said to the member, or in which it was out, is silent.
fn keep(pieces: &mut Vec<Piece>, round: u64, rate: Rate, sound: &[i16]) {
    match pieces.last_mut() {
        Some(piece) if piece.rate == rate && round >= piece.end() => {
            let missing = (round - piece.end()) as usize;
            piece.samples.resize(piece.samples.len() + missing * rate.samples(), 0);
            piece.samples.extend_from_slice(sound);
        }
        _ => pieces.push(Piece { round, rate, samples: sound.to_vec() }),
    }
}

fn scaled(samples: usize, from: Rate, to: Rate) -> usize {
    samples * to.samples() / from.samples()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use patchcord_media::mixer::{Mixer, Rules};

    use super::*;

    const SPEAKER: u64 = 40;
    const BOB: u64 = 41;
    const CAROL: u64 = 42;

    /// A ledger of a second at 8 kHz and a second at 16 kHz, in which somebody says another sample each round.
    fn ledger() -> File {
        let mut mixer = Mixer::new(Rate::Narrow, Rules::default());
        assert!(mixer.keep_ledger());
        let seats = [SPEAKER, BOB].map(|who| {
            let seat = mixer.enter().expect("room");
            mixer.name(seat, who);
            seat
        });
        written(100, &mut mixer, |mixer, round| {
            if round == 50 {
                mixer.set_rate(Rate::Wide);
            }
            mixer.hear(seats[0], &vec![1000 + round; mixer.rate().samples()]);
        })
    }

    /// The ledger of so many rounds, in each of which that is heard.
    fn written(rounds: i16, mixer: &mut Mixer, mut hear: impl FnMut(&mut Mixer, i16)) -> File {
        let (mut shared, mut bytes) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            hear(mixer, round);
            mixer.mix();
            mixer.shared(&mut shared);
            mixer.clear();
            assert!(mixer.fetch_ledger(&mut bytes));
        }
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&bytes).expect("written");
        file.reopen().expect("opened")
    }

    fn past() -> Past {
        serde_json::from_value(serde_json::json!({
            "id": "1", "room": "weekly", "opened_ms": 0, "lasted_ms": 2500, "why": "", "most": 2, "moments": [], "recordings": [],
            "left_out": 0, "ledger": { "file": "day/room.ledger", "from_ms": 500 },
            "stays": [{ "member": 7, "name": "bob", "number": "101", "call": null, "leg": 0, "role": "speaker", "came_ms": 500,
                "left_ms": 2500, "talked_ms": 0, "talks": [], "recordings": [], "heard_as": BOB }]
        }))
        .expect("a story")
    }

    fn samples(wav: &[u8]) -> Vec<i16> {
        wav[44..].as_chunks::<2>().0.iter().map(|two| i16::from_le_bytes(*two)).collect()
    }

    #[test]
    fn a_part_is_cut_by_the_clock_of_the_room() {
        let past = past();
        let part = |from_ms, to_ms| wanted(&past, Part { member: 7, from_ms, to_ms });
        let (wanted, file) = part(1000, 1200).expect("it is there");
        assert_eq!(file, "day/room.ledger");
        let heard = samples(&again(vec![ledger()], wanted).expect("sound"));
        assert_eq!(heard.len(), 10 * 160);
        // Half a second after the first round: the 26th.
        assert_eq!((heard[100], heard[9 * 160 + 100]), (1025, 1034));
        assert_eq!(part(0, 600).map(|(wanted, _)| (wanted.from, wanted.until)), Ok((0, 5)), "from when it came");
        assert_eq!(part(1200, 1000), Err(NotHeard::Backwards));
        assert_eq!(part(2500, 2600), Err(NotHeard::Nothing));
        assert_eq!(wanted_of(&past, 8), Err(NotHeard::NoMember));
        assert_eq!(wanted_of(&Past { ledger: None, ..past.clone() }, 7), Err(NotHeard::NotKept));
    }

    fn wanted_of(past: &Past, member: u64) -> Result<(), NotHeard> {
        wanted(past, Part { member, from_ms: 0, to_ms: 1000 }).map(drop)
    }

    /// The ledger of a part that the room got a second after the first, on another thread.
    fn further_ledger() -> File {
        let mut mixer = Mixer::new(Rate::Narrow, Rules::default());
        assert!(mixer.keep_ledger());
        let seats = [SPEAKER + 10, CAROL].map(|who| {
            let seat = mixer.enter().expect("room");
            mixer.name(seat, who);
            seat
        });
        mixer.begin_round(50);
        written(30, &mut mixer, |mixer, round| mixer.hear(seats[0], &[2000 + round; 160]))
    }

    #[test]
    fn whoever_sat_on_a_further_thread_is_found_there_by_the_clock_of_the_room() {
        let asked = Wanted { heard_as: CAROL, from: 60, until: 70 };
        let heard = samples(&again(vec![ledger(), further_ledger()], asked).expect("sound"));
        assert_eq!(heard.len(), 10 * 160);
        assert_eq!((heard[100], heard[9 * 160 + 100]), (2010, 2019));
        let before = Wanted { heard_as: CAROL, from: 0, until: 40 };
        assert_eq!(again(vec![ledger(), further_ledger()], before), Err(NotHeard::Nothing));
        assert_eq!(again(vec![ledger()], asked), Err(NotHeard::Nothing), "not in the first");
    }

    #[test]
    fn where_the_rate_changes_the_narrower_part_comes_at_the_wider_rate() {
        let past = past();
        let (all, _) = wanted(&past, Part { member: 7, from_ms: 0, to_ms: u64::MAX }).expect("it is there");
        let wav = again(vec![ledger()], all).expect("sound");
        assert_eq!((&wav[24..28], samples(&wav).len()), (&16_000u32.to_le_bytes()[..], 100 * 320));
        assert_eq!(samples(&wav)[99 * 320 + 100], 1099);
    }

    #[test]
    fn a_ledger_that_is_none_is_said_to_be_torn() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"something else").expect("written");
        let all = Wanted { heard_as: BOB, from: 0, until: 9 };
        assert_eq!(again(vec![file.reopen().expect("opened")], all), Err(NotHeard::Torn(Torn::Title)));
    }
}
