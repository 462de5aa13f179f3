-- Numbers and names of accounts stand by their letters, whatever language the database speaks: what begins alike stands together.
ALTER TABLE calls ALTER COLUMN from_number TYPE TEXT COLLATE "C", ALTER COLUMN to_number TYPE TEXT COLLATE "C";
ALTER TABLE legs ALTER COLUMN to_number TYPE TEXT COLLATE "C", ALTER COLUMN account TYPE TEXT COLLATE "C";
-- Words, by each three letters that follow each other, of calls that are over.
CREATE TABLE calls_words (
    call_id TEXT COLLATE "C"   NOT NULL PRIMARY KEY,
    threes  TEXT[] COLLATE "C" NOT NULL
);
INSERT INTO calls_words (call_id, threes)
SELECT id, ARRAY(SELECT DISTINCT substr(words, at, 3) FROM generate_series(1, length(words) - 2) AS at)
FROM (SELECT id, lower(from_number || ' ' || COALESCE(from_name, '') || ' ' || to_number || ' ' || COALESCE(to_name, '') || ' '
                       || COALESCE(service, '') || ' ' || COALESCE(reason, '') || ' ' || tags || ' ' || COALESCE(parties, '')) AS words
      FROM calls WHERE outcome IS NOT NULL) AS said;
CREATE INDEX calls_words_threes ON calls_words USING gin (threes);
-- What is in an index is known to whoever plans with it only once it was looked through.
ANALYZE calls, legs, calls_words;
