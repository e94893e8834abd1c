-- Mails that are over and journeys that are told about go by age, a piece at a time: in the order in which they ended. When a journey's
-- explanation was taken out; NULL as long as it has one.
ALTER TABLE journey ADD COLUMN emptied_at BIGINT;
CREATE INDEX journey_explained ON journey (exited_at) WHERE exited_at IS NOT NULL AND emptied_at IS NULL;
CREATE INDEX message_over ON message (changed_at)
    WHERE kind = 'marketing' AND state IN ('sent', 'suppressed', 'expired', 'cancelled');
