-- Filters of calls that people saved, each under a name of its own.
CREATE TABLE saved_filters (
    -- The user's name.
    owner    TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    -- As it stands in the address of the page.
    query    TEXT    NOT NULL,
    saved_at INTEGER NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT;
