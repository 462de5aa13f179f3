//! Twelve phones of three kinds in one room: four of SIPp, four baresips, four pages in Chromium, each with a tone of its own. The
//! spectrum of what each of them hears proves that it hears exactly whom it should, through everything that can be done with a
//! member; then the recordings and the records are asked whether they agree.
//!
//! Nobody is asked what it hears at an instant: whatever is ordered, each of them comes to hear the right ones, sooner or later.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use patchcord_lab::{
    Account, Baresip, Carrier, Chromium, Flow, Hearing, Keypad, Lab, Place, Playing, Server, Sounding, Verdict, Voice,
    eventually,
};
use serde_json::Value;

use crate::page_phones::{EAR, dial, log_in, ready, shows, tab};
use crate::pages::{Door, house_of};
use crate::records::records;
use crate::setup;

/// Phones of each kind: numbers 0 to 3 are SIPp's, 4 to 7 baresips, 8 to 11 pages.
const EACH: usize = 4;
const ALL: usize = 3 * EACH;
const PAGES: usize = 2 * EACH;

/// One of each kind, with whom something is done; all others look on.
const DONE_WITH: [usize; 3] = [0, EACH, PAGES];

/// Who talks, round by round: one of each kind. The codec of a page is made for speech, and four bare tones at once are none: it makes
/// others beside them.
const ROUNDS: [[usize; 3]; 4] = [[3, 7, 11], [2, 6, 10], [1, 5, 9], DONE_WITH];

/// A tone is there above the first, and is not below the second; in between something is changing. Each is spoken at about -14.
const HEARD_DB: f64 = -24.0;
const GONE_DB: f64 = -30.0;

/// A page counts from another zero than a telephone does.
const PAGE_DB: f64 = 17.0;

/// Baresips speak as loud as can be, and pages loudly: the room brings them to where the others are.
const BARESIP_DB: &str = "-12";
const LOUD_PAGE_DB: &str = "-5";

/// So many times one of them listens for half a second until it has to be right.
const GLANCES: usize = 120;
const GLANCE: Duration = Duration::from_millis(500);

/// How long SIPp stays in its call, in seconds: longer than all of this takes.
const LASTING_S: u64 = 600;

const ROOM: &str =
    "[[room]]\nname = \"3001\"\nrecord = true\nrecord_members = true\nsounds = false\nannounce = \"nothing\"\n";

/// Somebody with ears and a tone.
enum One {
    Sipp(Sounding, Box<Playing>),
    Baresip(Box<Baresip>),
    Page(Box<Chromium>),
}

impl One {
    /// How loud each of these tones is to it.
    async fn levels(&mut self, tones: &[u32]) -> Vec<f64> {
        let told = |heard: Hearing| tones.iter().map(|hz| heard.tone((*hz).into()).into()).collect();
        match self {
            Self::Sipp(sound, _) => told(sound.listens(GLANCE).await),
            Self::Baresip(baresip) => told(baresip.hears().await),
            Self::Page(page) => {
                let asked = format!(
                    "new Promise((told) => setTimeout(() => told({tones:?}.map((hz) => level(hz))), {}))",
                    GLANCE.as_millis()
                );
                let levels = page.run(&asked).await;
                let levels = levels.as_array().expect("levels").iter();
                // Silence has no level in decibels.
                levels.map(|level| level.as_f64().map_or(-200.0, |level| level + PAGE_DB)).collect()
            }
        }
    }

    /// Listens until it hears these and no others.
    async fn comes_to_hear(&mut self, who: usize, when: &str, tones: &[u32], wanted: &[usize]) {
        let mut last = Vec::new();
        for _ in 0..GLANCES {
            last = self.levels(tones).await;
            let fits =
                |(at, level): (usize, &f64)| if wanted.contains(&at) { *level > HEARD_DB } else { *level < GONE_DB };
            if last.iter().enumerate().all(fits) {
                return;
            }
        }
        panic!("{when}: {who} is to hear {wanted:?} of {tones:?} and hears {last:.0?}");
    }

