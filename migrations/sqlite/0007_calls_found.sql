-- What people look calls up by most; each goes on backwards from a call, so its id stands behind.
CREATE INDEX calls_from ON calls (from_number, id);
CREATE INDEX calls_to ON calls (to_number, id);
CREATE INDEX calls_service ON calls (service, id);
CREATE INDEX calls_outcome ON calls (outcome, id);
