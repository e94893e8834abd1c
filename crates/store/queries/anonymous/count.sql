-- One more answer waits. The sum of a survey and period, which is the empty answer, comes first: who holds its row counts alone.
-- $1 programme, $2 survey, $3 period, $4 answer. Uses the primary key of survey_tally.
INSERT INTO survey_tally (program, survey, period, answer, waiting, told) VALUES ($1, $2, $3, $4, 1, 0)
ON CONFLICT (program, survey, period, answer) DO UPDATE SET waiting = survey_tally.waiting + 1