    /// Speaks its tone, or falls silent, by what such a phone has for it.
    async fn turns(&mut self, aloud: bool) {
        match self {
            Self::Sipp(sound, _) => sound.speaks(aloud),
            Self::Baresip(baresip) => baresip.turns_its_microphone_off_or_on().await,
            Self::Page(page) => {
                page.run(&format!("[...phone.talks.values()][0].mute({}); true", !aloud)).await;
            }
        }
    }
}

/// How one of them stands, as far as others notice.
#[derive(Clone)]
struct Stands {
    talks: bool,
    muted: bool,
    deaf: bool,
    room: &'static str,
}

struct Crowd {
    server: Server,
    all: Vec<One>,
    voices: Vec<Voice>,
    /// Their numbers in the room.
    members: Vec<u64>,
    stands: Vec<Stands>,
    /// Who does not hear whom.
    apart: BTreeSet<(usize, usize)>,
}

impl Crowd {
    fn is_heard(&self, listener: usize, speaker: usize) -> bool {
        let (ears, mouth) = (&self.stands[listener], &self.stands[speaker]);
        let both = listener != speaker && ears.room == mouth.room && !self.apart.contains(&(listener, speaker));
        both && !ears.deaf && mouth.talks && !mouth.muted
    }

    fn tones(&self) -> Vec<u32> {
        self.voices.iter().map(Voice::hz).collect()
    }

    /// Each of these, all at the same time, comes to hear exactly whom it should.
    async fn agree(&mut self, when: &str, listeners: usize) {
        let tones = self.tones();
        let wanted: Vec<Vec<usize>> =
            (0..ALL).map(|who| (0..ALL).filter(|other| self.is_heard(who, *other)).collect()).collect();
        let asked = self.all.iter_mut().zip(&wanted).take(listeners).enumerate();
        join_all(asked.map(|(who, (one, wanted))| one.comes_to_hear(who, when, &tones, wanted))).await;
    }

    /// These talk from now on, and nobody else.
    async fn only(&mut self, talkers: &[usize]) {
        for who in 0..ALL {
            let talks = talkers.contains(&who);
            if std::mem::replace(&mut self.stands[who].talks, talks) != talks {
                self.all[who].turns(talks).await;
            }
        }
    }

    async fn order(&self, deed: &str, who: Option<usize>, more: &[&str]) {
        let member = who.map(|who| self.members[who].to_string());
        let mut words = vec!["rooms", "order", "3001", deed];
        words.extend(member.iter().flat_map(|member| ["--member", member]));
        words.extend(more);
        words.push("--json");
        self.server.json(&words).await;
    }

    /// Whoever has called last is in.
    async fn takes(&mut self, one: One, voice: Voice) {
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
        self.all.push(one);
        self.voices.push(voice);
        self.stands.push(Stands { talks: true, muted: false, deaf: false, room: "3001" });
    }
}

/// All of them come, one after the other.
async fn crowd(lab: &Lab, server: Server, door: &Door) -> Crowd {
    let (all, voices, members, stands) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut crowd = Crowd { server, all, voices, members, stands, apart: BTreeSet::new() };
    let at = crowd.server.address(Carrier::Udp);
    for user in users("s") {
        let account = Account { carrier: Carrier::Udp, server: at, user: &user, password: "secret" };
        let sound = lab.sounding(&user);
        let flow = Flow::calls_with(&account, "3001", "", &sound.description());
        let playing = Place::on(Carrier::Udp).plays(&flow.hears(200).ack().is_hung_up().lasting(LASTING_S), at);
        sound.is_spoken_to().await;
        let voice = sound.voice().clone();
        crowd.takes(One::Sipp(sound, Box::new(playing)), voice).await;
    }
    for user in users("b") {
        let account = Account { carrier: Carrier::Udp, server: at, user: &user, password: "secret" };
        let voice = lab.voice(&user);
        let mut baresip = Baresip::calling(&account, voice.hz(), Keypad::Events);
        assert_eq!(baresip.verdict().await, Verdict::Registered);
        baresip.dial("3001").await;
        crowd.takes(One::Baresip(Box::new(baresip)), voice).await;
        crowd.order("gain", Some(crowd.members.len() - 1), &["--db", BARESIP_DB]).await;
    }
    let browser = tab(door, 400).await;
    for user in users("p") {
        let voice = lab.voice(&user);
        let mut page = browser.tab(voice.hz()).await;
        log_in(&mut page, door).await;
        page.open(&format!("http://{}/phone", door.web)).await;
        ready(&mut page).await;
        dial(&mut page, "3001").await;
        shows(&mut page, "talks").await;
        page.run(EAR).await;
        crowd.takes(One::Page(Box::new(page)), voice).await;
        crowd.order("gain", Some(crowd.members.len() - 1), &["--db", LOUD_PAGE_DB]).await;
    }
    crowd
}

