-- One row a call: opened when its first entries are kept, closed at its end. The fold over its journal.
CREATE TABLE calls (
    -- Twenty letters and digits that sort by when the call began.
    id          TEXT    NOT NULL,
    -- Milliseconds since 1970, UTC; all other times are microseconds since then.
    began_at    INTEGER NOT NULL,
    service     TEXT,
    version     TEXT,
    route       TEXT,
    from_number TEXT    NOT NULL,
    from_name   TEXT,
    to_number   TEXT    NOT NULL,
    to_name     TEXT,
    rang_us     INTEGER,
    answered_us INTEGER,
    ended_us    INTEGER,
    talk_us     INTEGER NOT NULL,
    -- NULL while the call goes on.
    outcome     TEXT,
    fault       TEXT,
    -- Why it ended, and who wanted that.
    ended_by    TEXT,
    q850        INTEGER,
    sip         INTEGER,
    reason      TEXT,
    place       TEXT,
    -- A JSON array of pairs.
    tags        TEXT    NOT NULL,
    -- A JSON array of paths.
    recordings  TEXT    NOT NULL,
    -- How many entries were noted; fewer may be kept.
    entries     INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

-- Few: the calls that go on.
CREATE INDEX calls_open ON calls (id) WHERE outcome IS NULL;

-- What became of each leg of a call.
CREATE TABLE legs (
    call_id        TEXT    NOT NULL,
    -- The order in which they began.
    position       INTEGER NOT NULL,
    leg            INTEGER NOT NULL,
    -- The leg on whose behalf it was begun: the legs of a call are a tree.
    parent         INTEGER,
    direction      TEXT    NOT NULL,
    -- endpoint, trunk or stranger, and the name of the first two.
    account_kind   TEXT    NOT NULL,
    account        TEXT,
    from_number    TEXT    NOT NULL,
    from_name      TEXT,
    to_number      TEXT    NOT NULL,
    to_name        TEXT,
    transport      TEXT    NOT NULL,
    peer           TEXT    NOT NULL,
    began_us       INTEGER NOT NULL,
    rang_us        INTEGER,
    early_media_us INTEGER,
    answered_us    INTEGER,
    ended_us       INTEGER,
    -- NULL when it never heard another leg.
    talk_us        INTEGER,
    holds          INTEGER NOT NULL,
    ended_by       TEXT,
    q850           INTEGER,
    sip            INTEGER,
    reason         TEXT,
    place          TEXT,
    -- A JSON object; NULL when nothing was measured.
    quality        TEXT,
    PRIMARY KEY (call_id, position)
) STRICT, WITHOUT ROWID;

-- The journals of calls, in pieces as they were handed out.
CREATE TABLE journal (
    call_id     TEXT    NOT NULL,
    -- The number of the first entry that was noted for this piece.
    first_entry INTEGER NOT NULL,
    -- A JSON array.
    entries     TEXT    NOT NULL,
    PRIMARY KEY (call_id, first_entry)
) STRICT;
