//! Figures of the media plane: a child on one core that carries legs, and a farm on the other that speaks to them.
//!
//! | file | what it knows |
//! |---|---|
//! | `role` | what a child may be: a bare loop, or the media plane with its legs joined this way or that |
//! | `floor` | the bare loops that everything is measured beside |
//! | `legs` | the media plane, and many legs on it |
//! | `cell` | a memory cgroup around a child |
//! | `served` | a child that runs, and a round with it |
//! | `talkers` | who of the legs talks, and the packets that they send for it |
//! | `ears` | what comes back to one of them, and whether it is perfect |
//! | `farm` | one socket that is every party at once: it speaks to all legs at the pace of real time |

pub mod cell;
pub mod ears;
pub mod farm;
pub mod floor;
pub mod legs;
pub mod role;
pub mod served;
pub mod talkers;
