-- What refused lines of files held, past their keep. That they were refused stays: a file read in again knows its lines by it.
-- $1 the instant. Reads dead_letter once a day.
UPDATE dead_letter SET raw = substr(raw, 1, 0), headers = '{}', detail = ''
WHERE at < $1 AND source LIKE 'file:%' AND length(raw) > 0
