-- Conversions by id. Uses the primary key of conversion.
-- rows: program text, partner text, conversion_id text
SELECT c.program, c.partner, c.conversion_id, c.occurred_at, c.status, c.amount_minor, c.currency, c.body
FROM input JOIN conversion c
    ON c.program = input.program AND c.partner = input.partner AND c.conversion_id = input.conversion_id
