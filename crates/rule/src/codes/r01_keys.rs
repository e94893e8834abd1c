//! Keys and words.

use super::CodePage;

/// Their pages.
pub(super) const PAGES: &[CodePage] = &[
    CodePage {
        code: "R0101",
        title: "unknown key",
        meaning: "No such key exists here. It is not ignored, because a misspelt `when` or `unless` would silently change who gets mail.",
        example: "wehn: partner.approved",
        put_right: "when: partner.approved",
    },
    CodePage {
        code: "R0102",
        title: "a required key is missing",
        meaning: "This map needs the key to mean anything.",
        example: "wait: { on_days: weekdays }",
        put_right: "wait: { for: 3 days, on_days: weekdays }",
    },
    CodePage {
        code: "R0103",
        title: "a word that is not possible here",
        meaning: "Only a few words are possible at this place, and this is none of them.",
        example: "priority: urgent",
        put_right: "priority: high",
    },
];
