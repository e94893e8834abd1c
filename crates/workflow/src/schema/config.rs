//! The files of `config/`.

use super::workflow::CONDITION;
use super::{Form, Shape, may, must};
use crate::config::{GOAL_METRICS, SurveyKind, SurveyPeriod};

const FIELD_TYPES: &[&str] = &["text", "count", "number", "money", "percent", "bool", "instant", "date", "list"];

pub(super) static EVENTS: Shape = Shape::Map(
    &[must(
        "events",
        "Kinds of event by name, like `webinar.attended`.",
        Shape::ByName(
            &Shape::Map(
                &[
                    must("about", "What happened, one sentence.", Shape::Text),
                    may(
                        "fields",
                        "Its fields: a type, or a map.",
                        Shape::ByName(
                            &Shape::Either(&[
                                Shape::OneOf(FIELD_TYPES),
                                Shape::Map(
                                    &[
                                        must("type", "What it holds.", Shape::OneOf(FIELD_TYPES)),
                                        may("required", "Without it the event is refused.", Shape::Bool),
                                        may(
                                            "personal",
                                            "Kept apart from the log, erased with the partner.",
                                            Shape::Bool,
                                        ),
                                        may("values", "Nothing else is accepted.", Shape::OneOrMany(&Shape::Text)),
                                    ],
                                    "",
                                ),
                            ]),
                            0,
                        ),
                    ),
                ],
                "",
            ),
            0,
        ),
    )],
    "",
);

pub(super) static HOOKS: Shape = Shape::Map(
    &[must(
        "hooks",
        "Hooks by name; the address of `crm` is read from RAPPORT_HOOK_CRM, its secret from RAPPORT_HOOK_CRM_SECRET.",
        Shape::ByName(
            &Shape::Map(
                &[
                    must("kind", "What is called.", Shape::OneOf(&crate::config::HookKind::CODES)),
                    must("about", "What it is, one sentence.", Shape::Text),
                    may("within", "For how long a call is tried; 24 hours when unwritten.", Shape::Word(Form::Length)),
                    may("private", "It may be in a private network, and without TLS.", Shape::Bool),
                ],
                "",
            ),
            0,
        ),
    )],
    "",
);

pub(super) static LABELS: Shape = Shape::Map(
    &[must(
        "labels",
        "Labels by name; conditions ask for them as `partner.labels.NAME`.",
        Shape::ByName(
            &Shape::Map(
                &[
                    must("about", "What it says about a partner, one sentence.", Shape::Text),
                    must("values", "All values it can have.", Shape::OneOrMany(&Shape::Text)),
                ],
                "",
            ),
            0,
        ),
    )],
    "",
);

pub(super) static FEEDS: Shape = Shape::Map(
    &[must(
        "feeds",
        "Lists by name.",
        Shape::ByName(
            &Shape::Map(
                &[
                    may("file", "A JSON file below config/, written by hand.", Shape::Text),
                    may(
                        "from",
                        "Instead of `file`: where `rapport feeds pull` takes the items from, an address or a file.",
                        Shape::Text,
                    ),
                    may(
                        "format",
                        "How that is written; its ending says it when unwritten.",
                        Shape::OneOf(&crate::config::FEED_FORMATS),
                    ),
                    may(
                        "separator",
                        "Of CSV: what parts cells; a comma when unwritten.",
                        Shape::OneOf(&crate::config::FEED_SEPARATORS),
                    ),
                    may(
                        "items",
                        "Of JSON: the keys that lead to the list of items, like `data.products`.",
                        Shape::Text,
                    ),
                    may(
                        "columns",
                        "Our field: their column, or their key.",
                        Shape::ByName(&Shape::Either(&[Shape::Text, COLUMN]), 0),
                    ),
                    may("at_most", "No more items are taken; 5000 when unwritten.", Shape::Int(1, 20_000)),
                    may("private", "It may be in a private network, and without TLS.", Shape::Bool),
                    may("fresh_for", "Items pulled longer ago than this are not shown.", Shape::Word(Form::Length)),
                    may(
                        "fields",
                        "What each item has; with `from`, only fields of your own.",
                        Shape::ByName(&Shape::OneOf(&["text", "url", "money", "percent", "number", "date"]), 0),
                    ),
                ],
                r#"{ "oneOf": [{ "required": ["file", "fields"] }, { "required": ["from"] }] }"#,
            ),
            0,
        ),
    )],
    "",
);

