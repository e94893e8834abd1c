-- Versions of persons past the history. Each partner's newest before it stays: it was in force when the history begins. $1 the
-- instant in milliseconds, which versions are. Uses the primary key of person.
DELETE FROM person WHERE version < $1
    AND EXISTS (SELECT 1 FROM person newer WHERE newer.program = person.program AND newer.partner = person.partner
        AND newer.version > person.version AND newer.version <= $1)
