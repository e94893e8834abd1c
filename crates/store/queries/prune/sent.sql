-- What no cap looks at any more. $1 the instant. Reads sent once.
DELETE FROM sent WHERE at < $1
