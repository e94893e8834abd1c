-- A programme's newest fit, carried from day to day; empty before the first, and in rows of older binaries.
ALTER TABLE day_close ADD COLUMN fit BLOB NOT NULL DEFAULT x'';
