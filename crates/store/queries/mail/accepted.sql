-- What counts for caps since an instant, and by what a copy is known. $1 since. Uses sent_address: the plus keeps a plan that was made
-- while few mails were sent from reading all since that instant, to whomever, and from walking all in the order of `at`.
-- rows: address text
SELECT s.address, s.at, s.kind, s.program, s.partner, s.workflow, s.mail, s.round
FROM input JOIN sent s ON s.address = input.address WHERE +s.at >= $1 ORDER BY +s.at
