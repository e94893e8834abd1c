-- What nobody has looked into yet.
CREATE INDEX message_in_doubt ON message (changed_at) WHERE state = 'in_doubt';
