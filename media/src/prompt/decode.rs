//! Bytes of a sound file into mono samples at one rate.
//!
//! [`decode`] reads wav (PCM of 8 to 32 bits, float, µ-law, A-law), aiff, mp3, Ogg Vorbis, Ogg Opus, flac, AAC in ADTS, m4a and
//! webm, which is what a browser records. What
//! the bytes are is seen from the bytes; the name's ending is a hint and may be wrong. A file that is damaged, cut short or
//! larger than [`Limits`] is refused whole, by name and with a remedy: half a sentence on the telephone helps nobody.
//!
//! It takes as long as it takes and is never called on a media thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::common::Limit;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::heads::{self, Edit};
use super::level::{self, Loudness};
use super::opus::Voice;
use super::resample::Resampler;
use crate::frame::Rate;

/// What is read here, as an error tells it.
const READ_HERE: &str = "wav, aiff, mp3, Ogg Vorbis, Ogg Opus, flac, aac, m4a and webm are read";
/// Rates of files: below is no speech, above is nothing that a telephone could tell from 192 kHz.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4000..=192_000;
/// The most channels of a file; more are not sound for one ear.
const MAX_CHANNELS: usize = 8;
/// The most packets of a file. The shortest packets are 2.5 ms, so an hour of them fits; a table that promises more packets,
/// all of them empty, would keep a thread busy for ever.
const MAX_PACKETS: usize = 1_500_000;
/// Of a hundred packets, this many may be damaged before the file is refused; the first two are forgiven always, because an
/// mp3 that was cut from another begins with packets that lean on what is gone.
const DAMAGED_PERCENT: usize = 1;
const FORGIVEN: usize = 2;
/// How much may be missing from the end. Encoders pad and trim by less; a cut file lacks more.
const MISSING: Duration = Duration::from_millis(200);
/// Pictures and texts in a file are not sound; a tag may take this much memory before it is skipped.
const MAX_TAG: usize = 64 * 1024;

/// How large a file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: usize,
    /// How long it may play.
    pub duration: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Half an hour of music in CD quality as flac takes more, as mp3 it takes half of this.
            bytes: 64 << 20,
            // Half an hour at 48 kHz takes 345 MB while it is decoded: what one loader thread may use.
            duration: Duration::from_secs(1800),
        }
    }
}

/// Why a file cannot be played. Every message names the file, what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unplayable {
    /// No bytes.
    #[error("{name} is empty: put a sound file there")]
    Empty {
        /// The file.
        name: String,
    },
    /// More bytes than allowed.
    #[error("{name} has {bytes} bytes and {limit} are allowed: make it shorter, or store it as mp3 or Opus")]
    TooBig {
        /// The file.
        name: String,
        /// Its size.
        bytes: u64,
        /// The size allowed.
        limit: u64,
    },
    /// It plays longer than allowed.
    #[error("{name} plays longer than the {} seconds allowed: cut it into parts", limit.as_secs())]
    TooLong {
        /// The file.
        name: String,
        /// The time allowed.
        limit: Duration,
    },
    /// Nothing that is read here.
    #[error("{name} is no sound file that is known here ({READ_HERE}): convert it with ffmpeg -i {name} new.wav")]
    Unknown {
        /// The file.
        name: String,
    },
    /// The container is known and what it holds is not.
    #[error("{name} holds sound that is not known here ({why}; {READ_HERE}): convert it with ffmpeg -i {name} new.wav")]
    Unsupported {
        /// The file.
        name: String,
        /// What is not known.
        why: String,
    },
    /// It is a file of a known format, and it is broken.
    #[error("{name} is damaged ({why}): upload or export it again")]
    Damaged {
        /// The file.
        name: String,
        /// What the decoder says.
        why: String,
    },
    /// It ends before its own head says it does.
    #[error("{name} is cut short, {} ms of it are missing: upload or export it again", missing.as_millis())]
    CutShort {
        /// The file.
        name: String,
        /// How much is missing.
        missing: Duration,
    },
    /// A sound file without sound.
    #[error("{name} holds no sound: upload or export it again")]
    NoSound {
        /// The file.
        name: String,
    },
}

