-- Reviews of health past the history. Each partner's newest before it stays: it says what held when the history begins. $1 the instant.
-- Uses signal_reviewed and signal_partner.
DELETE FROM signal WHERE kind = 'health.reviewed' AND occurred_at < $1
    AND EXISTS (SELECT 1 FROM signal newer WHERE newer.program = signal.program AND newer.partner = signal.partner
        AND newer.kind = 'health.reviewed' AND newer.occurred_at > signal.occurred_at AND newer.occurred_at <= $1)
