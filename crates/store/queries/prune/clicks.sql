-- Clicks that nobody judged within a day, and those that were forgotten to be forgotten. $1 before when. Reads click once; it is short.
DELETE FROM click WHERE at < $1
