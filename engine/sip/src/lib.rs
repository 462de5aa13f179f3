//! SIP as values: bytes and instants in, bytes and events out.
//!
//! Nothing in here opens a socket, starts a timer or reads a clock; whoever owns these values does.
#![forbid(unsafe_code)]

pub mod dialog;
pub mod digest;
pub mod hop;
pub mod message;
pub mod reliable;
pub mod session_timer;
pub mod stream;
pub mod subscription;
pub mod tokens;
pub mod transaction;
pub mod transfer;
pub mod uri;
pub mod wheel;

pub use hop::{FlowId, Hop, Transport};
pub use message::{
    CSeq, Contact, Draft, Fault, Headers, Message, Method, Name, NameAddr, NotSip, Params, Request, Response, Status,
    Via,
};
pub use stream::{Deframer, Frame, FrameFault, MAX_MESSAGE};
pub use uri::{Scheme, Uri};