/// Reads a whole file: mono, at `rate`, as loud as `loudness` says.
///
/// # Errors
/// When the file cannot be played; the message says why and what to do.
pub fn decode(
    name: &str,
    bytes: Vec<u8>,
    rate: Rate,
    loudness: Loudness,
    limits: &Limits,
) -> Result<Vec<i16>, Unplayable> {
    let own = || name.to_owned();
    if bytes.is_empty() {
        return Err(Unplayable::Empty { name: own() });
    }
    if bytes.len() > limits.bytes {
        return Err(Unplayable::TooBig { name: own(), bytes: bytes.len() as u64, limit: limits.bytes as u64 });
    }
    // The decoders are other people's and the file is a stranger's: a bug of theirs is a damaged file to us.
    let decoded = catch_unwind(AssertUnwindSafe(|| read(name, bytes, rate, limits)));
    let samples = decoded.unwrap_or_else(|_| {
        Err(Unplayable::Damaged { name: own(), why: "its decoder stumbled over it and was stopped".into() })
    })?;
    if samples.is_empty() {
        return Err(Unplayable::NoSound { name: own() });
    }
    Ok(level::apply(&samples, rate, loudness))
}

fn read(name: &str, mut bytes: Vec<u8>, rate: Rate, limits: &Limits) -> Result<Vec<f32>, Unplayable> {
    heads::mend_wav(&mut bytes, limits.bytes);
    // Their reader multiplies this number before it looks at it.
    if let Some(channels) = heads::channels_of_wav(&bytes) {
        check_channels(name, usize::from(channels))?;
    }
    let edit = heads::edit_of(&bytes);
    let mut format = open(name, bytes)?;
    let track = format.default_track(TrackType::Audio).ok_or_else(|| Unplayable::NoSound { name: name.to_owned() })?;
    let mut reader = Reader::new(name, track, rate, limits)?;
    reader.edit = reader.edit.or(edit);
    reader.lasts = lasts(&*format);
    for _ in 0..MAX_PACKETS {
        match format.next_packet() {
            Ok(Some(packet)) if packet.track_id == reader.track => reader.take(&packet)?,
            Ok(Some(_)) => {}
            Ok(None) => return reader.finish(),
            // The end of the bytes in the middle of a packet: how much is missing is told by the head, if it knows.
            Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                reader.damaged += 1;
                return reader.finish();
            }
            Err(error) => return Err(told(name, &error)),
        }
    }
    Err(Unplayable::TooLong { name: name.to_owned(), limit: limits.duration })
}

/// How long the whole file says that it lasts, where that can only be its sound: of a film the pictures may go on alone.
fn lasts(format: &dyn FormatReader) -> Option<Duration> {
    let about = format.media_info();
    let is_alone = format.tracks().len() == 1;
    let time = about.time_base?.calc_duration(about.duration.filter(|_| is_alone)?)?;
    u64::try_from(time.as_millis()).ok().map(Duration::from_millis)
}

fn open(name: &str, bytes: Vec<u8>) -> Result<Box<dyn FormatReader>, Unplayable> {
    let mut hint = Hint::new();
    if let Some((_, ending)) = name.rsplit_once('.') {
        hint.with_extension(ending);
    }
    let stream = MediaSourceStream::new(Box::new(std::io::Cursor::new(bytes)), Default::default());
    let tags =
        MetadataOptions::default().limit_tag_bytes(Limit::Maximum(MAX_TAG)).limit_visual_bytes(Limit::Maximum(MAX_TAG));
    symphonia::default::get_probe().probe(&hint, stream, FormatOptions::default(), tags).map_err(|error| match error {
        // The probe reads to the end of what it does not know.
        Error::IoError(_) | Error::Unsupported(_) | Error::LimitError(_) => {
            Unplayable::Unknown { name: name.to_owned() }
        }
        error => told(name, &error),
    })
}

