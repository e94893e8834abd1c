-- The next timers of a shard. $1 shard, $2 due, $3 program, $4 partner, $5 subject to begin after, $6 limit. Uses timer_due.
SELECT due, program, partner, subject, seq FROM timer
WHERE shard = $1 AND (due, program, partner, subject) > ($2, $3, $4, $5)
ORDER BY due, program, partner, subject LIMIT $6
