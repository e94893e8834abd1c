-- Tasks end, and cases are tasks somebody answers for: opened by a workflow, a reply or a person, ended with an outcome.
ALTER TABLE task ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'task' CHECK (kind IN ('task', 'case'));
ALTER TABLE task ADD COLUMN opened_by TEXT NOT NULL DEFAULT 'workflow';
ALTER TABLE task ADD COLUMN ended_at BIGINT;
ALTER TABLE task ADD COLUMN ended_by TEXT CHECK ((ended_by IS NULL) = (ended_at IS NULL));
ALTER TABLE task ADD COLUMN outcome TEXT CHECK ((outcome IS NULL) = (ended_at IS NULL));
ALTER TABLE task ADD COLUMN note TEXT;
CREATE INDEX task_open ON task (due) WHERE ended_at IS NULL;
