-- Questions nobody has to answer any more; one that somebody answered meanwhile stays answered. Uses the primary key of task.
-- $1 who closes them.
-- rows: id text, at int, outcome text
UPDATE task SET ended_at = input.at, ended_by = $1, outcome = input.outcome
FROM input WHERE task.id = input.id AND task.ended_at IS NULL
