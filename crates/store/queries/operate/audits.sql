-- Lines of the audit, newest first. $1 how their action begins, $2 limit. Reads audit from its end, by audit_at.
SELECT id, at, by_whom, approved_by, action, subject, because, done, detail FROM audit
WHERE substr(action, 1, length($1)) = $1 ORDER BY at DESC, id DESC LIMIT $2
