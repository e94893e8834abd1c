-- The earliest due date of a message that can be claimed. Uses message_due.
SELECT MIN(due) FROM message WHERE state = 'queued' AND address IS NOT NULL
