-- Rooms that are over. Their names sort by when they were opened.
CREATE TABLE past_rooms (
    id        TEXT    NOT NULL PRIMARY KEY,
    room      TEXT    NOT NULL,
    opened_at BIGINT  NOT NULL,
    lasted_ms BIGINT  NOT NULL,
    most      BIGINT  NOT NULL,
    -- JSON: who was in, who talked when, what was done.
    story     TEXT    NOT NULL
);

CREATE INDEX past_rooms_of ON past_rooms (room, id);
CREATE INDEX past_rooms_opened ON past_rooms (opened_at);
