-- One row a call: opened when its first entries are kept, closed at its end. The fold over its journal.
CREATE TABLE calls (
    -- Twenty letters and digits that sort by when the call began.
    id          TEXT COLLATE "C" NOT NULL,
    -- Milliseconds since 1970, UTC; all other times are microseconds since then.
    began_at    BIGINT           NOT NULL,
    service     TEXT,
    version     TEXT,
    route       TEXT,
    from_number TEXT             NOT NULL,
    from_name   TEXT,
    to_number   TEXT             NOT NULL,
    to_name     TEXT,
    rang_us     BIGINT,
    answered_us BIGINT,
    ended_us    BIGINT,
    talk_us     BIGINT           NOT NULL,
    -- NULL while the call goes on.
    outcome     TEXT,
    fault       TEXT,
    -- Why it ended, and who wanted that.
    ended_by    TEXT,
    q850        BIGINT,
    sip         BIGINT,
    reason      TEXT,
    place       TEXT,
    -- A JSON array of pairs.
    tags        TEXT             NOT NULL,
    -- A JSON array of paths.
    recordings  TEXT             NOT NULL,
    -- How many entries were noted; fewer may be kept.
    entries     BIGINT           NOT NULL,
    PRIMARY KEY (id)
);

-- Few: the calls that go on.
CREATE INDEX calls_open ON calls (id) WHERE outcome IS NULL;

-- What became of each leg of a call.
CREATE TABLE legs (
    call_id        TEXT COLLATE "C" NOT NULL,
    -- The order in which they began.
    position       BIGINT           NOT NULL,
    leg            BIGINT           NOT NULL,
    -- The leg on whose behalf it was begun: the legs of a call are a tree.
    parent         BIGINT,
    direction      TEXT             NOT NULL,
    -- endpoint, trunk or stranger, and the name of the first two.
    account_kind   TEXT             NOT NULL,
    account        TEXT,
    from_number    TEXT             NOT NULL,
    from_name      TEXT,
    to_number      TEXT             NOT NULL,
    to_name        TEXT,
    transport      TEXT             NOT NULL,
    peer           TEXT             NOT NULL,
    began_us       BIGINT           NOT NULL,
    rang_us        BIGINT,
    early_media_us BIGINT,
    answered_us    BIGINT,
    ended_us       BIGINT,
    -- NULL when it never heard another leg.
    talk_us        BIGINT,
    holds          BIGINT           NOT NULL,
    ended_by       TEXT,
    q850           BIGINT,
    sip            BIGINT,
    reason         TEXT,
    place          TEXT,
    -- A JSON object; NULL when nothing was measured.
    quality        TEXT,
    PRIMARY KEY (call_id, position)
);

-- The journals of calls, in pieces as they were handed out.
CREATE TABLE journal (
    call_id     TEXT COLLATE "C" NOT NULL,
    -- The number of the first entry that was noted for this piece.
    first_entry BIGINT           NOT NULL,
    -- A JSON array.
    entries     TEXT             NOT NULL,
    PRIMARY KEY (call_id, first_entry)
);
