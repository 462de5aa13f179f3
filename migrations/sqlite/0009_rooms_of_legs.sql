-- The conference rooms that a leg was in: JSON, which and from when to when. NULL: none.
ALTER TABLE legs ADD COLUMN rooms TEXT;