fn users(kind: &str) -> impl Iterator<Item = String> {
    (0..EACH).map(move |number| format!("{kind}{number}"))
}

/// Who is mute is heard by nobody and hears all; who is deaf hears nobody and is heard by all.
async fn mute_and_deaf(crowd: &mut Crowd) {
    for who in DONE_WITH {
        crowd.order("mute", Some(who), &[]).await;
        crowd.stands[who].muted = true;
        crowd.agree(&format!("{who} is muted"), ALL).await;
        crowd.order("mute", Some(who), &["--off"]).await;
        crowd.order("deaf", Some(who), &[]).await;
        (crowd.stands[who].muted, crowd.stands[who].deaf) = (false, true);
        crowd.agree(&format!("{who} is deaf"), ALL).await;
        crowd.order("deaf", Some(who), &["--off"]).await;
        crowd.stands[who].deaf = false;
    }
    crowd.agree("nobody is muted or deaf any more", ALL).await;
}

/// One of each kind does not hear one of another kind, and all others do.
async fn pairwise(crowd: &mut Crowd) {
    let [sipp, baresip, page] = DONE_WITH;
    let pairs = [(page + 1, baresip), (baresip + 1, page), (sipp + 1, sipp), (baresip, sipp)];
    for (on, db) in [(true, "-60"), (false, "0")] {
        for (listener, speaker) in pairs {
            let other = crowd.members[speaker].to_string();
            crowd.order("hears", Some(listener), &["--other", &other, "--db", db]).await;
        }
        crowd.apart = pairs.into_iter().filter(|_| on).collect();
        crowd.agree(&format!("pairs stand at {db}"), ALL).await;
    }
}

/// Some go to another room, and that room comes back to the first.
async fn moved_and_merged(crowd: &mut Crowd) {
    for who in DONE_WITH {
        crowd.order("move", Some(who), &["--to", "side"]).await;
        crowd.stands[who].room = "side";
        crowd.agree(&format!("{who} has gone"), ALL).await;
    }
    crowd.order("merge", None, &["--to", "side"]).await;
    crowd.stands.iter_mut().for_each(|stands| stands.room = "3001");
    crowd.agree("all are together again", ALL).await;
}

/// The files of recordings that are named so.
fn recordings(server: &Server, begins: &str, ending: &str) -> Vec<PathBuf> {
    let days = std::fs::read_dir(server.data().join("recordings")).expect("a folder of recordings");
    let files = days.filter_map(Result::ok).filter_map(|day| std::fs::read_dir(day.path()).ok()).flatten();
    let named = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(begins) && name.ends_with(ending)
    };
    files.filter_map(Result::ok).map(|file| file.path()).filter(named).collect()
}

/// What all heard, as the room's recording has it, as a wav.
async fn mixed(server: &Server, into: PathBuf) -> PathBuf {
    let files = recordings(server, "room-3001-", ".opus");
    let made = tokio::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(files.first().expect("a recording of the room"))
        .args(["-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le"])
        .arg(&into)
        .status();
    assert!(made.await.expect("ffmpeg, which the tests need").success());
    into
}

