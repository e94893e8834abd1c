-- Only PostgreSQL packs its columns.
SELECT 1;
