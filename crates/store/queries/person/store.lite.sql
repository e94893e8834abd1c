-- Stores versions of personal fields; one told again takes what is new, field by field, and a null says nothing.
-- What was said before an erasure is not taken in again. Uses the primary keys of person and erased.
-- rows: program text, partner text, version int, address text, fields text
INSERT INTO person (program, partner, version, address, fields)
SELECT program, partner, version, address, fields FROM input WHERE NOT EXISTS (SELECT 1 FROM erased e
    WHERE e.program = input.program AND e.partner = input.partner AND e.at >= input.version)
ON CONFLICT (program, partner, version) DO UPDATE SET
    address = COALESCE(excluded.address, person.address),
    fields = (
        SELECT json_group_object(merged.key, json(merged.value))
        FROM (
            SELECT old.key AS key, person.fields -> old.fullkey AS value FROM json_each(person.fields) old
            WHERE NOT EXISTS (
                SELECT 1 FROM json_each(excluded.fields) new WHERE new.key = old.key AND new.type <> 'null'
            )
            UNION ALL
            SELECT new.key, excluded.fields -> new.fullkey FROM json_each(excluded.fields) new WHERE new.type <> 'null'
        ) merged
    )
WHERE person.fields <> excluded.fields OR person.address IS NOT excluded.address
