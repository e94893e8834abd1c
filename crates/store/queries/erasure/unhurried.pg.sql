-- Whole tables are read, however long that takes.
SET LOCAL statement_timeout = 0
