//! Twelve phones of three kinds in one room: eight of the lab, two baresips, two Chromiums, each with a tone of its own. Who hears whom
//! is proved by the spectrum of what each of them hears, through everything that can be done with a member.

use std::path::{Path, PathBuf};
use std::time::Duration;

use patchcord_lab::{
    Account, Baresip, Carrier, Chromium, Handset, Hearing, Keypad, Lab, Model, Server, Verdict, eventually,
};
use serde_json::Value;

use crate::calling::at_home;
use crate::page_phones::{EAR, dial, ready, shows, tab};
use crate::pages::{Door, house_of};
use crate::records::records;
use crate::setup;

const LAB: usize = 8;
const ALL: usize = 12;
/// What baresips and pages say; the lab's phones choose their own, which lie elsewhere.
const THEIRS: [u32; 4] = [1030, 2040, 1530, 2450];

/// A tone is there above the first, and is not below the second; in between something is changing. Twelve at once are limited, and
/// what codecs and the limiter make of them lies below.
const HEARD_DB: f64 = -30.0;
const GONE_DB: f64 = -34.0;

/// A page counts from another zero than a telephone does.
const PAGE_DB: f64 = 18.0;

/// A browser takes a tone that lasts for noise, after half a minute, and lets nothing of it through: here it lets be.
const PLAIN_EARS: &str = "(() => { const media = navigator.mediaDevices; const ask = media.getUserMedia.bind(media); \
    media.getUserMedia = (wish) => ask({ ...wish, audio: { ...(wish.audio === true ? {} : wish.audio), \
    noiseSuppression: false, echoCancellation: false, autoGainControl: false } }); return true; })()";

/// One of each kind, with whom something is done: a phone, a baresip, a page.
const DONE_WITH: [usize; 3] = [0, LAB, LAB + 2];
/// One of each kind, who looks on.
const LOOKS_ON: [usize; 3] = [1, LAB + 1, LAB + 3];

const ROOM: &str =
    "[[room]]\nname = \"3001\"\nrecord = true\nrecord_members = true\nsounds = false\nannounce = \"nothing\"\n";

/// Somebody with ears and a tone.
enum One {
    Phone(Handset),
    Baresip(Box<Baresip>),
    Page(Box<Chromium>),
}

impl One {
    /// How loud each of these tones is to it.
    async fn levels(&mut self, tones: &[u32]) -> Vec<f64> {
        match self {
            Self::Phone(phone) => {
                let heard = phone.listens(Duration::from_millis(500)).await;
                tones.iter().map(|hz| heard.tone((*hz).into()).into()).collect()
            }
            Self::Baresip(baresip) => {
                let heard = baresip.hears().await;
                tones.iter().map(|hz| heard.tone((*hz).into()).into()).collect()
            }
            Self::Page(page) => {
                let levels = page
                    .run(&format!(
                        "new Promise((told) => setTimeout(() => told({tones:?}.map((hz) => level(hz))), 300))"
                    ))
                    .await;
                levels
                    .as_array()
                    .expect("levels")
                    .iter()
                    .map(|level| level.as_f64().unwrap_or(-200.0) + PAGE_DB)
                    .collect()
            }
        }
    }
}

struct Crowd {
    server: Server,
    all: Vec<One>,
    tones: Vec<u32>,
    /// Their numbers in the room.
    members: Vec<u64>,
}

impl Crowd {
    /// Waits until that one hears exactly these.
    async fn hears(&mut self, who: usize, wanted: &[usize]) {
        let mut last = Vec::new();
        for _ in 0..40 {
            last = self.all[who].levels(&self.tones).await;
            let fits =
                |(at, level): (usize, &f64)| if wanted.contains(&at) { *level > HEARD_DB } else { *level < GONE_DB };
            if last.iter().enumerate().all(fits) {
                return;
            }
        }
        panic!("{who} is to hear {wanted:?} of {:?} and hears {last:.0?}", self.tones);
    }

    /// Each of the first hears exactly the others of the second.
    async fn hear(&mut self, listeners: &[usize], talkers: &[usize]) {
        for who in listeners {
            let others: Vec<usize> = talkers.iter().copied().filter(|other| other != who).collect();
            self.hears(*who, &others).await;
        }
    }

    /// Of the lab's phones these two speak, beside all others. More tones at once than six are no speech for the codec of a browser.
    fn lets_speak(&self, pair: [usize; 2]) -> Vec<usize> {
        for (who, one) in self.all.iter().enumerate() {
            match one {
                One::Phone(phone) if pair.contains(&who) => phone.speaks(),
                One::Phone(phone) => phone.falls_silent(),
                _ => {}
            }
        }
        pair.into_iter().chain(LAB..ALL).collect()
    }

