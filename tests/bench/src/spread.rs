//! What several rounds say together: the least, the middle and the most.

use std::fmt;

/// Figures of several rounds.
#[derive(Clone, Debug, Default)]
pub struct Spread {
    sorted: Vec<f64>,
}

impl Spread {
    /// One more round.
    pub fn add(&mut self, figure: f64) {
        let place = self.sorted.partition_point(|known| *known < figure);
        self.sorted.insert(place, figure);
    }

    /// The middle one; of an even number the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        let half = self.sorted.len() / 2;
        match self.sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => self.sorted[half],
            _ => f64::midpoint(self.sorted[half - 1], self.sorted[half]),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (self.sorted.first().unwrap_or(&f64::NAN), self.sorted.last().unwrap_or(&f64::NAN));
        write!(f, "median {:.2}  (min {least:.2}, max {most:.2})", self.median())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_found_whatever_the_order() {
        let mut spread = Spread::default();
        for figure in [3.0, 1.0, 2.0] {
            spread.add(figure);
        }
        assert_eq!(spread.to_string(), "median 2.00  (min 1.00, max 3.00)");
        spread.add(10.0);
        assert_eq!(spread.to_string(), "median 2.50  (min 1.00, max 10.00)");
    }
}
