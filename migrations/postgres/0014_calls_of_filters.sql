-- Few calls of many, so that whoever asks for them need not look through the others.
CREATE INDEX calls_fault ON calls (fault, id) WHERE fault IS NOT NULL;
CREATE INDEX calls_problems ON calls (id)
    WHERE COALESCE(outcome, '') IN ('failed', 'crashed', 'interrupted', 'unreachable', 'not_found', 'forbidden');
CREATE INDEX calls_tagged ON calls (id) WHERE tags <> '[]';
CREATE INDEX calls_recorded ON calls (id) WHERE recordings <> '[]';
