-- A mail that finds no place under a cap may travel with another one in a digest: which one, while that is in hand and afterwards. What is
-- queued and has a carrier is claimed by nobody.
ALTER TABLE message ADD COLUMN carrier TEXT;
CREATE INDEX message_carrier ON message (carrier) WHERE carrier IS NOT NULL;
