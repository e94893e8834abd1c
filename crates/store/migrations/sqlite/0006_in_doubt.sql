-- What nobody has looked into yet.
CREATE INDEX message_in_doubt ON message (changed_at) WHERE state = 'in_doubt';
-- How far shards are stands in a file beside this one: a copy of this one that is put back must be recognised.
DROP TABLE journal_report;
