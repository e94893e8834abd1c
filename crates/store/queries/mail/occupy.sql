-- Notes what each recipient has in hand. Uses the primary key of recipient.
-- rows: address text, message text
UPDATE recipient SET attempting = input.message FROM input WHERE recipient.address = input.address
