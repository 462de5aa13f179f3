//! The fast Fourier transform, and how strong one frequency is exactly. Sixty lines, so that no test hears by the code
//! that the server may come to use.

use std::f64::consts::TAU;

/// The magnitudes of the frequencies from 0 to half the rate, of a stretch of `long` samples with silence behind it up to
/// a power of two. The stretch is faded in and out (Hann), so that a tone between two places spills over to its neighbours
/// only; a sine of peak 1 has the magnitude 1 where it meets a place.
pub(crate) fn spectrum(samples: &[f32], long: usize) -> Vec<f64> {
    let size = samples.len();
    assert!(size.is_power_of_two(), "{size} samples are no power of two");
    let fade = |n: usize| if n < long { hann(n, long) } else { 0.0 };
    let mut points: Vec<(f64, f64)> =
        samples.iter().enumerate().map(|(n, &sample)| (f64::from(sample) * fade(n), 0.0)).collect();
    transform(&mut points);
    // A quarter of the length, half of the window's sum, is what a sine of peak 1 leaves in its place.
    let unit = 4.0 / long as f64;
    points[..size / 2].iter().map(|&(real, imaginary)| real.hypot(imaginary) * unit).collect()
}

/// The peak of the sine of exactly this frequency in the stretch. `step` is its angle from sample to sample.
pub(crate) fn peak_at(samples: &[f32], step: f64) -> f64 {
    let size = samples.len();
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let value = f64::from(sample) * hann(n, size);
        let (sin, cos) = (n as f64 * step).sin_cos();
        sine += value * sin;
        cosine += value * cos;
    }
    sine.hypot(cosine) * 4.0 / size as f64
}

fn hann(n: usize, size: usize) -> f64 {
    0.5 - 0.5 * (TAU * n as f64 / size as f64).cos()
}

/// Cooley and Tukey, radix two, in place.
fn transform(points: &mut [(f64, f64)]) {
    let size = points.len();
    let bits = size.trailing_zeros();
    for n in 0..size {
        let mirrored = if bits == 0 { n } else { n.reverse_bits() >> (usize::BITS - bits) };
        if n < mirrored {
            points.swap(n, mirrored);
        }
    }
    let mut span = 2;
    while span <= size {
        let turn = -TAU / span as f64;
        for block in points.chunks_exact_mut(span) {
            let (low, high) = block.split_at_mut(span / 2);
            for (n, (a, b)) in low.iter_mut().zip(high).enumerate() {
                let (sin, cos) = (turn * n as f64).sin_cos();
                let turned = (b.0 * cos - b.1 * sin, b.0 * sin + b.1 * cos);
                (*a, *b) = ((a.0 + turned.0, a.1 + turned.1), (a.0 - turned.0, a.1 - turned.1));
            }
        }
        span *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sines(partials: &[(f64, f64)], size: usize) -> Vec<f32> {
        let at = |n: usize| partials.iter().map(|(peak, step)| peak * (n as f64 * step).sin()).sum::<f64>() as f32;
        (0..size).map(at).collect()
    }

    #[test]
    fn a_sine_stands_in_its_place_with_its_peak() {
        let size = 1024;
        let heard = spectrum(&sines(&[(100.0, TAU * 64.0 / 1024.0), (30.0, TAU * 200.0 / 1024.0)], size), size);
        assert!((heard[64] - 100.0).abs() < 0.01 && (heard[200] - 30.0).abs() < 0.01, "{} {}", heard[64], heard[200]);
        assert!(heard[100] < 0.01 && heard[0] < 0.01);
    }

    #[test]
    fn the_transform_is_the_slow_one() {
        let samples = sines(&[(1.0, 0.3), (2.0, 1.1), (0.5, 2.9)], 64);
        let heard = spectrum(&samples, 64);
        for (place, &magnitude) in heard.iter().enumerate().skip(1) {
            let slow = peak_at(&samples, TAU * place as f64 / 64.0);
            assert!((slow - magnitude).abs() < 1e-6, "{place}: {slow} and {magnitude}");
        }
    }

    #[test]
    fn a_sine_between_two_places_is_measured_exactly() {
        for step in [0.1234, 0.777, 1.5] {
            let peak = peak_at(&sines(&[(500.0, step)], 4000), step);
            assert!((peak - 500.0).abs() < 0.5, "{step}: {peak}");
        }
    }
}
