//! The arithmetic of a room: everybody hears everybody else.
