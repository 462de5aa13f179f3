-- Who is told over HTTP what happens, beside those of the configuration. All times are milliseconds since 1970, UTC.
CREATE TABLE webhook_receivers (
    id            TEXT    NOT NULL PRIMARY KEY,
    url           TEXT    NOT NULL UNIQUE,
    -- What deliveries are signed with, sealed with the key of the data folder.
    sealed_secret BLOB    NOT NULL,
    -- What it hears of, words apart.
    events        TEXT    NOT NULL,
    added_at      INTEGER NOT NULL
) STRICT;
