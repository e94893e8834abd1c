-- Mail is claimed in the order of due time and id: with both in the index, the first two of a million are read without the others.
DROP INDEX message_due;
CREATE INDEX message_due ON message (due, id) WHERE state = 'queued' AND address IS NOT NULL;
