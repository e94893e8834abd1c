-- All journeys of partners. Uses journey_partner.
-- rows: program text, partner text
SELECT j.id, j.program, j.partner, j.workflow, j.version, j.started_at, j.exited_at, j.exit_code, j.held_out, j.body
FROM input JOIN journey j ON j.program = input.program AND j.partner = input.partner
