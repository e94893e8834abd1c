-- Everything kept of a partner beside its state, a row each: which table, and the row as JSON. $1 programme, $2 partner, $3 the key as
-- subjects have it. Uses the indexes by partner; reads audit, reservation, feedback and hook_call once.
SELECT 'person', CAST(@object('version', version, 'address', address, 'fields', fields) AS TEXT), version FROM person
WHERE program = $1 AND partner = $2
UNION ALL SELECT 'suppression', CAST(@object('topic', s.topic, 'reason', s.reason, 'at', s.at) AS TEXT), s.at FROM suppression s
WHERE s.address IN (SELECT address FROM person WHERE program = $1 AND partner = $2)
UNION ALL SELECT 'conversion', CAST(@object('conversion', conversion_id, 'occurred_at', occurred_at, 'status', status,
    'amount_minor', amount_minor, 'currency', currency) AS TEXT), occurred_at FROM conversion WHERE program = $1 AND partner = $2
UNION ALL SELECT 'signal', CAST(@object('kind', kind, 'occurred_at', occurred_at, 'ended_at', ended_at, 'payload', payload) AS TEXT),
    occurred_at FROM signal WHERE program = $1 AND partner = $2
UNION ALL SELECT 'journey', CAST(@object('id', id, 'workflow', workflow, 'started_at', started_at, 'exited_at', exited_at,
    'exit_code', exit_code, 'held_out', held_out, 'body', body) AS TEXT), started_at FROM journey WHERE program = $1 AND partner = $2
UNION ALL SELECT 'refusal', CAST(@object('workflow', workflow, 'at', at, 'code', code, 'clauses', clauses) AS TEXT), at FROM refusal
WHERE program = $1 AND partner = $2
UNION ALL SELECT 'message', CAST(@object('id', m.id, 'workflow', m.workflow, 'mail', m.mail, 'topic', m.topic, 'kind', m.kind,
    'address', m.address, 'planned_at', m.planned_at, 'state', m.state, 'reason', m.reason, 'changed_at', m.changed_at, 'reply', m.reply,
    'context', c.context) AS TEXT), m.planned_at FROM message m LEFT JOIN message_context c ON c.message = m.id
WHERE m.program = $1 AND m.partner = $2
UNION ALL SELECT 'feedback', CAST(@object('origin', f.origin, 'what', f.what, 'message', f.message, 'at', f.at) AS TEXT), f.at
FROM message m JOIN feedback f ON f.message = m.id WHERE m.program = $1 AND m.partner = $2
UNION ALL SELECT 'response', CAST(@object('message', message, 'what', what, 'at', at) AS TEXT), at FROM response
WHERE message IN (SELECT id FROM message WHERE program = $1 AND partner = $2) AND program = $1 AND partner = $2
UNION ALL SELECT 'task', CAST(@object('id', id, 'kind', kind, 'workflow', workflow, 'for', assignee, 'text', body,
    'opened_at', opened_at, 'opened_by', opened_by, 'due', due, 'ended_at', ended_at, 'ended_by', ended_by, 'outcome', outcome,
    'note', note) AS TEXT), opened_at FROM task WHERE program = $1 AND partner = $2
UNION ALL SELECT 'call', CAST(@object('hook', hook, 'workflow', workflow, 'planned_at', planned_at, 'state', state, 'body', body) AS TEXT),
    planned_at FROM hook_call WHERE program = $1 AND partner = $2
UNION ALL SELECT 'reservation', CAST(@object('offer', offer, 'at', at, 'minor', minor, 'currency', currency) AS TEXT), at
FROM reservation WHERE program = $1 AND partner = $2
UNION ALL SELECT 'audit', CAST(@object('at', at, 'by', by_whom, 'action', action, 'because', because, 'detail', detail) AS TEXT), at
FROM audit WHERE subject = $3 OR substr(subject, length(subject) - length($3)) IN (':' || $3, ' ' || $3)
UNION ALL SELECT 'figures', CAST(@object('as_of', as_of, 'figures', figures) AS TEXT), as_of FROM figures
WHERE program = $1 AND partner = $2
ORDER BY 1, 3
