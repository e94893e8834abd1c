-- The last refusals of long ago. $1 the instant. Reads refusal once: it has a row for each partner and workflow at most.
DELETE FROM refusal WHERE at < $1
