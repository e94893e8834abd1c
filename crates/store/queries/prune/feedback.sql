-- Reports past their keep: nobody tells them again. That a service mail came back stays: whom a notice reached is told by it.
-- $1 the instant. Uses feedback_at and the primary key of message; on small tables it reads feedback and message once.
DELETE FROM feedback WHERE at < $1 AND NOT (what IN ('bounce.hard', 'bounce.soft', 'bounce.policy')
    AND EXISTS (SELECT 1 FROM message m WHERE m.id = feedback.message AND m.kind = 'service'))
