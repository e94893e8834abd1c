//! What a notice shows nobody: what the programme sells most is an advertisement, in whatever words.

use rapport_message::Mail;
use rapport_rule::Findings;

/// Lists that are there to make somebody want something. What a partner has sold is a fact about the partner.
const ADVERTS: [&str; 2] = ["program.hottest_products", "program.best_categories"];

/// Errors for a service mail that advertises; each list is told once.
pub(super) fn check(mail: &Mail, findings: &mut Findings) {
    for advert in ADVERTS {
        let Some(used) = mail.names().iter().find(|used| used.path == advert) else { continue };
        let span = used.within.as_ref().map_or(used.span, |within| within.asked_at);
        findings
            .error("R0514", mail.path(), span, "a service mail does not tell what sells most")
            .hint("Only marketing mails may; they need a topic partners can opt out of.");
    }
}
