-- A domain's day as it is counted now. $1 domain, $2 day, $3 mails, $4 put off. Uses the primary key of warm_up.
UPDATE warm_up SET mails = $3, waits = $4 WHERE domain = $1 AND day = $2
