-- Stores versions of personal fields; a version that is there stays. Uses the primary key of person.
-- rows: program text, partner text, version int, address text, fields text
INSERT INTO person (program, partner, version, address, fields)
SELECT program, partner, version, address, fields FROM input WHERE true
ON CONFLICT (program, partner, version) DO NOTHING
