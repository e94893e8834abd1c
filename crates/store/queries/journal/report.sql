-- How far a shard is, for lag tools. $1 shard, $2 next offset, $3 epoch, $4 commit_no. Uses the primary key of journal_report.
INSERT INTO journal_report (shard, next_offset, epoch, commit_no) VALUES ($1, $2, $3, $4)
ON CONFLICT (shard) DO UPDATE SET next_offset = excluded.next_offset, epoch = excluded.epoch, commit_no = excluded.commit_no
