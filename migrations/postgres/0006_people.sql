-- Who may open the dashboard. All times are milliseconds since 1970, UTC.
CREATE TABLE users (
    name          TEXT   NOT NULL PRIMARY KEY,
    -- As Argon2 writes it, with its parameters and salt.
    password_hash TEXT   NOT NULL,
    -- admin, operator or viewer.
    role          TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);

-- What programs show instead of a password.
CREATE TABLE tokens (
    -- The part that is no secret, by which people know it.
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    -- SHA-256 of the secret, which has 256 bits of chance.
    hash       BYTEA  NOT NULL,
    -- As 'records:read calls:read'.
    scopes     TEXT   NOT NULL,
    made_by    TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL: until it is removed.
    expires_at BIGINT
);

-- Who changed what, and who listened to what. Added to, never changed; the eldest go by retention.
CREATE TABLE audit (
    id     BIGINT NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at     BIGINT NOT NULL,
    who    TEXT   NOT NULL,
    -- Where they were: an address, or 'command line'.
    origin TEXT   NOT NULL,
    -- What they did, in a few fixed words.
    deed   TEXT   NOT NULL,
    -- To what.
    object TEXT   NOT NULL
);
