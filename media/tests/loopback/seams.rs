//! A member that begins or ceases to speak is led from the mix that all share to one of its own, and back. Nobody hears that,
//! also where packets of the codec remember those before them.

use std::f64::consts::TAU;
use std::time::Duration;

use patchcord_media::codec::Kind;
use patchcord_media::frame::Rate;

use super::party::VOICE_DB;
use super::rooms::room;

const SECOND: Duration = Duration::from_secs(1);

/// How far the sound strays from a steady tone: what is left of each 5 ms when the tone is taken out, at most, in decibels
/// beside the tone.
fn worst_stray_db(sound: &[i16], rate: Rate, hz: f64) -> f64 {
    let turn = 2.0 * (TAU * hz / f64::from(rate.hz())).cos();
    // A tone is nothing but the two samples before it, and this is what they do not say.
    let stray: Vec<f64> =
        sound.windows(3).map(|three| f64::from(three[2]) - turn * f64::from(three[1]) + f64::from(three[0])).collect();
    let loudest = stray
        .chunks_exact(rate.samples() / 4)
        .map(|piece| piece.iter().map(|value| value * value).sum::<f64>() / piece.len() as f64)
        .fold(0.0, f64::max);
    let tone = (f64::from(i16::MAX) * 10_f64.powf(VOICE_DB / 20.0)).powi(2) / 2.0;
    10.0 * (loudest / tone).log10()
}

/// The worst that a member hears of another's steady tone, while it is silent and while it speaks now and then.
fn strays(kind: Kind) -> (f64, f64) {
    let (mut stage, _) = room(&[kind, kind, kind], 1);
    stage.parties[0].is_mute = true;
    stage.parties[2].is_mute = true;
    stage.run(SECOND);
    let mut worst = [f64::NEG_INFINITY; 2];
    let (rate, hz) = (kind.rate(), stage.parties[1].hz);
    for (place, speaks) in [false, true].into_iter().enumerate() {
        stage.forget();
        let own = stage.plane.tally().own_encodes;
        for _ in 0..4 {
            stage.parties[0].is_mute = !speaks;
            stage.run(SECOND / 5);
            stage.parties[0].is_mute = true;
            // Longer than a voice is held for one that pauses.
            stage.run(SECOND);
        }
        let own = stage.plane.tally().own_encodes - own;
        assert!(own >= 200, "bob hears a mix of his own");
        assert!(!speaks || (220..430).contains(&own), "alice has one of her own now and then, and not always: {own}");
        worst[place] = worst_stray_db(&stage.parties[0].sound(), rate, hz);
    }
    (worst[0], worst[1])
}

#[test]
fn nobody_hears_a_click_when_a_member_of_g722_begins_or_ceases_to_speak() {
    let (silent, speaking) = strays(Kind::G722);
    // Its own noise rises for a moment; packets of two coders in turn would stand 40 dB above it, as loud as the tone.
    assert!(speaking < silent + 12.0, "{speaking:.1} dB where {silent:.1} dB are usual");
}

#[test]
fn nobody_hears_a_click_when_a_member_of_opus_begins_or_ceases_to_speak() {
    let (silent, speaking) = strays(Kind::Opus);
    assert!(speaking < silent + 6.0, "{speaking:.1} dB where {silent:.1} dB are usual");
}
