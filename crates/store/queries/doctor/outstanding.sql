-- What is left to do. $1 the instant. Uses message_due, message_unaddressed, message_attempting and timer_due's rows; the outbox and requests are short.
SELECT (SELECT COUNT(*) FROM outbox),
    (SELECT COUNT(*) FROM message WHERE state = 'queued' AND address IS NOT NULL AND due <= $1)
        + (SELECT COUNT(*) FROM message WHERE state = 'queued' AND address IS NULL AND expires <= $1)
        + (SELECT COUNT(*) FROM message WHERE state = 'attempting'),
    (SELECT COUNT(*) FROM request),
    (SELECT COUNT(*) FROM timer WHERE due <= $1)
