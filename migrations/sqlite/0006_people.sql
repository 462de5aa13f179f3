-- Who may open the dashboard. All times are milliseconds since 1970, UTC.
CREATE TABLE users (
    name          TEXT    NOT NULL PRIMARY KEY,
    -- As Argon2 writes it, with its parameters and salt.
    password_hash TEXT    NOT NULL,
    -- admin, operator or viewer.
    role          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

-- What programs show instead of a password.
CREATE TABLE tokens (
    -- The part that is no secret, by which people know it.
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    -- SHA-256 of the secret, which has 256 bits of chance.
    hash       BLOB    NOT NULL,
    -- As 'records:read calls:read'.
    scopes     TEXT    NOT NULL,
    made_by    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    -- NULL: until it is removed.
    expires_at INTEGER
) STRICT;

-- Who changed what, and who listened to what. Added to, never changed; the eldest go by retention.
CREATE TABLE audit (
    id     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    who    TEXT    NOT NULL,
    -- Where they were: an address, or 'command line'.
    origin TEXT    NOT NULL,
    -- What they did, in a few fixed words.
    deed   TEXT    NOT NULL,
    -- To what.
    object TEXT    NOT NULL
) STRICT;
