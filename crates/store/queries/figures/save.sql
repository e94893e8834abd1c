-- The newest figures of partners and programmes. Uses the primary key of figures.
-- rows: program text, partner text, as_of int, figures text
INSERT INTO figures (program, partner, as_of, figures)
SELECT program, partner, as_of, @jsonb(figures) FROM input WHERE true
ON CONFLICT (program, partner) DO UPDATE SET as_of = excluded.as_of, figures = excluded.figures
