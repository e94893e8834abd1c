-- Reports past the history: nobody tells them again. $1 the instant. Uses feedback_at.
DELETE FROM feedback WHERE at < $1
