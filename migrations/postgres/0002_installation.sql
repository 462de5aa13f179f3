-- Whose database this is: one row, made by the first server that opens it.
CREATE TABLE installation (
    id              BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    -- Of the key that passwords are sealed with; the key itself cannot be had from it.
    key_fingerprint TEXT   NOT NULL
);
