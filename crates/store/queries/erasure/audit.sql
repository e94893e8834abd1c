-- Free text of people that names a person. $1 what names them, $2 their key as subjects have it. Reads audit once.
UPDATE audit SET because = 'erased' WHERE because IS NOT NULL AND replace(lower(because), lower($1), '') <> lower(because)
    AND (subject = $2 OR substr(subject, length(subject) - length($2)) IN (':' || $2, ' ' || $2) OR replace(lower($1), '@', '') <> lower($1))
