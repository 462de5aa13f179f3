-- What scripts keep: a value a key.
CREATE TABLE shelf (
    -- The service, or 'shared:' for what all of them see.
    owner      TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    -- JSON.
    value      TEXT    NOT NULL,
    -- Of name and value.
    bytes      BIGINT  NOT NULL,
    -- All times are milliseconds since 1970, UTC. NULL: it stays.
    expires_at BIGINT,
    PRIMARY KEY (owner, name)
);

CREATE INDEX shelf_by_expiry ON shelf (expires_at) WHERE expires_at IS NOT NULL;

-- How much each of them keeps. Whoever changes the shelf of an owner takes its row here first, so that one waits for the other.
CREATE TABLE shelf_owners (
    owner   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    entries BIGINT  NOT NULL,
    bytes   BIGINT  NOT NULL
);

-- Letters that no mail server took yet.
CREATE TABLE letters (
    id         TEXT    NOT NULL PRIMARY KEY,
    service    TEXT    NOT NULL,
    -- JSON.
    letter     TEXT    NOT NULL,
    tries      BIGINT  NOT NULL,
    next_at    BIGINT  NOT NULL,
    written_at BIGINT  NOT NULL
);

CREATE INDEX letters_by_turn ON letters (next_at);

-- What was left for people while they did not answer. The sound lies in the folder of recordings.
CREATE TABLE voicemails (
    id          TEXT    NOT NULL PRIMARY KEY,
    mailbox     TEXT COLLATE "C" NOT NULL,
    file        TEXT    NOT NULL,
    from_number TEXT    NOT NULL,
    ms          BIGINT  NOT NULL,
    left_at     BIGINT  NOT NULL,
    heard       BOOLEAN NOT NULL
);

CREATE INDEX voicemails_of ON voicemails (mailbox, left_at);

-- Wrong PINs since the last right one.
CREATE TABLE pin_tries (
    mailbox      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    failed       BIGINT  NOT NULL,
    locked_until BIGINT  NOT NULL
);
