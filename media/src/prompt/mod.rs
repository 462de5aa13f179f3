//! Files and tones made ready to be played: fetched, decoded, levelled, and encoded once a codec.
//!
//! A media thread never waits for a file. Whoever wants a prompt asks the [`Loader`], whose threads fetch and decode and
//! hand over a finished [`Sound`]: frames that a [`Cursor`] on the media thread only copies. Nothing here knows who listens.
//!
//! name ──[`name`]──▶ items ──[`Loader`]: fetch ▶ decode ▶ level ▶ encode──▶ [`Sound`]s ──[`Cursor`]──▶ a frame each 20 ms
//!
//! | file | what it knows |
//! |---|---|
//! | `decode` | bytes of a file into mono at one rate, and how a broken one is told |
//! | `heads` | what the heads of files say that decoders do not heed |
//! | `resample`, `level` | any rate into ours; every prompt equally loud |
//! | `sound` | finished frames, as samples or as payload of a codec |
//! | `fetch`, `disk`, `embedded` | where bytes come from: a trait, the folders of this machine, and the program itself |
//! | `opus` | packets of an Ogg Opus file into samples |
//! | `cache`, `loader` | what is kept, and the threads that make it |
//! | `tone` | dial tone, busy, ringback and the rest, by country |
//! | `name` | what a script writes, as something to play |
//! | `cursor` | what a media thread asks each 20 ms |

mod cache;
mod cursor;
mod decode;
mod disk;
mod embedded;
mod fetch;
mod heads;
mod level;
mod loader;
mod name;
mod opus;
mod resample;
mod sound;
mod tone;

pub use cursor::{Cursor, Item, Loops, MAX_ITEMS, Position, Step, Unplaylisted, VOLUMES_DB};
pub use decode::{Limits, Unplayable, decode};
pub use disk::{Disk, ENDINGS, inner};
pub use embedded::{ENGLISH, Embedded, Inside};
pub use fetch::{Bounds, Fetch, Fetched, Unfetched, Version};
pub use level::{Loudness, TARGET_DBM0, loudness_dbm0};
pub use loader::{Loaded, Loader, Settings, Standing, Told, Unloaded, Wish};
pub use name::{Misnamed, Named, named, shown};
pub use sound::{Form, Sound};
pub use tone::{Beat, LEVEL_DBM0, MAX_BEATS, Rhythm};
