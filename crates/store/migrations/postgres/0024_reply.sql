-- What the relay said when it accepted the mail, as JSON: code, words, its own number of the mail, which relay, when. NULL where none did.
ALTER TABLE message ADD COLUMN reply TEXT;
