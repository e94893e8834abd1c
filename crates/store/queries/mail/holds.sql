-- Holds on partners' mail that were not released: with an end, or by a journey that still runs. Uses the primary key of hold.
-- rows: program text, partner text
SELECT h.program, h.partner, h.workflow, h.by_journey, h.until
FROM input JOIN hold h ON h.program = input.program AND h.partner = input.partner
WHERE h.until IS NOT NULL OR EXISTS (SELECT 1 FROM journey j WHERE j.id = h.by_journey AND j.exited_at IS NULL)
