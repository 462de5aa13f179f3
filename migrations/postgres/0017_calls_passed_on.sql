-- Which leg hung up; transfers of a call, and who forwarded it to a leg: JSON. NULL: nobody, none.
ALTER TABLE calls ADD COLUMN hung_up BIGINT;
ALTER TABLE calls ADD COLUMN passed TEXT;
ALTER TABLE legs ADD COLUMN forwarded TEXT;
