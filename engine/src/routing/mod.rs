//! Who may register, and where they can be reached now.
//!
//! ```text
//! Directory   the endpoints there are, from the configuration file and from the database
//! Location    the bindings they hold: where each can be reached, until when, over which flow
//! registrar   REGISTER in, what stands out; the only one who changes the Location on a phone's word
//! kept        how much of a phone's own words is kept
//! shelf       what the store must be able to keep for the three above
//! Keeping     how writing to the shelf goes
//! ```
//!
//! Nothing here waits, opens a socket or reads a clock.

mod binding;
mod digests;
mod directory;
mod keeping;
mod kept;
mod location;
mod registrar;
mod shelf;

pub use binding::{Binding, NO_FLOW, Reach};
pub use digests::{Digests, UnknownDigest};
pub use directory::{Directory, DirectoryError, Endpoint, MAX_ENDPOINTS, MAX_USER, Origin, check_user};
pub use keeping::Keeping;
pub use kept::{MAX_CALL_ID, MAX_INSTANCE, MAX_PATH, MAX_USER_AGENT};
pub use location::Location;
pub use registrar::{RegisterError, Registered, RegistrarRules, register};
pub use shelf::{
    BindingChange, BindingRow, BindingShelf, DamagedEndpoint, EndpointRow, EndpointRows, EndpointShelf, ShelfError,
    Shelved, Written,
};