/// A column of money whose parts stand apart.
const COLUMN: Shape = Shape::Map(
    &[
        must("amount", "The column of the number.", Shape::Text),
        may("currency", "The column of the currency.", Shape::Text),
        may("in", "Instead of `currency`: the currency of all amounts, like EUR.", Shape::Text),
        may(
            "decimal",
            "What stands before the cents; a point when unwritten.",
            Shape::OneOf(&crate::config::FEED_DECIMALS),
        ),
    ],
    r#"{ "oneOf": [{ "required": ["currency"] }, { "required": ["in"] }] }"#,
);

pub(super) static SURVEYS: Shape = Shape::Map(
    &[must(
        "surveys",
        "Questions by name.",
        Shape::ByName(
            &Shape::Map(
                &[
                    may(
                        "type",
                        "What kind of question it is; `choice` when unwritten.",
                        Shape::OneOf(&SurveyKind::CODES),
                    ),
                    may(
                        "as",
                        "The field the answer is in: `awaited.reason`, `partner.answers.reason`. Not of an anonymous one.",
                        Shape::Text,
                    ),
                    must("question", "What is asked.", Shape::Texts),
                    may("choices", "Of `choice`: the answers, in the order shown.", Shape::ByName(&Shape::Texts, 2)),
                    may("low", "Of `nps` and `csat`: what the lowest score means.", Shape::Texts),
                    may("high", "Of `nps` and `csat`: what the highest score means.", Shape::Texts),
                    may(
                        "comment",
                        "Whether the page has room for words, or what it asks for them with.",
                        Shape::Either(&[Shape::Bool, Shape::Texts]),
                    ),
                    may("link", "Of `text`: what the link in the mail says.", Shape::Texts),
                    may(
                        "anonymous",
                        "Answers are counted and nobody's; nothing is shown of fewer than five.",
                        Shape::Bool,
                    ),
                    may(
                        "period",
                        "Of an anonymous one: in which time a partner can answer once; `quarter` when unwritten.",
                        Shape::OneOf(&SurveyPeriod::CODES),
                    ),
                ],
                r#"{ "if": { "properties": { "type": { "enum": ["nps", "csat", "text"] } }, "required": ["type"] }, "then": { "properties": { "choices": false } }, "else": { "required": ["choices"] } }"#,
            ),
            0,
        ),
    )],
    "",
);

pub(super) static OFFERS: Shape = Shape::ByName(
    &Shape::Map(
        &[
            must("value", "What it is worth.", Shape::Word(Form::Money)),
            must("condition", "What it asks for.", Shape::Texts),
            must("ends", "How long it holds.", Shape::Word(Form::Length)),
            may(
                "per_partner",
                "How often a partner may have it; once when unwritten.",
                Shape::OneOf(&["once", "once a week", "once a month", "once a quarter", "once a year", "unlimited"]),
            ),
            may(
                "for",
                "Who may have it: a segment by its name, or `group core`; everybody when unwritten.",
                Shape::Text,
            ),
            may("budget", "`5000 EUR per quarter`: no more is promised.", Shape::Text),
            may("approve_above", "Above this a person approves.", Shape::Word(Form::Money)),
            must("terms", "The page with the terms.", Shape::Word(Form::Https)),
        ],
        "",
    ),
    0,
);

pub(super) static AWARDS: Shape = Shape::ByName(
    &Shape::Map(
        &[
            must("name", "What it is called, for the partner.", Shape::Texts),
            must("about", "What it honours, one sentence for the partner.", Shape::Texts),
            may(
                "per_partner",
                "How often a partner may have it; once when unwritten.",
                Shape::OneOf(&["once", "once a week", "once a month", "once a quarter", "once a year", "unlimited"]),
            ),
        ],
        "",
    ),
    0,
);

