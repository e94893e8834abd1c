-- Pauses in force, oldest first. Reads pause once.
SELECT id, workflow, program, partner, journey, since, until, by_whom, because, provider FROM pause ORDER BY since, id
