//! The store, the HTTP doors and the control socket.
