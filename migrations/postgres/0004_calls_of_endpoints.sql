-- What an endpoint may do in a call. NULL: as usual.
-- As 'opus,pcma', the best first.
ALTER TABLE endpoints ADD COLUMN codecs TEXT;
ALTER TABLE endpoints ADD COLUMN srtp TEXT;
-- At once.
ALTER TABLE endpoints ADD COLUMN calls BIGINT;
ALTER TABLE endpoints ADD COLUMN caller_id TEXT;
-- As 'busy=voicemail no_answer=102,voicemail after=20'.
ALTER TABLE endpoints ADD COLUMN forward TEXT;
