-- Conversions' states. Uses the primary key of conversion.
-- rows: program text, partner text, conversion_id text, occurred_at int, status text, amount_minor int, currency text, body bytes
INSERT INTO conversion (program, partner, conversion_id, occurred_at, status, amount_minor, currency, body)
SELECT program, partner, conversion_id, occurred_at, status, amount_minor, currency, body FROM input WHERE true
ON CONFLICT (program, partner, conversion_id) DO UPDATE SET occurred_at = excluded.occurred_at, status = excluded.status,
    amount_minor = excluded.amount_minor, currency = excluded.currency, body = excluded.body