fn told(name: &str, error: &Error) -> Unplayable {
    let name = name.to_owned();
    match error {
        Error::Unsupported(what) => Unplayable::Unsupported { name, why: (*what).to_owned() },
        Error::ResetRequired => Unplayable::Unsupported { name, why: "several streams one after the other".into() },
        Error::IoError(_) => Unplayable::Damaged { name, why: "it ends in the middle".into() },
        error => Unplayable::Damaged { name, why: error.to_string() },
    }
}

/// Takes the packets of one track and keeps the sound.
struct Reader<'a> {
    name: &'a str,
    track: u32,
    limits: &'a Limits,
    decoder: Codec,
    rate: Rate,
    /// Made when the first packet tells the rate of the file.
    resampler: Option<Resampler>,
    /// How many samples a channel the head of the file promises.
    promised: Option<u64>,
    /// How long the file says that it lasts, for those whose heads count no samples.
    lasts: Option<Duration>,
    /// How many have come.
    heard: u64,
    /// Which part of it is played.
    edit: Option<Edit>,
    packets: usize,
    damaged: usize,
    mono: Vec<f32>,
}

impl<'a> Reader<'a> {
    fn new(name: &'a str, track: &Track, rate: Rate, limits: &'a Limits) -> Result<Self, Unplayable> {
        let unsupported = |why: &str| Unplayable::Unsupported { name: name.to_owned(), why: why.to_owned() };
        let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
        let parameters = parameters.ok_or_else(|| unsupported("a codec without a name"))?;
        let decoder = Codec::of(name, parameters)?;
        Ok(Self {
            name,
            track: track.id,
            limits,
            rate,
            resampler: None,
            promised: track.num_frames,
            lasts: None,
            heard: 0,
            edit: decoder.edit(),
            decoder,
            packets: 0,
            damaged: 0,
            mono: Vec::new(),
        })
    }

    fn take(&mut self, packet: &Packet) -> Result<(), Unplayable> {
        self.packets += 1;
        let Some((hz, channels)) = self.decoder.decode(self.name, packet, &mut self.mono)? else {
            self.damaged += 1;
            return Ok(());
        };
        let resampler = match &mut self.resampler {
            Some(resampler) if resampler.source_hz() == hz => resampler,
            Some(_) => return Err(unsupported(self.name, "the rate changes in the middle")),
            empty => {
                if !RATES_HZ.contains(&hz) {
                    return Err(unsupported(self.name, &format!("{hz} samples a second")));
                }
                check_channels(self.name, channels)?;
                empty.insert(Resampler::new(hz, self.rate))
            }
        };
        let from = self.heard;
        self.heard += self.mono.len() as u64;
        if self.heard > u64::from(hz) * self.limits.duration.as_secs() {
            return Err(Unplayable::TooLong { name: self.name.to_owned(), limit: self.limits.duration });
        }
        let played = played(self.edit, hz, from, self.mono.len());
        resampler.push(&self.mono[played]);
        Ok(())
    }

    fn finish(self) -> Result<Vec<f32>, Unplayable> {
        let name = self.name.to_owned();
        let Some(resampler) = self.resampler else {
            return Err(if self.damaged > 0 {
                Unplayable::Damaged { name, why: "no part of it can be decoded".into() }
            } else {
                Unplayable::NoSound { name }
            });
        };
        // Whoever writes to a pipe does not know the length and promises the most that the head can say.
        let hz = u64::from(resampler.source_hz());
        let most = hz * self.limits.duration.as_secs();
        let by_time = || u64::try_from(self.lasts?.as_millis()).ok()?.checked_mul(hz).map(|samples| samples / 1000);
        let promised = self.promised.or_else(by_time).filter(|&promised| promised <= most);
        if let Some(missing) = promised.and_then(|promised| promised.checked_sub(self.heard)) {
            let missing = Duration::from_millis(missing.saturating_mul(1000) / u64::from(resampler.source_hz()));
            if missing > MISSING {
                return Err(Unplayable::CutShort { name, missing });
            }
        }
        if self.damaged > FORGIVEN + self.packets * DAMAGED_PERCENT / 100 {
            let why = format!("{} of its {} packets cannot be decoded", self.damaged, self.packets);
            return Err(Unplayable::Damaged { name, why });
        }
        Ok(resampler.finish())
    }
}

