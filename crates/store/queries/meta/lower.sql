-- Writes a number unless a lower one stands. $1 name, $2 the number as text. Uses the primary key of meta.
INSERT INTO meta (name, value) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
WHERE CAST(meta.value AS BIGINT) > CAST(excluded.value AS BIGINT)
