-- Endpoints that were added by command. Those of the configuration file are not here.
CREATE TABLE endpoints (
    user_name       TEXT    NOT NULL PRIMARY KEY,
    -- Nonce, ciphertext and tag; the key lies in the data folder, never here.
    sealed_password BLOB    NOT NULL,
    number          TEXT,
    -- As 'sha-256,md5'; NULL: what the server asks of everybody.
    digests         TEXT,
    -- All times are milliseconds since 1970, UTC.
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;

-- All that a REGISTER leaves behind. Endpoints of the configuration file have bindings too, so there is no foreign key.
CREATE TABLE bindings (
    endpoint     TEXT    NOT NULL,
    -- The order in which the registrar keeps them.
    position     INTEGER NOT NULL,
    contact      TEXT    NOT NULL,
    instance     TEXT,
    reg_id       INTEGER,
    q_thousandth INTEGER NOT NULL,
    -- A JSON array, nearest first.
    path         TEXT    NOT NULL,
    call_id      TEXT    NOT NULL,
    cseq         INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    transport    TEXT    NOT NULL,
    local        TEXT    NOT NULL,
    peer         TEXT    NOT NULL,
    flow_bound   INTEGER NOT NULL,
    user_agent   TEXT,
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (endpoint, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX bindings_by_expiry ON bindings (expires_at);
