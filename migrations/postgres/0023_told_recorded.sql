-- When the party of a leg had heard that it is recorded. NULL: it was told nothing of the kind.
ALTER TABLE legs ADD COLUMN told_recorded_us BIGINT;