/// Whose tones are in any half second of a file.
fn audible(lab: &Lab, file: &Path, tones: &[u32]) -> Vec<usize> {
    let heard = lab.hears_file(file, 0);
    let pieces: Vec<Hearing> = heard.pieces(GLANCE).collect();
    let is_there = |hz: u32| pieces.iter().any(|piece| f64::from(piece.tone(hz.into())) > HEARD_DB);
    (0..tones.len()).filter(|who| is_there(tones[*who])).collect()
}

/// What is left of it in files: of each its own voice alone, of the room everybody's, and of two of them what they heard.
async fn recordings_agree(crowd: &Crowd, lab: &Lab, folder: &Path) {
    let (tones, everybody) = (crowd.tones(), (0..ALL).collect::<Vec<_>>());
    let own: Vec<Vec<usize>> =
        recordings(&crowd.server, "member-3001-", ".wav").iter().map(|file| audible(lab, file, &tones)).collect();
    assert!(own.iter().all(|voices| voices.len() == 1), "each file has one voice: {own:?}");
    let of: BTreeSet<usize> = own.concat().into_iter().collect();
    assert_eq!(of.into_iter().collect::<Vec<_>>(), everybody, "everybody has one");
    for (who, user) in [(1, "s1"), (EACH + 1, "b1")] {
        let ears = folder.join(format!("{user}.wav"));
        let file = ears.to_str().expect("a name").to_owned();
        crowd.server.json(&["rooms", "heard", "3001", user, "-o", &file, "--json"]).await;
        let others: Vec<usize> = everybody.iter().copied().filter(|other| *other != who).collect();
        assert_eq!(audible(lab, &ears, &tones), others, "the ledger knows what {user} heard");
    }
    let file = mixed(&crowd.server, folder.join("room.wav")).await;
    assert_eq!(audible(lab, &file, &tones), everybody, "the room's recording has all of them");
}

/// In which rooms each call was, by its record, with time in each.
fn rooms_of(told: &[Value]) -> Vec<Vec<&str>> {
    let legs = told.iter().filter_map(|told| told["record"]["legs"][0]["rooms"].as_array());
    let timed = |stay: &&Value| stay["left_us"].as_u64() > stay["came_us"].as_u64();
    legs.map(|rooms| rooms.iter().filter(timed).filter_map(|stay| stay["room"].as_str()).collect()).collect()
}

#[tokio::test]
async fn twelve_phones_of_three_kinds_hear_exactly_whom_they_should_through_everything() {
    let accounts = ["s", "b"].into_iter().flat_map(users);
    let setup = accounts.fold(setup().toml(ROOM), |setup, user| setup.endpoint(&user, "secret"));
    let (server, door) = house_of(setup).await;
    let (lab, folder) = (Lab::open(), tempfile::tempdir().expect("a folder"));
    let mut crowd = crowd(&lab, server, &door).await;
    crowd.agree("all talk at once", PAGES).await;
    for talkers in ROUNDS {
        crowd.only(&talkers).await;
        crowd.agree(&format!("{talkers:?} talk"), ALL).await;
    }
    mute_and_deaf(&mut crowd).await;
    pairwise(&mut crowd).await;
    moved_and_merged(&mut crowd).await;

    crowd.order("end", None, &[]).await;
    let told = records(&crowd.server, ALL).await;
    let mut rooms = rooms_of(&told);
    rooms.sort_unstable();
    let expected = [vec![vec!["3001"]; ALL - 3], vec![vec!["3001", "side", "3001"]; 3]].concat();
    assert_eq!(rooms, expected, "{told:#?}");
    recordings_agree(&crowd, &lab, folder.path()).await;
    for one in crowd.all {
        match one {
            One::Sipp(_, playing) => playing.ends_well().await,
            One::Baresip(baresip) => drop(baresip.quit().await),
            One::Page(page) => assert_eq!(page.complaints(), Vec::<String>::new()),
        }
    }
}
