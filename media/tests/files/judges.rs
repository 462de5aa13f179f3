//! ffmpeg and sox, and what is measured of sound: its pitch, its level, its length.

use std::path::Path;
use std::process::{Command, Stdio};

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// Runs a program and gives what it wrote to its output; its errors when it fails.
pub fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let ended = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let ended = ended.unwrap_or_else(|error| panic!("{program} cannot be run ({error}): apt-get install ffmpeg sox"));
    assert!(ended.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    ended.stdout
}

/// Lets ffmpeg write a tone: `seconds` of a sine of `hz`, `db` below full scale, as the arguments want it.
pub fn tone_file(path: &Path, hz: u32, seconds: f32, db: f32, arguments: &[&str]) {
    // ffmpeg's sine stands 18.06 dB below full scale.
    let volume = format!("volume={}dB", 18.06 + db);
    let source = format!("sine=frequency={hz}:duration={seconds}:sample_rate=48000");
    let mut all = vec!["-v", "error", "-y", "-f", "lavfi", "-i", &source, "-af", &volume];
    all.extend(arguments);
    all.push(path.to_str().unwrap());
    run("ffmpeg", &all);
}

/// What ffmpeg hears in a file: mono samples at a rate.
pub fn ffmpeg_hears(path: &Path, rate_hz: u32) -> Vec<i16> {
    let rate = rate_hz.to_string();
    let arguments = ["-v", "error", "-i", path.to_str().unwrap(), "-f", "s16le", "-ac", "1", "-ar", &rate, "-"];
    samples_of(&run("ffmpeg", &arguments))
}

/// Samples of raw bytes, low byte first.
pub fn samples_of(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect()
}

/// The strongest tone of the middle half of a sound, by the transform.
pub fn loudest_tone(samples: &[i16], rate_hz: u32) -> u32 {
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let length = middle.len().min(rate_hz as usize / 2);
    let windowed = middle[..length].iter().enumerate().map(|(n, &sample)| {
        let window = 0.5 - 0.5 * (std::f32::consts::TAU * n as f32 / length as f32).cos();
        Complex::new(f32::from(sample) * window, 0.0)
    });
    let mut bins: Vec<_> = windowed.collect();
    FftPlanner::new().plan_fft_forward(length).process(&mut bins);
    let loudest = (1..length / 2).max_by(|&a, &b| bins[a].norm_sqr().total_cmp(&bins[b].norm_sqr())).unwrap();
    // A bin is 2 Hz wide, unless the sound is short.
    (loudest as f64 * f64::from(rate_hz) / length as f64).round() as u32
}

/// The level of the middle half of a sound, 0 for a sine of full scale.
pub fn level_db(samples: &[i16]) -> f64 {
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let power = middle.iter().map(|&sample| (f64::from(sample) / 32_768.0).powi(2)).sum::<f64>() / middle.len() as f64;
    10.0 * (2.0 * power).log10()
}
