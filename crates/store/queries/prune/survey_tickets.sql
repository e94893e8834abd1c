-- Links that answer nothing any more. $1 now. Uses survey_ticket_closes.
DELETE FROM survey_ticket WHERE closes_at < $1
