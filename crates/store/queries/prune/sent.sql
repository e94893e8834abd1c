-- What no cap looks at any more. $1 the instant. Uses sent_at.
DELETE FROM sent WHERE at < $1
