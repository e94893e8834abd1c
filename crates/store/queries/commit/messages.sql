-- Plans messages to the partner's newest address, NULL without one. An id that is there already stays as it is.
-- Uses the primary keys of message and person.
-- rows: id text, shard int, program text, partner text, workflow text, journey text, step text, mail text, rulebook text, kind text, topic text, priority int, policy text, planned_at int, due int, expires int, round text
INSERT INTO message (id, shard, program, partner, address, workflow, journey, step, mail, rulebook, kind, topic, priority, policy,
    planned_at, due, expires, round, changed_at)
SELECT id, shard, program, partner,
    (SELECT p.address FROM person p WHERE p.program = input.program AND p.partner = input.partner AND p.address IS NOT NULL
     ORDER BY p.version DESC LIMIT 1),
    workflow, journey, step, mail, rulebook, kind, topic, priority, policy, planned_at, due, expires, round, planned_at
FROM input WHERE true
ON CONFLICT (id) DO NOTHING
