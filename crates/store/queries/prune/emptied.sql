-- Journeys without their explanation. One that was written meanwhile has its turn again. $1 now. Uses the primary key of journey; on small
-- tables it reads journey once.
-- rows: id text, body text, was text
UPDATE journey SET body = input.body, emptied_at = $1 FROM input WHERE journey.id = input.id AND journey.body = input.was
