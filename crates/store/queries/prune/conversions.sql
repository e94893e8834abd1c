-- Conversions that no event can touch any more. $1 the instant they happened before. Uses conversion_occurred.
DELETE FROM conversion WHERE occurred_at < $1
