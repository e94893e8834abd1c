-- What was last reported. $1 shard. Uses the primary key of journal_report.
SELECT next_offset, epoch, commit_no FROM journal_report WHERE shard = $1
