-- What a version needs to be served again after a restart, and what was found of it. All times are milliseconds since 1970, UTC.
-- The modules that it imports, as JSON in UTF-8; NULL: nobody kept them.
ALTER TABLE service_versions ADD COLUMN modules BYTEA;
-- Since when the service is served no more, where its file was deleted after this version was served.
ALTER TABLE service_versions ADD COLUMN gone_at BIGINT;
-- Faults that were found by reading, tests that hold and that fail, and when they were run last.
ALTER TABLE service_versions ADD COLUMN faults BIGINT;
ALTER TABLE service_versions ADD COLUMN tests_held BIGINT;
ALTER TABLE service_versions ADD COLUMN tests_failed BIGINT;
ALTER TABLE service_versions ADD COLUMN tried_at BIGINT;
