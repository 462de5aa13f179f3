-- Addresses and networks that are refused at every door. All times are milliseconds since 1970, UTC.
CREATE TABLE bans (
    -- As '192.0.2.0/24'; an address has all its bits.
    network   TEXT    NOT NULL PRIMARY KEY,
    reason    TEXT    NOT NULL,
    made_by   TEXT    NOT NULL,
    made_at   INTEGER NOT NULL,
    -- NULL: until it is lifted.
    until_at  INTEGER,
    -- 1: made by the house.
    automatic INTEGER NOT NULL
) STRICT;
