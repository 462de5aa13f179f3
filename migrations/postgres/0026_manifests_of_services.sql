-- The manifest that a service had last and that could be read: it holds after a restart where the file cannot be read any more.
CREATE TABLE service_manifests (
    service   TEXT    NOT NULL PRIMARY KEY,
    -- What it says, sealed with the key of the data folder: passwords may stand in it.
    sealed    BYTEA   NOT NULL,
    -- When it was read first. Milliseconds since 1970, UTC.
    since_at  BIGINT  NOT NULL
);
