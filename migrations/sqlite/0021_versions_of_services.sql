-- Texts that services had, each under the number that it was given. All times are milliseconds since 1970, UTC.
CREATE TABLE service_versions (
    service   TEXT    NOT NULL,
    number    INTEGER NOT NULL,
    -- As records of calls name it: the number, and the beginning of the hash.
    name      TEXT    NOT NULL,
    -- SHA-256 of the text.
    hash      BLOB    NOT NULL,
    -- In UTF-8.
    text      BLOB    NOT NULL,
    -- Why it was served last: shipped, found or saved.
    origin    TEXT    NOT NULL,
    -- When it was served for the first time, and since when it was the last time.
    first_at  INTEGER NOT NULL,
    since_at  INTEGER NOT NULL,
    PRIMARY KEY (service, number)
) STRICT;
