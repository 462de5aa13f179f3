//! `[media]`, `[scripts]`, `[sounds]` and `[recordings]`: the ports and threads of sound, where prompts come from, and where
//! recordings go.
//!
//! Nothing is opened here. Whether the machine has descriptors for that many ports is told at the start.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use patchcord_engine::call::notice::CALL_RECORDED;
use patchcord_engine::exchange::{RecordingRules, Written};
use patchcord_engine::runtime::SoundRules;
use patchcord_media::{prompt, rtp::ports::Range, shard};
use patchcord_web::fetch::{Keys, Misplaced, Place as Store};
use patchcord_web::people::Masking;
use patchcord_web::retention::Kept;
use patchcord_web::uploads;

use super::{problem::Wrong, section::Section, tree::Environment};

/// Where services lie unless told otherwise; their sounds lie in a folder within.
pub const SCRIPTS: &str = "scripts";

/// The folder of sounds beside the services.
pub const SOUNDS: &str = "sounds";

/// Shortest and longest that something may be kept: a day, and a century.
const KEPT: std::ops::RangeInclusive<Duration> = Duration::from_secs(86_400)..=Duration::from_secs(100 * 366 * 86_400);

/// Fewest and most records that may be kept: fewer are gone before anybody looks.
const MOST_RECORDS: std::ops::RangeInclusive<usize> = 1_000..=1_000_000_000;

/// Fewest bytes of recordings: an hour of one call in wav.
const LEAST_RECORDED: u64 = 100_000_000;

/// The folder of recordings in the data folder, unless told otherwise.
const RECORDINGS: &str = "recordings";

/// After how long without a packet a party counts as silent unless told otherwise. Phones that suppress silence send at
/// least reports and noise now and then; a party that sent nothing at all for a minute has gone.
const SILENCE: Duration = Duration::from_secs(60);

/// Most media threads; a machine with more cores wants several servers.
const MAX_THREADS: usize = 256;

/// Least and most bytes of prompts in memory: a minute of sound, and more than any machine has.
const PROMPT_BYTES: std::ops::RangeInclusive<usize> = 1 << 20..=1 << 40;

/// Fewest and most kbit/s of pictures that a leg may send: a small moving picture, and more than any camera needs.
const PICTURE_KBIT: std::ops::RangeInclusive<usize> = 64..=20_000;

/// How many that are unless told otherwise: 720 lines of a face.
const KBIT: u32 = 2500;

/// Everything that is told about sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// First and last number of the ports.
    pub ports: (u16, u16),
    /// The same for the ports that browsers share, one for each media thread and address; `None`: free ones of `ports`.
    pub browser_ports: Option<(u16, u16)>,
    /// Media threads.
    pub threads: usize,
    /// How ports of calls are opened.
    pub rules: SoundRules,
    /// The folder of services.
    pub scripts: PathBuf,
    /// Whether a change whose own tests fail is not served.
    pub tests: bool,
    /// Whether the file names that folder, so that it has to be there.
    pub is_named: bool,
    /// What prompts that name no language are spoken in.
    pub language: String,
    /// Where `store://` leads.
    pub store: Option<Store>,
    /// How we show the store who we are.
    pub keys: Option<Keys>,
    /// Networks beside the public internet from which scripts may fetch prompts.
    pub reach: Vec<IpNet>,
    /// Bytes of prompts that are kept in memory.
    pub prompt_bytes: usize,
    /// How long records and recordings are kept.
    pub kept: Kept,
    /// What parties hear that are recorded, and what kind of file it is.
    pub recording: RecordingRules,
    /// For whom numbers are masked.
    pub masking: Masking,
    /// The folder of recordings; made where it is not there.
    pub recordings: PathBuf,
    /// The bucket that they are brought into.
    pub uploads: uploads::Settings,
}

impl Sound {
    /// Where prompts of this machine are looked for.
    pub fn folders(&self) -> Vec<PathBuf> {
        vec![self.scripts.join(SOUNDS)]
    }
}

/// How much of prompts `[limits]` lets stay in memory.
pub fn prompt_bytes(limits: &mut Section<'_>) -> usize {
    limits.take_number("prompt_bytes", PROMPT_BYTES).unwrap_or_else(|| prompt::Settings::default().cache)
}

