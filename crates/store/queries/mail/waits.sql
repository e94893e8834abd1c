-- Whether a mail waits for this already. $1 message, $2 reason. Uses the primary key of message.
SELECT COUNT(*) FROM message WHERE id = $1 AND reason = $2
