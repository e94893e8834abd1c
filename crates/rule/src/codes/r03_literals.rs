//! Lengths, percentages, money, times, names.

use super::CodePage;

/// Their pages.
pub(super) const PAGES: &[CodePage] = &[
    CodePage {
        code: "R0301",
        title: "this is no length of time",
        meaning: "A length is a whole number and a unit: minutes, hours, days, weekdays, weeks, months, years.",
        example: "wait: 3 dyas",
        put_right: "wait: 3 days",
    },
    CodePage {
        code: "R0302",
        title: "this is no percentage",
        meaning: "A percentage is a number from 0 to 100 and its sign.",
        example: "share: 0.1",
        put_right: "share: 10%",
    },
    CodePage {
        code: "R0303",
        title: "this is no amount of money",
        meaning: "An amount is a number and a currency of ISO 4217, without thousands separators, with no more decimal digits than the currency has.",
        example: "value: 50",
        put_right: "value: 50 EUR",
    },
    CodePage {
        code: "R0304",
        title: "this is no clock time",
        meaning: "A clock time is hours and minutes with two digits each, in quotes, from 00:00 to 23:59.",
        example: "then_at: \"9:30\"",
        put_right: "then_at: \"09:30\"",
    },
    CodePage {
        code: "R0305",
        title: "a length needs a unit",
        meaning: "No unit is assumed: 3 could be hours, days or weekdays.",
        example: "wait: 3",
        put_right: "wait: 3 days",
    },
    CodePage {
        code: "R0306",
        title: "this is no date",
        meaning: "A date is year-month-day. A moment also has a time and its offset from UTC.",
        example: "from: 1.10.2026",
        put_right: "from: 2026-10-01",
    },
    CodePage {
        code: "R0307",
        title: "this is no name",
        meaning: "Names are used in files, links and reports: lower case letters, digits and single hyphens, a letter first.",
        example: "email: First Link",
        put_right: "email: first-link",
    },
];
