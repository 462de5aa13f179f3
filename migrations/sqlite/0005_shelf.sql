-- What scripts keep: a value a key.
CREATE TABLE shelf (
    -- The service, or 'shared:' for what all of them see.
    owner      TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    -- JSON.
    value      TEXT    NOT NULL,
    -- Of name and value.
    bytes      INTEGER NOT NULL,
    -- All times are milliseconds since 1970, UTC. NULL: it stays.
    expires_at INTEGER,
    PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX shelf_by_expiry ON shelf (expires_at) WHERE expires_at IS NOT NULL;

-- How much each of them keeps. Whoever changes the shelf of an owner takes its row here first, so that one waits for the other.
CREATE TABLE shelf_owners (
    owner   TEXT    NOT NULL PRIMARY KEY,
    entries INTEGER NOT NULL,
    bytes   INTEGER NOT NULL
) STRICT;

-- Letters that no mail server took yet.
CREATE TABLE letters (
    id         TEXT    NOT NULL PRIMARY KEY,
    service    TEXT    NOT NULL,
    -- JSON.
    letter     TEXT    NOT NULL,
    tries      INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    written_at INTEGER NOT NULL
) STRICT;

CREATE INDEX letters_by_turn ON letters (next_at);

-- What was left for people while they did not answer. The sound lies in the folder of recordings.
CREATE TABLE voicemails (
    id          TEXT    NOT NULL PRIMARY KEY,
    mailbox     TEXT    NOT NULL,
    file        TEXT    NOT NULL,
    from_number TEXT    NOT NULL,
    ms          INTEGER NOT NULL,
    left_at     INTEGER NOT NULL,
    heard       INTEGER NOT NULL
) STRICT;

CREATE INDEX voicemails_of ON voicemails (mailbox, left_at);

-- Wrong PINs since the last right one.
CREATE TABLE pin_tries (
    mailbox      TEXT    NOT NULL PRIMARY KEY,
    failed       INTEGER NOT NULL,
    locked_until INTEGER NOT NULL
) STRICT;
