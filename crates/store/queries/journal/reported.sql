-- What was last reported of each shard. Reads journal_report, a row a shard.
SELECT shard, next_offset, epoch, commit_no FROM journal_report
