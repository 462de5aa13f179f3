-- Routes that were added while the server ran, beside those of the configuration. All times are milliseconds since 1970, UTC.
CREATE TABLE routes (
    id         TEXT    NOT NULL PRIMARY KEY,
    -- The keys of [[route]], as JSON.
    written    TEXT    NOT NULL,
    written_by TEXT    NOT NULL,
    added_at   INTEGER NOT NULL
) STRICT;
