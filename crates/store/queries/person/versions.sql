-- All versions of partners' personal fields, oldest first. Uses the primary key of person.
-- rows: program text, partner text
SELECT p.program, p.partner, p.version, p.fields, p.address
FROM input JOIN person p ON p.program = input.program AND p.partner = input.partner
ORDER BY p.program, p.partner, p.version
