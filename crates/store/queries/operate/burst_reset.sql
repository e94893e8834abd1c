-- A person lets a workflow's mail go on: the hour begins anew. $1 workflow. Uses the primary key of burst.
DELETE FROM burst WHERE workflow = $1 AND minute >= 0