/// Reads the four sections. Paths start at `base`; what is kept lies in `data` unless told otherwise.
pub fn read(top: &mut Section<'_>, base: &Path, data: &Path, prompt_bytes: usize, environment: &Environment) -> Sound {
    let default = shard::Settings::default();
    let mut media = top.take_section("media");
    let ports = media.take_parsed("ports", ports).map_or(default.numbers, |(found, _)| found);
    let browser_ports = media.take_parsed("browser_ports", self::ports).map(|(found, _)| found);
    let threads = media.take_number("threads", 1..=MAX_THREADS).unwrap_or(default.threads);
    let address = media.take_parsed("address", own_address).and_then(|(found, _)| found);
    let advertise = media.take_parsed("advertise", public_address).map(|(found, _)| found);
    let silence = Duration::from_secs(1)..=Duration::from_secs(86_400);
    let silence_after = media.take_duration_or("silence_after", "never", silence).unwrap_or(Some(SILENCE));
    let pictures = media.take_parsed("video", pictures).is_none_or(|(pass, _)| pass);
    let kbit = media.take_number("video_kbit", PICTURE_KBIT).map_or(KBIT, |kbit| kbit as u32);
    let picture_kbit = pictures.then_some(kbit);
    media.close();

    let mut section = top.take_section("scripts");
    let named = section.take_text("path").map(|(path, _)| path);
    let tests = section.take_boolean("test").unwrap_or(true);
    section.close();

    let mut sounds = top.take_section("sounds");
    let language = sounds.take_parsed("language", language).map_or_else(|| prompt::ENGLISH.into(), |(found, _)| found);
    let store = sounds.take_parsed("store", |text| store(text, base)).map(|(found, _)| found);
    let keys = keys(&mut sounds, environment);
    let network = |text: &str| {
        let remedy = "write a network, as in \"10.0.0.0/8\" or \"fd00::/8\"";
        text.parse().map_err(|_| Wrong::new(format!("{text:?} is no network"), remedy))
    };
    let reach = sounds.take_list("reach", network).unwrap_or_default();
    sounds.close();

    let mut section = top.take_section("recordings");
    let recordings = section.take_text("path").map(|(path, _)| path);
    let recording = recording(&mut section);
    let kept_recordings = section.take_duration_or("keep", "ever", KEPT).flatten();
    let most_recorded = section.take_parsed("most", bytes).map(|(bytes, _)| bytes);
    let bucket = section.take_parsed("store", bucket).map(|(found, _)| found);
    let uploads = uploads::Settings { store: bucket, keys: self::keys(&mut section, environment) };
    section.close();
    let mut section = top.take_section("records");
    let kept = Kept {
        records: section.take_duration_or("keep", "ever", KEPT).flatten(),
        journals: section.take_duration_or("keep_journals", "ever", KEPT).flatten(),
        most_records: section.take_number("most", MOST_RECORDS).map(|most| most as u64),
        recordings: kept_recordings,
        most_recorded,
        sent_first: uploads.store.is_some(),
    };
    let masking = section.take_parsed("masking", masking).map(|(found, _)| found).unwrap_or_default();
    section.close();
    Sound {
        ports,
        browser_ports,
        threads,
        rules: SoundRules { address, advertise, silence_after, picture_kbit },
        tests,
        is_named: named.is_some(),
        scripts: base.join(named.unwrap_or_else(|| SCRIPTS.into())),
        language,
        store,
        keys,
        reach,
        prompt_bytes,
        kept,
        recording,
        masking,
        recordings: recordings.map_or_else(|| data.join(RECORDINGS), |path| base.join(path)),
        uploads,
    }
}

/// Whether recordings are announced, and what kind of file they are.
fn recording(section: &mut Section<'_>) -> RecordingRules {
    let announce = section.take_boolean_or("announce", announcement);
    let announce = announce.and_then(|wanted| match wanted {
        Ok(on) => on.then(|| CALL_RECORDED.into()),
        Err(prompt) => Some(prompt.into()),
    });
    let format = section.take_parsed("format", |text| {
        let remedy = "write \"wav\" or \"opus\", or leave it away";
        Written::of(text).ok_or_else(|| Wrong::new(format!("{text:?} is no format of recordings"), remedy))
    });
    RecordingRules { announce, format: format.map(|(format, _)| format) }
}

/// The name of a prompt, or a tone that ends. Where there is no such file, the shipped words are heard.
fn announcement(text: &str) -> Result<String, Wrong> {
    let remedy = "write true for the shipped words, false for none, or the name of a prompt as in \"we-record\"";
    let wrong = |why: String| Err(Wrong::new(why, remedy));
    match prompt::named(text, prompt::ENGLISH) {
        Ok(_) if ["true", "false"].contains(&text) => wrong(format!("{text:?} is written without quotes")),
        Ok(prompt::Named::Tone(tone)) if tone.ms().is_none() => wrong(format!("{text:?} never ends")),
        Ok(_) => Ok(text.to_owned()),
        Err(why) => wrong(format!("{text:?} is no prompt: {why}")),
    }
}

fn masking(text: &str) -> Result<Masking, Wrong> {
    let remedy = "write for whom numbers are masked: \"viewers\", \"operators\" (and viewers), or \"nobody\"";
    text.parse().map_err(|_| Wrong::new(format!("{text:?} is none for whom numbers could be masked"), remedy))
}

/// The folder of a language. Its prompts may all lie on disk, so any tag will do.
fn language(text: &str) -> Result<String, Wrong> {
    let is_tag = (2..=3).contains(&text.len()) && text.bytes().all(|letter| letter.is_ascii_lowercase());
    let remedy = "write a language in two or three small letters, as in \"en\" or \"de\"";
    is_tag.then(|| text.to_owned()).ok_or_else(|| Wrong::new(format!("{text:?} is no language"), remedy))
}

