//! The media thread: its clock, its sockets, and the ports that it owns.
