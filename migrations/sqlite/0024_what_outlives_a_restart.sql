-- Who is logged in, over restarts. All times are milliseconds since 1970, UTC.
CREATE TABLE sessions (
    -- SHA-256 of what the cookie says, which has 256 bits of chance.
    hash     BLOB    NOT NULL PRIMARY KEY,
    owner    TEXT    NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    began_at INTEGER NOT NULL,
    -- When it was used last, to a few minutes.
    used_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of_owner ON sessions (owner, used_at);

-- A token may do no more than the person whom it goes back to; NULL: it was made on the machine itself.
ALTER TABLE tokens ADD COLUMN person TEXT;
UPDATE tokens SET person = made_by WHERE made_by NOT LIKE 'token %' AND made_by NOT IN ('command line', 'server');
-- What a token made goes back to that token's person, twice for tokens of tokens of tokens.
UPDATE tokens SET person = (SELECT MIN(maker.person) FROM tokens AS maker WHERE 'token ' || maker.name = tokens.made_by)
    WHERE person IS NULL AND made_by LIKE 'token %';
UPDATE tokens SET person = (SELECT MIN(maker.person) FROM tokens AS maker WHERE 'token ' || maker.name = tokens.made_by)
    WHERE person IS NULL AND made_by LIKE 'token %';
-- Whose maker nobody knows any more goes back to nobody who is there.
UPDATE tokens SET person = made_by WHERE person IS NULL AND made_by LIKE 'token %' AND NOT EXISTS
    (SELECT 1 FROM tokens AS maker WHERE 'token ' || maker.name = tokens.made_by AND maker.person IS NULL);

-- What went wrong last when an endpoint wanted to register.
CREATE TABLE registration_failures (
    endpoint TEXT    NOT NULL,
    -- 1: it came from elsewhere than the endpoint itself.
    stranger INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    -- Address and port.
    peer     TEXT    NOT NULL,
    status   INTEGER NOT NULL,
    why      TEXT    NOT NULL,
    -- How often since the endpoint came in.
    times    INTEGER NOT NULL,
    PRIMARY KEY (endpoint, stranger)
) STRICT;