    async fn order(&self, deed: &str, who: Option<usize>, more: &[&str]) {
        let member = who.map(|who| self.members[who].to_string());
        let mut words = vec!["rooms", "order", "3001", deed];
        words.extend(member.iter().flat_map(|member| ["--member", member]));
        words.extend(more);
        words.push("--json");
        self.server.json(&words).await;
    }

    /// Who came last is in.
    async fn came(&mut self) {
        let came = async || {
            // The first one may still be at the door of a room that is not open.
            let (room, _) = self.server.run(&["rooms", "show", "3001", "--json"], "").await;
            let room: Value = serde_json::from_str(&room).ok()?;
            let members = room["members"].as_array()?.iter().filter(|member| member["state"] == "in");
            let mut members = members.filter_map(|member| member["member"].as_u64());
            members.find(|member| !self.members.contains(member))
        };
        let member = eventually("the next one is in", came).await;
        self.members.push(member);
    }
}

async fn crowd(lab: &Lab, server: Server, door: &Door) -> Crowd {
    let mut crowd = Crowd { server, all: Vec::new(), tones: Vec::new(), members: Vec::new() };
    for number in 0..LAB {
        let carrier = Carrier::ALL[number % Carrier::ALL.len()];
        let phone = at_home(lab, &crowd.server, &format!("p{number}"), carrier, &Model::new()).await;
        phone.dial("3001");
        phone.is_answered().await;
        crowd.tones.push(phone.voice().hz());
        crowd.all.push(One::Phone(phone));
        crowd.came().await;
    }
    for (number, hz) in THEIRS[..2].iter().enumerate() {
        let user = format!("b{number}");
        let server = crowd.server.address(Carrier::Udp);
        let account = Account { carrier: Carrier::Udp, server, user: &user, password: "secret" };
        let mut baresip = Baresip::calling(&account, *hz, Keypad::Events);
        assert_eq!(baresip.verdict().await, Verdict::Registered);
        baresip.dial("3001").await;
        crowd.all.push(One::Baresip(Box::new(baresip)));
        crowd.came().await;
    }
    for hz in &THEIRS[2..] {
        let mut page = tab(door, *hz).await;
        page.open(&format!("http://{}/phone", door.web)).await;
        ready(&mut page).await;
        page.run(PLAIN_EARS).await;
        dial(&mut page, "3001").await;
        shows(&mut page, "talks").await;
        page.run(EAR).await;
        crowd.all.push(One::Page(Box::new(page)));
        crowd.came().await;
    }
    crowd.tones.extend(THEIRS);
    // Baresips speak as loud as can be, pages softly: the room brings them to where the others are.
    for (who, db) in [(LAB, "-10"), (LAB + 1, "-10"), (LAB + 2, "12"), (LAB + 3, "12")] {
        crowd.order("gain", Some(who), &["--db", db]).await;
    }
    crowd
}

/// What all heard, as the room's recording has it, as a wav.
async fn recording(server: &Server, into: PathBuf) -> PathBuf {
    let days = std::fs::read_dir(server.data().join("recordings")).expect("a folder of recordings");
    let files = days.filter_map(Result::ok).filter_map(|day| std::fs::read_dir(day.path()).ok()).flatten();
    let mut files = files.filter_map(Result::ok).map(|file| file.path());
    let room = files.find(|file| {
        file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("room-3001-"))
            && file.extension().is_some_and(|ending| ending == "opus")
    });
    let made = tokio::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(room.expect("a recording of the room"))
        .args(["-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le"])
        .arg(&into)
        .status();
    assert!(made.await.expect("ffmpeg, which the tests need").success());
    into
}

/// In which rooms each call was, by its record.
fn rooms_of(told: &[Value]) -> Vec<Vec<&str>> {
    let legs = told.iter().filter_map(|told| told["record"]["legs"][0]["rooms"].as_array());
    let timed = |stay: &&Value| stay["left_us"].as_u64() > stay["came_us"].as_u64();
    legs.map(|rooms| rooms.iter().filter(timed).filter_map(|stay| stay["room"].as_str()).collect()).collect()
}

/// All talkers but these.
fn but(talkers: &[usize], gone: &[usize]) -> Vec<usize> {
    talkers.iter().copied().filter(|one| !gone.contains(one)).collect()
}

