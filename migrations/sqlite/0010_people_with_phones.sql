-- The endpoint as which a person calls and is called in the dashboard; NULL: none.
ALTER TABLE users ADD COLUMN endpoint TEXT;
