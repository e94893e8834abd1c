-- A partner's journeys, oldest first. $1 program, $2 partner. Uses journey_partner.
SELECT j.id, j.program, j.partner, j.workflow, j.version, j.started_at, j.exited_at, j.exit_code, j.held_out, j.body FROM journey j WHERE j.program = $1 AND j.partner = $2 ORDER BY j.started_at, j.id
