//! The media threads, the loader of prompts with what fetches from disk, the web and a bucket, and the writer of recordings.
//!
//! Started before SIP and stopped after it. Nothing here knows of calls.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io,
    net::{IpAddr, UdpSocket},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use patchcord_engine::runtime::{self, CertificateError, clock};
use patchcord_media::{
    frame::Rate,
    prompt::{self, Disk, Embedded, Form, Loader, Loudness, Named, Wish},
    recording::Writer,
    rtp::ports::{Capacity, Range},
    shard::{self, Plane, limits},
};
use patchcord_scripts::shipped;
use patchcord_web::{
    fetch::{self, Reach, Unopened},
    house,
    metrics::{Exposition, Kind},
    uploads::{Bucket, Uploads},
};
use rustls::pki_types::CertificateDer;
use tracing::{info, warn};

use crate::config::{Config, Sound};

/// What is written into the folder of recordings at the start, and taken away again.
const PROBE: &str = ".patchcord";

/// How long somebody waits who wants a prompt heard in a room: longer than one from elsewhere takes to come.
const PREPARED: Duration = Duration::from_secs(15);

/// Why there can be no sound.
#[derive(Debug, thiserror::Error)]
pub enum Silenced {
    /// The media threads do not start.
    #[error("the media threads do not start")]
    Plane(#[from] shard::StartError),
    /// The loader has no threads.
    #[error("prompts cannot be loaded")]
    Loader(#[source] io::Error),
    /// Nothing can be fetched from elsewhere.
    #[error(transparent)]
    Fetch(#[from] Unopened),
    /// Recordings cannot be brought anywhere.
    #[error("recordings cannot be brought into their bucket")]
    Uploads(#[source] Unopened),
    /// The authorities cannot be read.
    #[error(transparent)]
    Trust(#[from] CertificateError),
    /// The writer of recordings has no threads.
    #[error("recordings cannot be written")]
    Writer(#[source] io::Error),
    /// The folder of recordings cannot be made, or not be written in.
    #[error("{} is no folder that recordings can be kept in", .0.display())]
    Recordings(PathBuf, #[source] io::Error),
    /// The folder that was named.
    #[error("{} is no folder", .0.display())]
    NoFolder(PathBuf),
    /// The address that was named.
    #[error("{0} is no address that sound can be taken at here")]
    Address(IpAddr, #[source] io::Error),
}

impl Silenced {
    /// The key of the configuration that it is about.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Plane(_) => "media.threads",
            Self::Loader(_) | Self::Writer(_) => "",
            Self::Recordings(..) => "recordings.path",
            Self::Fetch(_) => "sounds.store",
            Self::Uploads(_) => "recordings.store",
            Self::Trust(_) => "tls.trust",
            Self::NoFolder(_) => "scripts.path",
            Self::Address(..) => "media.address",
        }
    }

    /// What the person can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Plane(_) | Self::Loader(_) | Self::Writer(_) => {
                "see the limits that this machine sets for the process"
            }
            Self::Fetch(_) => "correct [sounds] store, or leave it away",
            Self::Uploads(_) => "correct [recordings] store, or leave it away",
            Self::Trust(_) => "name a PEM file of authorities that the server's user may read",
            Self::Recordings(..) => "name a folder that the server's user may write in",
            Self::NoFolder(_) => "name the folder that services and sounds lie in, or leave it away",
            Self::Address(..) => "name an address of this machine, or leave it away for all of them",
        }
    }
}

/// The running media threads and the loader.
#[derive(Clone)]
pub struct SoundRoom {
    plane: Plane,
    loader: Arc<Loader>,
    most_ports: usize,
}

/// Starts the threads, with a listener for each shard of SIP.
pub fn open(config: &Config) -> Result<(SoundRoom, runtime::Sound), Silenced> {
    let sound = &config.sound;
    if sound.is_named && !sound.scripts.is_dir() {
        return Err(Silenced::NoFolder(sound.scripts.clone()));
    }
    if let Some(address) = sound.rules.address {
        UdpSocket::bind((address, 0)).map_err(|error| Silenced::Address(address, error))?;
    }
    let recordings = recordings(sound)?;
    let loader = Arc::new(loader(config)?);
    let most_ports = most_ports(sound)?;
    let settings = shard::Settings {
        threads: sound.threads,
        listeners: config.runtime.shards.max(1),
        numbers: sound.ports,
        browser_numbers: sound.browser_ports,
        most_ports,
        ..shard::Settings::default()
    };
    let (plane, notices) = Plane::start(&settings)?;
    let room = SoundRoom { plane: plane.clone(), loader: loader.clone(), most_ports };
    Ok((room, runtime::Sound { plane, notices, loader, recordings: Some(recordings), rules: sound.rules.clone() }))
}

/// The folder of recordings, and a thread of the writer for each media thread.
fn recordings(sound: &Sound) -> Result<runtime::Recordings, Silenced> {
    let folder = sound.recordings.clone();
    ready(&folder).map_err(|error| Silenced::Recordings(folder.clone(), error))?;
    let writer = Writer::start(sound.threads).map_err(Silenced::Writer)?;
    Ok(runtime::Recordings { writer: Arc::new(writer), folder })
}

/// Makes the folder where it is not there, for nobody but us, and writes in it once: what cannot be kept is known before the
/// first call.
fn ready(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let probe = folder.join(PROBE);
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&probe)?;
    fs::remove_file(probe)
}

/// The narrower of the range and the limit of open files.
fn most_ports(sound: &Sound) -> Result<usize, shard::StartError> {
    // The order of the numbers is of no interest here.
    let range = Range::new(sound.ports.0, sound.ports.1, || 0)?;
    let limit = runtime::raise_descriptors().unwrap_or(usize::MAX);
    let Capacity { by_ports, .. } = Capacity::new(&range, limit, limits::RESERVE);
    let by_descriptors = limits::most_ports(limits::RESERVE);
    let most = by_ports.min(by_descriptors);
    if most < by_ports && sound.ports != shard::Settings::default().numbers {
        warn!(
            by_ports,
            by_descriptors, "fewer ports than [media] ports has: raise the limit of open files (ulimit -n)"
        );
    } else {
        info!(by_ports, by_descriptors, "as many ports for sound as both allow");
    }
    Ok(most)
}

fn loader(config: &Config) -> Result<Loader, Silenced> {
    let Sound { store, keys, reach, prompt_bytes, .. } = config.sound.clone();
    let authorities = authorities(config)?;
    let remote = fetch::schemes(fetch::Settings { reach: Reach::and(reach), authorities, store, keys })?;
    let settings = prompt::Settings { cache: prompt_bytes, ..prompt::Settings::default() };
    // What a script has recorded it may play.
    let folders = [config.sound.folders(), vec![config.sound.recordings.clone()]].concat();
    let disk = Disk::new(folders);
    let prompts = Embedded::new(disk, &config.sound.language, shipped::sound);
    Loader::start(settings, Arc::new(prompts), remote).map_err(Silenced::Loader)
}

/// The bucket that recordings are brought into, where one is configured, and what waits for it.
pub fn uploads(config: &Config) -> Result<(Option<Bucket>, Arc<Uploads>), Silenced> {
    let bucket = Bucket::open(config.sound.uploads.clone(), authorities(config)?).map_err(Silenced::Uploads)?;
    let waiting = Arc::new(Uploads::new(bucket.is_some()));
    Ok((bucket, waiting))
}

/// Who is trusted beside the system's authorities.
pub fn authorities(config: &Config) -> Result<Vec<CertificateDer<'static>>, Silenced> {
    Ok(config.runtime.trust.as_deref().map(runtime::authorities).transpose()?.unwrap_or_default())
}

impl SoundRoom {
    /// How the media threads are.
    pub fn status(&self) -> house::Sound {
        let (tallies, sum, kept) = (self.plane.tallies(), self.plane.tally(), self.loader.standing());
        house::Sound {
            threads: tallies.len(),
            ports: sum.ports,
            most_ports: self.most_ports,
            rooms: sum.rooms,
            load_permille: sum.load_permille,
            late_ticks: sum.late_ticks + sum.overruns,
            dropped: sum.dropped + sum.unsent,
            prompts: kept.kept,
            prompt_bytes: kept.bytes,
        }
    }

