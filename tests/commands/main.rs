//! The binary as people type it: what it says, what it leaves on the disk, and its exit codes.

mod binary;
mod calls;
#[path = "../../web/tests/store/cluster.rs"]
mod cluster;
mod logs;
mod postgres;
mod running;
mod start;
mod still;