fn ports(text: &str) -> Result<(u16, u16), Wrong> {
    let remedy = "write the first and the last port, as in \"10000-32767\"";
    let no_range = || Wrong::new(format!("{text:?} is no range of ports"), remedy);
    let (first, last) = text.split_once('-').ok_or_else(no_range)?;
    let number = |text: &str| text.trim().parse::<u16>().map_err(|_| no_range());
    let (first, last) = (number(first)?, number(last)?);
    // Each leg takes an even port and the one above it; the order of those is of no interest here.
    match Range::new(first, last, || 0) {
        Ok(_) => Ok((first, last)),
        Err(bad) => Err(Wrong::new(format!("{text:?} holds {bad}"), remedy)),
    }
}

/// Whether pictures pass between two legs that both have them.
fn pictures(text: &str) -> Result<bool, Wrong> {
    match text {
        "relay" => Ok(true),
        "off" => Ok(false),
        _ => Err(Wrong::new(format!("{text:?} is nothing that could become of video"), "write \"relay\" or \"off\"")),
    }
}

fn own_address(text: &str) -> Result<Option<IpAddr>, Wrong> {
    let remedy = "write an IP address of this machine, or leave it away for all of them";
    let address: IpAddr = text.parse().map_err(|_| Wrong::new(format!("{text:?} is no IP address"), remedy))?;
    if address.is_multicast() {
        return Err(Wrong::new(format!("{address} is the address of a group"), remedy));
    }
    Ok(Some(address).filter(|address| !address.is_unspecified()))
}

fn public_address(text: &str) -> Result<IpAddr, Wrong> {
    let remedy = "write the public IP address of sound, or leave it away when it is that of [sip] advertise";
    let address: IpAddr = text.parse().map_err(|_| Wrong::new(format!("{text:?} is no IP address"), remedy))?;
    if address.is_unspecified() || address.is_multicast() {
        return Err(Wrong::new(format!("nobody can send to {address}"), remedy));
    }
    Ok(address)
}

fn store(text: &str, base: &Path) -> Result<Store, Wrong> {
    let found = Store::read(text).map(|found| match found {
        Store::Folder(path) => Store::Folder(base.join(path)),
        bucket => bucket,
    });
    found.map_err(|error| {
        // What a person wrote into it by mistake may be a key.
        let shown = if error == Misplaced::Key { "it".into() } else { format!("{text:?}") };
        let remedy = "write \"s3://bucket/prefix?region=…&endpoint=https://…\", or a folder";
        Wrong::new(format!("{shown} cannot be used: {error}"), remedy)
    })
}

/// Where recordings are brought: a folder they have already.
fn bucket(text: &str) -> Result<Store, Wrong> {
    match store(text, Path::new(""))? {
        Store::Folder(_) => Err(Wrong::new(
            format!("{text:?} is no bucket"),
            "write \"s3://bucket/prefix?region=…&endpoint=https://…\"",
        )),
        bucket => Ok(bucket),
    }
}

/// Both halves of the key, or none.
fn keys(sounds: &mut Section<'_>, environment: &Environment) -> Option<Keys> {
    let place = sounds.place().clone();
    let is_given = sounds.has("store_secret") || sounds.has("store_secret_env");
    let id = sounds.take_text("store_key").map(|(id, _)| id);
    let written = sounds.take_text("store_secret").map(|(secret, _)| secret);
    let kept = sounds.take_parsed("store_secret_env", |name| {
        let unset = || {
            let reason = format!("environment variable {name} is not set");
            Wrong::new(reason, format!("set {name} before the server starts"))
        };
        environment.get(name).cloned().ok_or_else(unset)
    });
    match (id, written.or(kept.map(|(secret, _)| secret))) {
        (Some(id), Some(secret)) => Some(Keys { id, secret }),
        (Some(_), None) if !is_given => {
            let wrong = Wrong::new("has no secret beside it", "write store_secret or store_secret_env too");
            sounds.object(&place, "store_key", wrong);
            None
        }
        // A secret that was given and could not be read is told already.
        (_, None) => None,
        (None, Some(_)) => {
            sounds.object(&place, "store_key", Wrong::new("is missing beside its secret", "write store_key too"));
            None
        }
    }
}

/// `500MB`, `50GB` or `2TB`.
fn bytes(text: &str) -> Result<u64, Wrong> {
    let units = [("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000)];
    let read = units.into_iter().find_map(|(unit, bytes)| {
        let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(bytes)
    });
    let remedy = "write it as in \"500MB\", \"50GB\" or \"2TB\", and at least 100MB";
    read.filter(|bytes| *bytes >= LEAST_RECORDED).ok_or_else(|| Wrong::new(format!("{text:?} is no such size"), remedy))
}