fn check_channels(name: &str, channels: usize) -> Result<(), Unplayable> {
    let fits = (1..=MAX_CHANNELS).contains(&channels);
    fits.then_some(()).ok_or_else(|| unsupported(name, &format!("{channels} channels")))
}

/// Which samples of a packet are played, when its first is the file's sample `from`.
fn played(edit: Option<Edit>, hz: u32, from: u64, length: usize) -> std::ops::Range<usize> {
    let Some(edit) = edit else { return 0..length };
    let samples = |time: Duration| (time.as_secs_f64() * f64::from(hz)).round() as u64;
    let start = samples(edit.skip);
    let end = edit.length.map_or(u64::MAX, |length| start.saturating_add(samples(length)));
    let within = |at: u64| at.saturating_sub(from).min(length as u64) as usize;
    within(start)..within(end).max(within(start))
}

fn unsupported(name: &str, why: &str) -> Unplayable {
    Unplayable::Unsupported { name: name.to_owned(), why: why.to_owned() }
}

/// Who decodes the packets: the decoders of symphonia, or ours for Opus.
enum Codec {
    Theirs { decoder: Box<dyn AudioDecoder>, interleaved: Vec<f32> },
    Opus(Voice),
}

impl Codec {
    fn of(name: &str, parameters: &AudioCodecParameters) -> Result<Self, Unplayable> {
        if parameters.codec == CODEC_ID_OPUS {
            let head = parameters.extra_data.as_deref().unwrap_or_default();
            return Voice::new(head).map(Self::Opus).ok_or_else(|| unsupported(name, "Opus of more than two channels"));
        }
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|error| told(name, &error))?;
        Ok(Self::Theirs { decoder, interleaved: Vec::new() })
    }

    /// What is cut off in front, where the codec itself says so.
    fn edit(&self) -> Option<Edit> {
        let Self::Opus(voice) = self else { return None };
        Some(Edit { skip: Duration::from_secs_f64(f64::from(voice.skip) / f64::from(Rate::Full.hz())), length: None })
    }

    /// One packet into mono: its rate and how many channels it had, or nothing when it is damaged.
    fn decode(&mut self, name: &str, packet: &Packet, mono: &mut Vec<f32>) -> Result<Option<(u32, usize)>, Unplayable> {
        match self {
            Self::Opus(voice) => {
                let trimmed = packet.trim_end.get() as usize;
                Ok(voice.decode(&packet.data, trimmed, mono).then_some((Rate::Full.hz(), 1)))
            }
            Self::Theirs { decoder, interleaved } => match decoder.decode(packet) {
                Ok(sound) => {
                    mix(&sound, interleaved, mono);
                    Ok(Some((sound.spec().rate(), sound.spec().channels().count())))
                }
                Err(Error::DecodeError(_) | Error::IoError(_)) => Ok(None),
                Err(error) => Err(told(name, &error)),
            },
        }
    }
}

/// All channels into one, none louder than the other.
fn mix(sound: &GenericAudioBufferRef<'_>, interleaved: &mut Vec<f32>, mono: &mut Vec<f32>) {
    let channels = sound.spec().channels().count().max(1);
    sound.copy_to_vec_interleaved(interleaved);
    mono.clear();
    let share = 1.0 / channels as f32;
    mono.extend(interleaved.chunks_exact(channels).map(|frame| {
        let sum: f32 = frame.iter().sum();
        // Files of floats may hold anything.
        if sum.is_finite() { (sum * share).clamp(-8.0, 8.0) } else { 0.0 }
    }));
}
