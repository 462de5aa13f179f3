//! Ratios of cost beside a floor.