/// Who is mute is heard by nobody and hears all; who is deaf hears nobody.
async fn mute_and_deaf(crowd: &mut Crowd, talkers: &[usize]) {
    for muted in DONE_WITH {
        crowd.order("mute", Some(muted), &[]).await;
        crowd.hear(&LOOKS_ON, &but(talkers, &[muted])).await;
        crowd.hears(muted, &but(talkers, &[muted])).await;
        crowd.order("mute", Some(muted), &["--off"]).await;
    }
    for deaf in DONE_WITH {
        crowd.order("deaf", Some(deaf), &[]).await;
        crowd.hears(deaf, &[]).await;
        crowd.order("deaf", Some(deaf), &["--off"]).await;
        crowd.hears(deaf, &but(talkers, &[deaf])).await;
    }
}

/// The phone does not hear the baresip, nor the baresip the page; all others do.
async fn pairwise(crowd: &mut Crowd, talkers: &[usize]) {
    let [phone, baresip, page] = DONE_WITH;
    for (listener, speaker) in [(phone, baresip), (baresip, page)] {
        let other = crowd.members[speaker].to_string();
        crowd.order("hears", Some(listener), &["--other", &other, "--db", "-60"]).await;
        crowd.hears(listener, &but(talkers, &[listener, speaker])).await;
        crowd.order("hears", Some(listener), &["--other", &other, "--db", "0"]).await;
    }
    crowd.hear(&LOOKS_ON, talkers).await;
}

/// Some go to another room, and that room comes back to the first.
async fn moved_and_merged(crowd: &mut Crowd, talkers: &[usize]) {
    for who in DONE_WITH {
        crowd.order("move", Some(who), &["--to", "side"]).await;
    }
    crowd.hear(&DONE_WITH, &DONE_WITH).await;
    crowd.hear(&LOOKS_ON, &but(talkers, &DONE_WITH)).await;
    crowd.order("merge", None, &["--to", "side"]).await;
    crowd.hear(&[DONE_WITH, LOOKS_ON].concat(), talkers).await;
}

/// Which tones are in any second of a file.
fn audible(lab: &Lab, file: &Path, tones: &[u32]) -> Vec<bool> {
    let heard = lab.hears_file(file, 0);
    let seconds: Vec<Hearing> = heard.pieces(Duration::from_secs(1)).collect();
    let is_there = |hz: &u32| seconds.iter().any(|second| f64::from(second.tone((*hz).into())) > HEARD_DB);
    tones.iter().map(is_there).collect()
}

#[tokio::test]
async fn twelve_phones_of_three_kinds_hear_exactly_whom_they_should_through_everything() {
    let users = (0..LAB).map(|number| format!("p{number}")).chain(["b0".into(), "b1".into()]);
    let (server, door) = house_of(users.fold(setup().toml(ROOM), |setup, user| setup.endpoint(&user, "secret"))).await;
    let (lab, folder) = (Lab::open(), tempfile::tempdir().expect("a folder"));
    let mut crowd = crowd(&lab, server, &door).await;
    let all: Vec<usize> = (0..ALL).collect();
    let mut talkers = Vec::new();
    for pair in [[6, 7], [4, 5], [2, 3], [0, 1]] {
        talkers = crowd.lets_speak(pair);
        crowd.hear(&all, &talkers).await;
    }
    mute_and_deaf(&mut crowd, &talkers).await;
    pairwise(&mut crowd, &talkers).await;
    moved_and_merged(&mut crowd, &talkers).await;

    let ears = folder.path().join("ears.wav");
    let file = ears.to_str().expect("a name").to_owned();
    crowd.server.json(&["rooms", "heard", "3001", "p1", "-o", &file, "--json"]).await;
    let but_himself: Vec<bool> = all.iter().map(|who| *who != 1).collect();
    assert_eq!(audible(&lab, &ears, &crowd.tones), but_himself, "the ledger knows what one of them heard");

    crowd.order("end", None, &[]).await;
    let told = records(&crowd.server, ALL).await;
    let mut rooms = rooms_of(&told);
    rooms.sort_unstable();
    let expected = [vec![vec!["3001"]; ALL - 3], vec![vec!["3001", "side", "3001"]; 3]].concat();
    assert_eq!(rooms, expected, "{told:#?}");
    let file = recording(&crowd.server, folder.path().join("room.wav")).await;
    assert_eq!(audible(&lab, &file, &crowd.tones), [true; ALL], "the room's recording has all of them");
}
