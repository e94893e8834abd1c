-- Whether a call is due. $1 now. Uses hook_call_due.
SELECT 1 FROM hook_call WHERE state = 'queued' AND due <= $1 AND lease_until <= $1 LIMIT 1
