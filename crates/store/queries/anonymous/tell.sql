-- When enough answers wait, all of them may be told, and the sum with them. $1 programme, $2 survey, $3 period, $4 how many are enough.
-- Uses the primary key of survey_tally.
UPDATE survey_tally SET told = told + waiting, waiting = 0
WHERE program = $1 AND survey = $2 AND period = $3 AND waiting > 0
    AND (SELECT s.waiting FROM survey_tally s WHERE s.program = $1 AND s.survey = $2 AND s.period = $3 AND s.answer = '') >= $4
