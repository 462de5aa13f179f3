//! Ratios of cost beside a floor.

pub mod counting;