    /// Makes a prompt ready for rooms; why it cannot be played. Blocks.
    pub fn prepare(&self, written: &str) -> Result<(), String> {
        let name = match prompt::named(written, "de").map_err(|why| why.to_string())? {
            Named::Tone(_) => return Ok(()),
            Named::File(name) => name,
        };
        let wish = Wish { name: name.into(), loudness: Loudness::default(), form: Form::Samples(Rate::Wide) };
        match self.loader.load_and_wait(wish, clock::now(), PREPARED) {
            Some(loaded) => loaded.map(drop).map_err(|why| why.to_string()),
            None => Err(format!("{written} was not ready after {} s", PREPARED.as_secs())),
        }
    }

    /// What each media thread counted, and how the loader stands.
    pub fn measure(&self, page: &mut Exposition) {
        let threads: Vec<Vec<_>> = self.plane.tallies().iter().map(|tally| tally.named().collect()).collect();
        for (at, (name, about, _)) in threads.first().into_iter().flatten().enumerate() {
            let kind = if matches!(*name, "ports" | "rooms" | "load_permille") { Kind::Gauge } else { Kind::Counter };
            let samples: Vec<_> =
                threads.iter().enumerate().map(|(thread, tally)| ("thread", thread, tally[at].2)).collect();
            page.family(kind, &format!("media_{name}"), about.trim_end_matches('.'), &samples);
        }
        page.gauge("media_ports_most", "Ports that may be open at a time", self.most_ports as u64);
        let prompt::Standing { kept, bytes, underway, decoded, refused } = self.loader.standing();
        page.gauge("prompts", "Prompts that are kept ready", kept as u64);
        page.gauge("prompt_bytes", "Bytes that they take", bytes as u64);
        page.gauge("prompts_underway", "Prompts that are being made ready", underway as u64);
        page.counter("prompts_decoded", "Files of prompts that were decoded", decoded);
        page.counter("prompts_refused", "Prompts refused because too many waited", refused);
    }

