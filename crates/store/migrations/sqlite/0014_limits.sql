-- A pause may be of a workflow's marketing mail to one provider's mailboxes; '' is any. Claims leave such rows to the contact policy.
ALTER TABLE pause ADD COLUMN provider TEXT NOT NULL DEFAULT '' CHECK (provider = '' OR workflow <> '');

-- Mails of triggered workflows by the minute of their claim. The row of minute -1 is what claims of the workflow lock, so that
-- mailers count one after the other.
CREATE TABLE burst (
    workflow TEXT NOT NULL,
    minute   INTEGER NOT NULL CHECK (minute >= -1),
    mails    INTEGER NOT NULL CHECK (mails >= 0),
    PRIMARY KEY (workflow, minute)
) WITHOUT ROWID;

CREATE INDEX feedback_workflow ON feedback (workflow, at);
