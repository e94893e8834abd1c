-- What may be told of a programme's anonymous surveys. $1 programme. Uses the primary key of survey_tally.
SELECT survey, period, answer, told FROM survey_tally WHERE program = $1 AND answer <> '' AND told > 0
ORDER BY survey, period, answer
