-- Calls are found by everybody who took part in them, and not only by who called and who was called first.
CREATE INDEX legs_to ON legs (to_number, call_id);
CREATE INDEX legs_account ON legs (account, call_id) WHERE account IS NOT NULL;
