-- A mail that was put back did not leave. $1 workflow, $2 minute. Uses the primary key of burst.
UPDATE burst SET mails = mails - 1 WHERE workflow = $1 AND minute = $2 AND mails > 0
