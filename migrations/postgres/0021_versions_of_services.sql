-- Texts that services had, each under the number that it was given. All times are milliseconds since 1970, UTC.
CREATE TABLE service_versions (
    service   TEXT    NOT NULL,
    number    BIGINT  NOT NULL,
    -- As records of calls name it: the number, and the beginning of the hash.
    name      TEXT    NOT NULL,
    -- SHA-256 of the text.
    hash      BYTEA   NOT NULL,
    -- In UTF-8.
    text      BYTEA   NOT NULL,
    -- Why it was served last: shipped, found or saved.
    origin    TEXT    NOT NULL,
    -- When it was served for the first time, and since when it was the last time.
    first_at  BIGINT  NOT NULL,
    since_at  BIGINT  NOT NULL,
    PRIMARY KEY (service, number)
);
