-- A process ends. $1 kind, $2 process. Uses the primary key of process.
DELETE FROM process WHERE kind = $1 AND process = $2
