-- Calls taken back that did not end; a try on its way comes to nothing. $1 the shard's present. Uses the primary key of hook_call.
-- rows: id text, code text
UPDATE hook_call SET state = 'cancelled', reason = input.code, ended_at = $1
FROM input WHERE hook_call.id = input.id AND hook_call.state = 'queued'
