-- What is told to programs elsewhere and was not taken yet. All times are milliseconds since 1970, UTC.
CREATE TABLE webhooks (
    -- Sorts by when it happened.
    id      TEXT   NOT NULL PRIMARY KEY,
    url     TEXT   NOT NULL,
    event   TEXT   NOT NULL,
    -- JSON, as it is sent and signed.
    body    TEXT   NOT NULL,
    made_at BIGINT NOT NULL,
    tries   BIGINT NOT NULL,
    -- NULL: dead; nobody tries it any more until somebody says so.
    next_at BIGINT,
    -- What went wrong last.
    why     TEXT
);

CREATE INDEX webhooks_by_turn ON webhooks (url, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhooks_dead ON webhooks (id) WHERE next_at IS NULL;
