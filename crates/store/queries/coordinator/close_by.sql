-- The newest closed day up to a day. $1 program, $2 day. Uses the primary key of day_close.
SELECT program, day, body, state, fit FROM day_close WHERE program = $1 AND day <= $2 ORDER BY day DESC LIMIT 1
