-- Workflows and providers whose marketing mail is stopped. Reads pause once.
SELECT workflow, provider FROM pause WHERE provider <> '' ORDER BY workflow, provider
