-- Days of warm-ups that are long over. $1 the day, counted from 1970. Reads warm_up once a day.
DELETE FROM warm_up WHERE day < $1
