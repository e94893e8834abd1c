//! Keys and words.

use super::{CodePage, place};

/// Their pages.
pub(super) const PAGES: &[CodePage] = &[
    CodePage {
        code: "R0101",
        title: "unknown key",
        meaning: "No such key exists here. It is not ignored, because a misspelt `when` or `unless` would silently change who gets mail.",
        place: place::WORKFLOW,
        example: "wehn: partner.approved",
        put_right: "when: partner.approved",
    },
    CodePage {
        code: "R0102",
        title: "a required key is missing",
        meaning: "This map needs the key to mean anything.",
        place: place::STEPS,
        example: "- email: hello\n- task: { text: Call them }",
        put_right: "- email: hello\n- task: { to: ines, text: Call them }",
    },
    CodePage {
        code: "R0103",
        title: "a word that is not possible here",
        meaning: "Only a few words are possible at this place, and this is none of them.",
        place: place::WORKFLOW,
        example: "priority: urgent",
        put_right: "priority: high",
    },
    CodePage {
        code: "R0104",
        title: "an option given twice or in the wrong place",
        meaning: "The same thing is said in two places, or an option stands beside something it does not belong to. Which of the two counts would be a guess.",
        place: place::STEPS,
        example: "- email: { mail: hello, expires: 1 day }\n  expires: 2 days",
        put_right: "- email: { mail: hello, expires: 2 days }",
    },
    CodePage {
        code: "R0105",
        title: "an entry stands twice",
        meaning: "A list names the same thing twice; once is enough, and a second one is mostly a slip.",
        place: place::WORKFLOW,
        example: "when: [partner.approved, partner.approved]",
        put_right: "when: [partner.approved, partner.joined]",
    },
    CodePage {
        code: "R0107",
        title: "two verbs in one step",
        meaning: "A step does one thing. Which of two comes first would be a guess; make them two entries of the list.",
        place: place::STEPS,
        example: "- email: hello\n  wait: 3 days",
        put_right: "- email: hello\n- wait: 3 days",
    },
    CodePage {
        code: "R0108",
        title: "a step without a verb",
        meaning: "A step is a map with one verb: `email`, `wait`, `wait_for`, `if`, `choose`, `task`, `emit`, `start` or `exit`. Options of the verb stand under it.",
        place: place::STEPS,
        example: "- mail: hello",
        put_right: "- email: hello",
    },
];
