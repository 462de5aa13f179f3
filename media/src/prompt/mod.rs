//! Files and tones made ready to be played: fetched, decoded, levelled, and encoded once a codec.
