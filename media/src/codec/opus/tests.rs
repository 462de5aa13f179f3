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
fn a_listener_follows_coders_from_voice_to_music_and_back_without_a_click() {
    const SEAM: usize = 8;
    let sound = tone(400.0, 8000.0, Rate::Full, 60 * FRAME);
    let parts = |range: std::ops::Range<usize>| &sound[range.start * FRAME..range.end * FRAME];
    let voice = Settings { complexity: 0, ..Settings::default() };
    let music = Settings { as_music: true, bitrate: 64_000, ..voice };
    let (mut shared, mut own) = (speaker(voice), speaker(voice));

    // As for a member of a large room who begins to speak with the 20th frame and is silent again with the 40th.
    let mut said = packets(&mut *shared, parts(0..20));
    packets(&mut *own, parts(20 - SEAM..20));
    own.adjust(&music);
    said.extend(packets(&mut *own, parts(20..40)));
    own.adjust(&voice);
    said.extend(packets(&mut *own, parts(40..40 + SEAM)));
    packets(&mut *shared, parts(20..40 + SEAM));
    said.extend(packets(&mut *shared, parts(40 + SEAM..60)));
    let musical = said.iter().filter(|packet| packet[0] >> 3 >= super::FIRST_OF_MUSIC).count();
    // libopus leads over within a frame or two.
    assert!((18..=20).contains(&musical), "{musical} of 20 frames were said as music");

    let mut decoder = listener();
    let mut heard = Vec::new();
    said.iter().for_each(|packet| decoder.decode(packet, &mut heard).unwrap());
    let settled = &heard[4 * FRAME..];
    let step = settled.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
    // A tone of 400 Hz with this peak moves by 419 from sample to sample.
    assert!(step < Some(900), "a step of {step:?}");
    let frames = settled.chunks_exact(FRAME).map(power);
    let (least, most) = frames.fold((f64::MAX, 0.0f64), |(least, most), power| (least.min(power), most.max(power)));
    assert!(most < 1.6 * least, "frames between {least:.0} and {most:.0}");
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

/// A hiss of this peak, and the same every time.
fn hiss(peak: i32, frames: usize) -> Vec<i16> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i32
    };
    (0..frames * FRAME).map(|_| (next() % (2 * peak) - peak) as i16).collect()
}

#[test]
fn a_packet_says_of_itself_that_nobody_speaks_in_it() {
    for discontinuous in [false, true] {
        let settings = Settings { discontinuous, ..Settings::default() };
        let (mut speaker, mut listener) = (speaker(settings), listener());
        let mut sound = hiss(30, 100);
        sound.extend(gliding_voice(100).iter().zip(hiss(30, 100)).map(|(voice, hiss)| voice + hiss));
        sound.extend(hiss(30, 100));
        let mut left = [0; 3];
        for (number, frame) in sound.chunks(FRAME).enumerate() {
            let (mut payload, mut zeroes) = (Vec::new(), Vec::new());
            speaker.encode(frame, &mut payload);
            if payload.is_empty() {
                continue;
            }
            if listener.doze(&payload, &mut zeroes) {
                assert_eq!(zeroes, [0; FRAME]);
                left[number / 100] += 1;
                assert!(power(frame) < 1e5, "frame {number} is a voice of {:.0}", power(frame));
            } else {
                assert!(zeroes.is_empty());
            }
        }
        if !discontinuous {
            // libopus has to get to know the noise, and holds on to a voice for a moment.
            assert!(left[0] > 80 && left[2] > 70, "of the quiet {left:?} frames were left");
        }
    }
}

#[test]
fn whoever_wakes_hears_the_first_word() {
    let mut sound = hiss(30, 150);
    sound.extend(gliding_voice(50));
    let (mut awake, mut dozing) = (listener(), listener());
    let (mut truth, mut heard) = (Vec::new(), Vec::new());
    for packet in packets(&mut *speaker(Settings::default()), &sound) {
        awake.decode(&packet, &mut truth).unwrap();
        if !dozing.doze(&packet, &mut heard) {
            dozing.decode(&packet, &mut heard).unwrap();
        }
    }
    for (number, (truth, heard)) in truth.chunks(FRAME).zip(heard.chunks(FRAME)).enumerate().skip(150) {
        let (truth, heard) = (power(truth), power(heard));
        if truth > 1e5 {
            assert!((0.7..1.4).contains(&(heard / truth)), "frame {number}: {heard:.0} of {truth:.0}");
        }
    }
}

#[test]
fn music_and_packets_of_many_frames_are_heard_whatever_they_hold() {
    let mut listener = listener();
    for packet in [&[0b1111_1000, 0, 0, 0][..], &[0b0000_1001, 0, 0, 0], &[0b0000_1011, 1, 0, 0], &[]] {
        assert!(!listener.doze(packet, &mut Vec::new()), "{packet:?}");
    }
    // 60 ms of speech without a voice, with one in the last 20 ms, and with one in the other channel.
    for (packet, dozes) in [
        ([0b0101_1000, 0b0001_0000, 0], true),
        ([0b0101_1000, 0b0010_0000, 0], false),
        ([0b0101_1100, 0b0000_0100, 0], false),
    ] {
        assert_eq!(listener.doze(&packet, &mut Vec::new()), dozes, "{packet:?}");
    }
}
