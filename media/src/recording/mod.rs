//! Sound written to files, off the media thread.
