-- Makes sure that addresses can be locked; in address order, so that two writers cannot wait for each other in a circle.
-- Uses the primary key of recipient.
-- rows: address text
INSERT INTO recipient (address) SELECT address FROM input WHERE true ORDER BY address ON CONFLICT (address) DO NOTHING
