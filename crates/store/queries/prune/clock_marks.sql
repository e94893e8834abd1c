-- Clock marks older than the log. $1 the instant. Reads clock_mark once.
DELETE FROM clock_mark WHERE clock < $1
