-- What calls are found by, each in an index that leads to them, the newest first.
-- How long it lasted, by doubling seconds: 0 below a second, 1 below two, 2 below four.
ALTER TABLE calls ADD COLUMN length_class INTEGER;
-- The worst that any leg was heard, in either direction: a MOS in hundredths. NULL: nothing was measured.
ALTER TABLE calls ADD COLUMN worst_mos INTEGER;
-- Whom it rang on the way, in small letters: accounts, numbers, names. NULL: nobody.
ALTER TABLE calls ADD COLUMN parties TEXT;
UPDATE calls SET
    length_class = CASE
        WHEN ended_us IS NULL THEN NULL
        WHEN ended_us < 1000000 THEN 0 WHEN ended_us < 2000000 THEN 1 WHEN ended_us < 4000000 THEN 2
        WHEN ended_us < 8000000 THEN 3 WHEN ended_us < 16000000 THEN 4 WHEN ended_us < 32000000 THEN 5
        WHEN ended_us < 64000000 THEN 6 WHEN ended_us < 128000000 THEN 7 WHEN ended_us < 256000000 THEN 8
        WHEN ended_us < 512000000 THEN 9 WHEN ended_us < 1024000000 THEN 10 WHEN ended_us < 2048000000 THEN 11
        WHEN ended_us < 4096000000 THEN 12 WHEN ended_us < 8192000000 THEN 13 WHEN ended_us < 16384000000 THEN 14
        ELSE 15 END,
    worst_mos = (SELECT NULLIF(min(COALESCE(min(json_extract(quality, '$.here.mos_hundredths')), 9999),
                                   COALESCE(min(json_extract(quality, '$.there.mos_hundredths')), 9999)), 9999)
                 FROM legs WHERE call_id = calls.id),
    parties = (SELECT lower(group_concat(COALESCE(account, '') || ' ' || to_number || ' ' || COALESCE(to_name, ''), ' '))
               FROM legs WHERE call_id = calls.id AND direction = 'outbound');
CREATE INDEX calls_version ON calls (version, id) WHERE version IS NOT NULL;
CREATE INDEX calls_q850 ON calls (q850, id) WHERE q850 IS NOT NULL;
CREATE INDEX calls_sip ON calls (sip, id) WHERE sip IS NOT NULL;
CREATE INDEX calls_ended_by ON calls (ended_by, id) WHERE ended_by IS NOT NULL;
-- The time itself stands behind, so that a class is looked through without its calls.
CREATE INDEX calls_length ON calls (length_class, id, ended_us) WHERE length_class IS NOT NULL;
CREATE INDEX calls_heard ON calls (worst_mos / 25, id, worst_mos) WHERE worst_mos IS NOT NULL;
-- What calls himself so, however it is written.
CREATE INDEX calls_named ON calls (lower(from_name), id) WHERE from_name IS NOT NULL;
-- Words, by each three letters that follow each other, of calls that are over. A row has the number that the first fourteen
-- letters of a call's id write, so they have the order of calls.
CREATE VIRTUAL TABLE calls_words USING fts5 (words, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram');
INSERT INTO calls_words (rowid, words)
SELECT (WITH RECURSIVE letter (at, number) AS (
            SELECT 1, 0
            UNION ALL
            SELECT at + 1, number * 32 + instr('0123456789abcdefghjkmnpqrstvwxyz', substr(id, at, 1)) - 1 FROM letter WHERE at <= 14)
        SELECT number FROM letter WHERE at = 15),
       lower(from_number || ' ' || COALESCE(from_name, '') || ' ' || to_number || ' ' || COALESCE(to_name, '') || ' '
             || COALESCE(service, '') || ' ' || COALESCE(reason, '') || ' ' || tags || ' ' || COALESCE(parties, ''))
FROM calls WHERE outcome IS NOT NULL AND id IN (SELECT min(id) FROM calls GROUP BY substr(id, 1, 14)) ORDER BY id;