const ABOUT: super::Field = may("about", "Who that is, one sentence.", Shape::Text);
const LANE: super::Field = must("lane", "Which broadcasts reach them.", Shape::Text);

pub(super) static SEGMENTS: Shape = Shape::Map(
    &[
        may(
            "groups",
            "Exclusive; the first match wins.",
            Shape::ByName(
                &Shape::Map(
                    &[
                        ABOUT,
                        LANE,
                        may("top_share", "Those who bring this share: `80% of revenue_90d`.", Shape::Text),
                        may(
                            "leave_at",
                            "With `top_share`: who is beyond this share leaves.",
                            Shape::Word(Form::Percent),
                        ),
                        may("if", "Those who meet this.", Shape::Named(&CONDITION)),
                        may(
                            "unless",
                            "With `if`: not those who meet this, or of whom it is not known.",
                            Shape::Named(&CONDITION),
                        ),
                        may("else", "Everybody else; the last group.", Shape::Bool),
                    ],
                    r#"{ "oneOf": [{ "required": ["top_share"] }, { "required": ["if"] }, { "required": ["else"] }], "dependentRequired": { "leave_at": ["top_share"], "unless": ["if"] } }"#,
                ),
                0,
            ),
        ),
        may(
            "segments",
            "May overlap.",
            Shape::ByName(&Shape::Map(&[ABOUT, must("if", "Those who meet this.", Shape::Named(&CONDITION))], ""), 0),
        ),
    ],
    "",
);

pub(super) static GOALS: Shape = Shape::Map(
    &[
        may(
            "goals",
            "Goals by name.",
            Shape::ByName(
                &Shape::Map(
                    &[
                        must("for", "`everyone`, `group core`, `segment never_sold`.", Shape::Text),
                        may("reach", "A condition to reach.", Shape::Named(&CONDITION)),
                        may("metric", "What is counted.", Shape::OneOf(&GOAL_METRICS)),
                        may(
                            "target",
                            "An amount (`5000 EUR`), a count (`50`), or a factor of before: `1.2 * revenue_previous_period`.",
                            Shape::Either(&[Shape::Text, Shape::Int(1, 1_000_000_000_000)]),
                        ),
                        may("within", "`30 days of partner.approved`.", Shape::Text),
                        may("from", "The first day.", Shape::Word(Form::Date)),
                        may("to", "The last day.", Shape::Word(Form::Date)),
                        may(
                            "tell_at",
                            "Told on the way, at these percents.",
                            Shape::OneOrMany(&Shape::Word(Form::Percent)),
                        ),
                        may("agree", "It counts only for partners who accept it.", Shape::OneOf(&["partner"])),
                        may("owner", "Who answers for it: a sender, or `manager`.", Shape::Text),
                    ],
                    r#"{
                      "oneOf": [{ "required": ["reach"] }, { "required": ["metric", "target"] }],
                      "anyOf": [
                        { "required": ["within"], "properties": { "from": false, "to": false } },
                        { "required": ["from", "to"], "properties": { "within": false } }
                      ]
                    }"#,
                ),
                0,
            ),
        ),
        may(
            "milestones",
            "Levels of approved figures.",
            Shape::Map(
                &[
                    may("approved_conversions", "Numbers of sales.", Shape::OneOrMany(&Shape::Int(1, 1_000_000_000))),
                    may("approved_revenue", "Amounts.", Shape::OneOrMany(&Shape::Word(Form::Money))),
                ],
                "",
            ),
        ),
        may(
            "anniversaries",
            "Days kept every year.",
            Shape::Map(
                &[
                    must("of", "Of which day.", Shape::OneOf(&["partner.approved"])),
                    must("every", "How often.", Shape::OneOf(&["year"])),
                ],
                "",
            ),
        ),
    ],
    "",
);
