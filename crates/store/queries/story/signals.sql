-- A partner's signals, oldest first. $1 program, $2 partner. Uses signal_partner.
SELECT id, program, partner, kind, occurred_at, ended_at, payload FROM signal
WHERE program = $1 AND partner = $2 ORDER BY occurred_at, id
