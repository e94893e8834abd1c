-- A link is used, unless it was. $1 ticket, $2 from when on nobody needs to know. Uses the primary key of survey_ticket.
INSERT INTO survey_ticket (ticket, closes_at) VALUES ($1, $2) ON CONFLICT (ticket) DO NOTHING
