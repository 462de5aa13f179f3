//! What Opus promises: tones as loud as before, gaps that go on, copies that are used, and quiet that is not sent.

use super::super::hearing::{loss_of_tone, through, tone};
use super::super::{Decoder, Encoder, Kind, Settings, Undecodable};
use crate::frame::Rate;

const FRAME: usize = Rate::Full.samples();

fn speaker(settings: Settings) -> Box<dyn Encoder> {
    Kind::Opus.encoder(&settings).unwrap()
}

fn listener() -> Box<dyn Decoder> {
    Kind::Opus.decoder().unwrap()
}

/// A voice whose pitch glides and that pauses between its syllables: libopus makes copies of what it takes for speech.
fn gliding_voice(frames: usize) -> Vec<i16> {
    let mut phase = 0.0;
    (0..frames * FRAME)
        .map(|n| {
            let second = n as f64 / 48_000.0;
            phase += std::f64::consts::TAU * (150.0 + 60.0 * (second * 9.0).sin()) / 48_000.0;
            let voice: f64 = (1..16).map(|h| (phase * f64::from(h)).sin() / f64::from(h)).sum();
            let syllable = (second * 20.0).sin().max(0.0);
            (6000.0 * voice * syllable) as i16
        })
        .collect()
}

fn packets(encoder: &mut dyn Encoder, sound: &[i16]) -> Vec<Vec<u8>> {
    let mut made = Vec::new();
    for frame in sound.chunks(FRAME) {
        let mut payload = Vec::new();
        encoder.encode(frame, &mut payload);
        made.push(payload);
    }
    made
}

fn power(samples: &[i16]) -> f64 {
    samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64
}

#[test]
fn tones_come_through_as_loud_and_above_the_rest() {
    for hz in [440.0, 1000.0, 3000.0] {
        let heard = through(Kind::Opus, hz, 8000.0, 100);
        let left = loss_of_tone(&heard[48_000..], hz, Rate::Full, 8000.0);
        assert!(left.loss.abs() < 1.0, "{hz} Hz lost {:.2} dB", left.loss);
        assert!(left.ratio > 15.0, "{hz} Hz stands only {:.1} dB above the rest", left.ratio);
    }
}

#[test]
fn a_lost_packet_is_taken_from_the_copy_in_the_next_one() {
    let settings = Settings { expected_loss_percent: 20, ..Settings::default() };
    let sent = packets(&mut *speaker(settings), &gliding_voice(60));

    // The same losses, once with and once without a look at the next packet, against the decoder that lost nothing.
    let mut errors = [0.0; 2];
    for (error, look) in errors.iter_mut().zip([true, false]) {
        let (mut whole, mut lossy) = (listener(), listener());
        for (n, packet) in sent.iter().enumerate() {
            let (mut truth, mut heard) = (Vec::new(), Vec::new());
            whole.decode(packet, &mut truth).unwrap();
            if n % 5 == 4 && n + 1 < sent.len() {
                lossy.conceal(FRAME, look.then_some(&sent[n + 1][..]), &mut heard);
                let difference: Vec<i16> = truth.iter().zip(&heard).map(|(a, b)| a / 2 - b / 2).collect();
                *error += power(&difference);
            } else {
                lossy.decode(packet, &mut heard).unwrap();
            }
            assert_eq!(heard.len(), FRAME);
        }
    }
    assert!(errors[0] * 2.0 < errors[1], "with the copy {:.0}, without it {:.0}", errors[0], errors[1]);
}

#[test]
fn a_gap_of_any_length_is_filled_exactly_and_does_not_click() {
    let sound = tone(400.0, 8000.0, Rate::Full, 20 * FRAME);
    let sent = packets(&mut *speaker(Settings::default()), &sound);
    for missing in [1, 119, 120, 960, 961, 4 * FRAME, 6000, 15_000] {
        let mut decoder = listener();
        let mut heard = Vec::new();
        for packet in &sent {
            decoder.decode(packet, &mut heard).unwrap();
        }
        let before = heard.len();
        decoder.conceal(missing, None, &mut heard);
        assert_eq!(heard.len(), before + missing);
        let step = heard[before - FRAME..].windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
        // A tone of 400 Hz with this peak moves by 419 from sample to sample.
        assert!(step < Some(900), "a step of {step:?}");
    }
}

#[test]
fn quiet_is_not_sent_when_that_is_wanted() {
    let settings = Settings { discontinuous: true, ..Settings::default() };
    let mut encoder = speaker(settings);
    let sent = packets(&mut *encoder, &vec![0; 100 * FRAME]);
    let silent = sent.iter().filter(|payload| payload.is_empty()).count();
    assert!(silent > 60, "only {silent} of 100 frames were spared");
    encoder.adjust(&Settings::default());
    let sent = packets(&mut *encoder, &vec![0; 20 * FRAME]);
    assert!(sent.iter().all(|payload| !payload.is_empty()));
}

#[test]
fn a_lower_bitrate_counts_from_the_next_frame() {
    let sound = gliding_voice(50);
    let mut encoder = speaker(Settings::default());
    let size = |sent: Vec<Vec<u8>>| sent.iter().map(Vec::len).sum::<usize>();
    let full = size(packets(&mut *encoder, &sound));
    encoder.adjust(&Settings { bitrate: 10_000, complexity: 0, ..Settings::default() });
    let low = size(packets(&mut *encoder, &sound));
    assert!(low * 2 < full, "{full} bytes became {low}");
}

#[test]
fn settings_out_of_range_are_cut_to_it() {
    let wild = Settings { bitrate: u32::MAX, complexity: 200, expected_loss_percent: 255, ..Settings::default() };
    let mut encoder = speaker(wild);
    encoder.adjust(&Settings { bitrate: 0, ..wild });
    assert_eq!(packets(&mut *encoder, &gliding_voice(1)).len(), 1);
}

#[test]
fn stereo_is_heard_in_mono() {
    let mut stereo = opus::Encoder::new(48_000, opus::Channels::Stereo, opus::Application::Audio).unwrap();
    let left = tone(1000.0, 8000.0, Rate::Full, 50 * FRAME);
    let sound: Vec<i16> = left.iter().flat_map(|&sample| [sample, sample]).collect();
    let (mut decoder, mut heard) = (listener(), Vec::new());
    for frame in sound.chunks(2 * FRAME) {
        let packet = stereo.encode_vec(frame, 1275).unwrap();
        decoder.decode(&packet, &mut heard).unwrap();
    }
    assert_eq!(heard.len(), left.len());
    assert!(loss_of_tone(&heard[24_000..], 1000.0, Rate::Full, 8000.0).loss.abs() < 1.0);
}

#[test]
fn what_is_no_packet_is_refused_and_leaves_the_buffer_alone() {
    let mut decoder = listener();
    let mut samples = vec![7];
    // No bytes; a count of frames that is missing; 63 frames of 20 ms, which is more than 120 ms.
    for wild in [&[][..], &[0xFF], &[0x0B, 0x3F]] {
        let refused = decoder.decode(wild, &mut samples);
        assert_eq!(refused, Err(Undecodable { codec: "opus", length: wild.len() }));
        assert_eq!(samples, [7]);
    }
    decoder.conceal(FRAME, Some(&[0xFF]), &mut samples);
    assert_eq!(samples.len(), 1 + FRAME);
}
