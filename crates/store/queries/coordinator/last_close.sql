-- The last closed day. $1 program. Uses the primary key of day_close.
SELECT program, day, body, state, fit FROM day_close WHERE program = $1 ORDER BY day DESC LIMIT 1
