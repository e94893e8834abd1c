//! `tests.yaml`; and from R0608 on relays, pace and marks of links.

use super::{CodePage, place};

/// Their pages.
pub(super) const PAGES: &[CodePage] = &[
    CodePage {
        code: "R0601",
        title: "this is no series",
        meaning: "A series says how often something happens each day: a number, or a number times days, with brackets around what repeats: `5x70 1x5 (5x5 0x2)x4` is 70 days of 5, 5 days of 1, and four weeks of 5 with nothing at weekends.",
        place: place::TEST,
        example: "daily: { conversions: \"five a day\" }\nexpect: { mails: [] }",
        put_right: "daily: { conversions: \"5x70\" }\nexpect: { mails: [] }",
    },
    CodePage {
        code: "R0602",
        title: "this is no clock",
        meaning: "A test runs on a virtual clock: its first day, and the zone in which days and clock times are meant.",
        place: place::TESTS,
        example: "given: { clock: tomorrow }\ntests:\n  - name: greets\n    expect: { mails: [] }",
        put_right: "given: { clock: 2026-02-02T00:00 Europe/Oslo }\ntests:\n  - name: greets\n    expect: { mails: [] }",
    },
    CodePage {
        code: "R0603",
        title: "this is no event of a test",
        meaning: "An entry under `events` has a day and one kind of event of the catalogue (or of `config/events.yaml`) with its fields; `expect` names kinds in the same words.",
        place: place::TEST,
        example: "events: [{ day: 5, link.clickd: {} }]\nexpect: { mails: [] }",
        put_right: "events: [{ day: 5, link.clicked: {} }]\nexpect: { mails: [] }",
    },
    CodePage {
        code: "R0604",
        title: "a mail the workflow does not have",
        meaning: "A test expects mails by the names of the files beside the workflow. One that does not exist would make the test say something about nothing.",
        place: place::TEST,
        example: "expect: { mails: [helo] }",
        put_right: "expect: { mails: [hello] }",
    },
    CodePage {
        code: "R0605",
        title: "a test that expects nothing",
        meaning: "It would pass whatever happens. Where silence is meant, write it: `mails: []`. An expectation that always holds shows as little: `includes: []`, a text with `//` in it, or `nothing_after` the last day that is played; there `until` lets the play go on.",
        place: place::TEST,
        example: "expect: {}",
        put_right: "expect: { mails: [] }",
    },
    CodePage {
        code: "R0606",
        title: "two tests of one name",
        meaning: "A test's name is the sentence it shows, and what reports know it by.",
        place: place::TESTS,
        example: "tests: [{ name: greets, expect: { mails: [hello] } }, { name: greets, expect: { mails: [] } }]",
        put_right: "tests: [{ name: greets, expect: { mails: [hello] } }]",
    },
    CodePage {
        code: "R0607",
        title: "this is no day of the play",
        meaning: "Days are counted from the day of the clock, which is day 1; a range includes both ends. What happens and what is expected lies within the play: not before day 1, nor after `until` where that is written.",
        place: place::TEST,
        example: "events: [{ day: monday, link.clicked: {} }]\nexpect: { mails: [] }",
        put_right: "events: [{ day: 1, link.clicked: {} }]\nexpect: { mails: [] }",
    },
    CodePage {
        code: "R0608",
        title: "this is no list of relays",
        meaning: "`mail.deliver` is `capture`, or one relay, or a list of relays in the order in which they are tried. Each is in it once; one that failed is left alone for a while by itself.",
        place: place::RAPPORT,
        example: "mail: { deliver: [capture, \"smtp://relay.acme.example\"] }",
        put_right: "mail: { deliver: [\"smtp://relay.acme.example\", \"smtp://second.acme.example\"] }",
    },
    CodePage {
        code: "R0609",
        title: "this is no pace",
        meaning: "A pace is how many mails may leave to one provider's mailboxes: `600 per minute`, `10 per second`, and over how many connections at once. A provider is one rapport knows (`google`, `microsoft`, `yahoo`, `apple`, …), or a name with its `domains`; a domain belongs to one of them.",
        place: place::RAPPORT,
        example: "guardrails: { pace: { providers: { google: { rate: quickly } } } }",
        put_right: "guardrails: { pace: { providers: { google: { rate: 300 per minute } } } }",
    },
    CodePage {
        code: "R0610",
        title: "this is no source that links can be marked with",
        meaning: "`tracking: { utm: NAME }` marks links of mails to the programme's own site: `utm_source` is this name, `utm_medium` is `email`, `utm_campaign` the workflow, `utm_content` the mail. A site's statistics group by it, so it is one word of letters, digits, `-`, `_` and `.`, at most 40 of them. `none` marks nothing.",
        place: place::RAPPORT,
        example: "tracking: { utm: our mail }",
        put_right: "tracking: { utm: partner-mail }",
    },
];
