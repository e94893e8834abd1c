-- A mail that was put back did not leave. $1 domain, $2 day. Uses the primary key of warm_up.
UPDATE warm_up SET mails = mails - 1 WHERE domain = $1 AND day = $2 AND mails > 0
