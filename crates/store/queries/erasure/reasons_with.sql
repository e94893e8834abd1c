-- Free text of people that may name a person, and whether it is about them. $1 what names them, $2 their key as subjects have it.
-- Reads audit once.
SELECT id, because, subject = $2 OR substr(subject, length(subject) - length($2)) IN (':' || $2, ' ' || $2) FROM audit
WHERE because IS NOT NULL AND replace(lower(because), lower($1), '') <> lower(because)
