-- Ids are kept with the minutes in which they came.
DELETE FROM activity_ids;

-- The highest position a shard has folded of each source: one row each, so that a commit writes what it moved, however many
-- files were ever imported. Those of before are not taken over: see CHANGELOG.md for what must be at rest before this.
CREATE TABLE seen (
    shard       BIGINT NOT NULL,
    source      BIGINT NOT NULL,
    incarnation BIGINT NOT NULL,
    part        BIGINT NOT NULL,
    place       BIGINT NOT NULL,
    nth         BIGINT NOT NULL,
    PRIMARY KEY (shard, source, incarnation, part)
);
ALTER TABLE shard DROP COLUMN seen;
