-- Recipients have nothing in hand any more. Uses the primary key of recipient.
-- rows: address text, message text
UPDATE recipient SET attempting = NULL FROM input
WHERE recipient.address = input.address AND recipient.attempting = input.message
