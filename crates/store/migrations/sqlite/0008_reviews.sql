-- Reviews of health by age: pruning must not read every signal there is.
CREATE INDEX signal_reviewed ON signal (occurred_at) WHERE kind = 'health.reviewed';
