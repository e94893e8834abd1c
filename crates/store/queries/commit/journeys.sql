-- Journeys begun, advanced or ended. One that is written has its explanation again. Uses the primary key of journey.
-- rows: id text, program text, partner text, workflow text, version text, started_at int, exited_at int, exit_code text, held_out bool, body text
INSERT INTO journey (id, program, partner, workflow, version, started_at, exited_at, exit_code, held_out, body)
SELECT id, program, partner, workflow, version, started_at, exited_at, exit_code, held_out, body FROM input WHERE true
ON CONFLICT (id) DO UPDATE SET workflow = excluded.workflow, version = excluded.version, exited_at = excluded.exited_at,
    exit_code = excluded.exit_code, held_out = excluded.held_out, body = excluded.body, emptied_at = NULL