    /// Closes all ports and waits until every media thread has ended.
    pub fn stop(&self) {
        self.plane.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn the_folder_of_recordings_is_made_for_nobody_but_us_and_left_empty() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join("kept/recordings");
        ready(&folder).expect("it can be made");
        ready(&folder).expect("it is there");
        let mode = fs::metadata(&folder).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(fs::read_dir(&folder).expect("it can be read").count(), 0);
    }

    #[test]
    fn where_no_recording_can_be_kept_the_start_says_so() {
        let data = tempfile::tempdir().expect("a folder");
        let file = data.path().join("file");
        fs::write(&file, "").expect("written");
        let refused = ready(&file.join("recordings")).map_err(|error| Silenced::Recordings(file, error));
        let refused = refused.expect_err("a file holds no folder");
        assert_eq!(refused.key(), "recordings.path");
        assert!(refused.to_string().ends_with("/file is no folder that recordings can be kept in"), "{refused}");
    }

    /// All samples of a prompt, and their level.
    fn heard(name: &str, loudness: Loudness) -> (usize, f32) {
        let bytes = shipped::sound(name).expect("it is shipped").to_vec();
        let samples = prompt::decode(name, bytes, Rate::Narrow, loudness, &prompt::Limits::default());
        let samples = samples.unwrap_or_else(|error| panic!("{name}: {error}"));
        let samples: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
        let level = prompt::loudness_dbm0(&samples, Rate::Narrow).unwrap_or_else(|| panic!("{name} is silent"));
        (samples.len(), level)
    }

    #[test]
    fn every_shipped_sound_plays_as_loud_as_the_house_wants_it() {
        for (number, name) in shipped::sounds().enumerate() {
            let (samples, level) = heard(name, Loudness::AsRecorded);
            assert!((level - prompt::TARGET_DBM0).abs() < 5.0, "{name} was recorded at {level} dBm0");
            let (least, most) = if name == "music" { (30, 60) } else { (0, 16) };
            let seconds = samples / Rate::Narrow.hz() as usize;
            assert!((least..most).contains(&seconds) && samples > 1000, "{name} has {samples} samples");
            // Levelling is a law of its own; here some are enough.
            if number % 20 == 0 {
                let (_, level) = heard(name, Loudness::Levelled);
                assert!((level - prompt::TARGET_DBM0).abs() < 1.0, "{name} plays at {level} dBm0");
            }
        }
    }

    #[test]
    fn a_loader_finds_what_is_shipped_and_what_lies_on_disk_in_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let prompts = Embedded::new(Disk::new(vec![folder.path().into()]), "de", shipped::sound);
        let settings = prompt::Settings { fresh: Duration::ZERO, ..prompt::Settings::default() };
        let loader = Loader::start(settings, Arc::new(prompts), HashMap::new()).expect("its threads start");
        let length = |name: &str| {
            let wish = Wish { name: name.into(), loudness: Loudness::Levelled, form: Form::Samples(Rate::Wide) };
            let loaded = loader.load_and_wait(wish, clock::now(), Duration::from_secs(10)).expect("it comes in time");
            loaded.map(|sound| sound.duration()).map_err(|unloaded| unloaded.to_string())
        };
        let (german, english) = (length("goodbye"), length("en/goodbye"));
        assert!(german.is_ok() && english.is_ok() && german != english, "{german:?} and {english:?}");
        assert!(length("never-recorded").is_err_and(|told| told.contains("never-recorded is not there")));
        let own = shipped::sound("music").expect("it is shipped");
        fs::write(folder.path().join("goodbye.opus"), own).expect("written");
        assert_eq!(length("goodbye"), length("music"));
    }
}
