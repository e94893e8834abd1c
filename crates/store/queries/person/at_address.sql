-- Partners whose newest address is this one. $1 address. Uses person_address and the primary key of person.
SELECT p.program, p.partner FROM person p WHERE p.address = $1
    AND NOT EXISTS (SELECT 1 FROM person later WHERE later.program = p.program AND later.partner = p.partner
        AND later.version > p.version AND later.address IS NOT NULL)
ORDER BY p.program, p.partner
