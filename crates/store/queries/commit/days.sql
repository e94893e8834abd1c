-- The closed days of partners. Uses the primary key of partner_days.
-- rows: program text, partner text, days bytes
INSERT INTO partner_days (program, partner, days) SELECT program, partner, days FROM input WHERE true
ON CONFLICT (program, partner) DO UPDATE SET days = excluded.days
