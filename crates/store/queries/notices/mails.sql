-- What became of the mails of a page of a workflow's journeys, and whether they came back. $1 workflow, $2 after this journey,
-- $3 up to this one. Uses the primary key of journey, message_partner and feedback_message; on small tables it
-- reads journey, message and feedback once.
SELECT m.journey, m.id, m.step, m.mail, m.state, m.reason, m.address IS NOT NULL, m.planned_at, m.changed_at, m.reply,
    EXISTS (SELECT 1 FROM feedback f WHERE f.message = m.id AND f.what IN ('bounce.hard', 'bounce.soft', 'bounce.policy'))
FROM journey j JOIN message m ON m.program = j.program AND m.partner = j.partner AND m.journey = j.id
WHERE j.id > $2 AND j.id <= $3 AND j.workflow = $1
ORDER BY m.journey, m.planned_at, m.id
