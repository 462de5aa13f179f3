-- What a version needs to be served again after a restart, and what was found of it. All times are milliseconds since 1970, UTC.
-- The modules that it imports, as JSON in UTF-8; NULL: nobody kept them.
ALTER TABLE service_versions ADD COLUMN modules BLOB;
-- Since when the service is served no more, where its file was deleted after this version was served.
ALTER TABLE service_versions ADD COLUMN gone_at INTEGER;
-- Faults that were found by reading, tests that hold and that fail, and when they were run last.
ALTER TABLE service_versions ADD COLUMN faults INTEGER;
ALTER TABLE service_versions ADD COLUMN tests_held INTEGER;
ALTER TABLE service_versions ADD COLUMN tests_failed INTEGER;
ALTER TABLE service_versions ADD COLUMN tried_at INTEGER;
