-- Stores versions of personal fields; one told again takes what is new, field by field, and a null says nothing.
-- What was said before an erasure is not taken in again. Uses the primary keys of person and erased.
-- rows: program text, partner text, version int, address text, fields text
INSERT INTO person (program, partner, version, address, fields)
SELECT program, partner, version, address, fields FROM input WHERE NOT EXISTS (SELECT 1 FROM erased e
    WHERE e.program = input.program AND e.partner = input.partner AND e.at >= input.version) ORDER BY program, partner, version
ON CONFLICT (program, partner, version) DO UPDATE SET
    address = COALESCE(excluded.address, person.address),
    fields = (
        SELECT json_object_agg(merged.key, merged.value ORDER BY merged.key)::text
        FROM (
            SELECT old.key, old.value FROM json_each(person.fields::json) old
            WHERE NOT EXISTS (
                SELECT 1 FROM json_each(excluded.fields::json) new
                WHERE new.key = old.key AND json_typeof(new.value) <> 'null'
            )
            UNION ALL
            SELECT new.key, new.value FROM json_each(excluded.fields::json) new WHERE json_typeof(new.value) <> 'null'
        ) merged
    )
WHERE person.fields <> excluded.fields OR person.address IS DISTINCT FROM excluded.address
