-- A partner's last refusals. $1 program, $2 partner. Uses the primary key of refusal.
SELECT program, partner, workflow, at, code, clauses FROM refusal WHERE program = $1 AND partner = $2 ORDER BY workflow
