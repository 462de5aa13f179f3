//! Session descriptions: which codec, which address, which keys.
