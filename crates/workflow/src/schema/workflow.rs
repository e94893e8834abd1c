//! `workflow.yaml`.

use rapport_contact::Overflow;

use super::{Form, Named, Shape, may, must};
use crate::environment::STATUSES;
use crate::model::DeliveryPolicy;

/// `if:`: a comparison, a list (AND), `any:` (OR), `not:`.
pub(super) static CONDITION: Named = Named {
    name: "condition",
    shape: Shape::Either(&[
        Shape::Text,
        Shape::Bool,
        Shape::List(&Shape::Named(&CONDITION), 1),
        Shape::Map(
            &[
                may("any", "One of these must hold.", Shape::OneOrMany(&Shape::Named(&CONDITION))),
                may("not", "This must not hold.", Shape::Named(&CONDITION)),
                may(
                    "received",
                    "The partner got a mail, on days that may be named.",
                    Shape::Either(&[
                        Shape::Text,
                        Shape::Map(
                            &[
                                must(
                                    "mail",
                                    "Which: `workflow/mail`, or its name where one workflow has it.",
                                    Shape::Text,
                                ),
                                may("between", "First and last day.", Shape::List(&Shape::Word(Form::Date), 2)),
                                may("within", "So many days back, today included.", Shape::Word(Form::Length)),
                            ],
                            r#"{ "not": { "required": ["between", "within"] } }"#,
                        ),
                    ]),
                ),
            ],
            r#"{ "minProperties": 1, "maxProperties": 1 }"#,
        ),
    ]),
};

/// A block of steps.
pub(super) static STEPS: Named = Named { name: "steps", shape: Shape::List(&Shape::Step, 0) };

/// `manager` needs `or`, another sender has none.
pub(super) const FROM_OR: &str = r#"{ "if": { "properties": { "from": { "const": "manager" } }, "required": ["from"] }, "then": { "required": ["or"] }, "else": { "properties": { "or": false } } }"#;

const TRIGGER: Shape = Shape::Either(&[
    Shape::Kind,
    Shape::Map(&[must("entered", "The partner entered this segment.", Shape::Text)], ""),
    Shape::Map(&[must("left", "The partner left this segment.", Shape::Text)], ""),
    Shape::Map(&[must("dropped_to", "The partner's health fell to this band.", Shape::Text)], ""),
    Shape::Map(
        &[must("date", "A date of the partner, and a length before or after it.", Shape::Word(Form::DateShift))],
        "",
    ),
    Shape::Map(
        &[
            must("at", "Five cron fields in the programme's zone, or one instant.", Shape::Word(Form::Schedule)),
            must("each", "For each member of this segment, or `everyone`.", Shape::Text),
        ],
        "",
    ),
]);

pub(super) static WORKFLOW: Shape = Shape::Map(
    &[
        must("workflow", "The title, for people.", Shape::Text),
        may("about", "What it is for, one sentence.", Shape::Text),
        must("owner", "Who answers for it: a mail address.", Shape::Text),
        must(
            "mail",
            "What kind of mail it sends, on which topic, from whom.",
            Shape::Map(
                &[
                    must(
                        "kind",
                        "`marketing`, or `service`: a notice the contract asks for.",
                        Shape::OneOf(&["marketing", "service"]),
                    ),
                    must("topic", "What a partner can opt out of; from config/rapport.yaml.", Shape::Text),
                    must("from", "A sender, or `manager`: the partner's own.", Shape::Text),
                    may("or", "Who writes when the partner has no manager.", Shape::Text),
                    may(
                        "delivery",
                        "What becomes of a mail of which nobody knows whether it arrived.",
                        Shape::OneOf(&DeliveryPolicy::CODES),
                    ),
                    may(
                        "over_the_cap",
                        "What becomes of a mail that finds no place under a cap.",
                        Shape::OneOf(&Overflow::CODES),
                    ),
                ],
                FROM_OR,
            ),
        ),
        may(
            "when",
            "What begins it: a kind of event, a lasting signal, a segment, a date, a time.",
            Shape::OneOrMany(&TRIGGER),
        ),
        may("send_to", "A broadcast: who gets it.", Shape::Named(&CONDITION)),
        may("at", "A broadcast: when; five cron fields or one instant.", Shape::Word(Form::Schedule)),
        may("over", "A broadcast: spread over this long.", Shape::Word(Form::Length)),
        may("if", "Enters only who meets this.", Shape::Named(&CONDITION)),
        may("unless", "Does not enter who meets this, or of whom it is not known.", Shape::Named(&CONDITION)),
        may(
            "once",
            "How often: `per partner`, `per event`, `every 90 days`, `per <expression>`.",
            Shape::Word(Form::Once),
        ),
        may(
            "combine",
            "Several triggers make one journey.",
            Shape::Map(
                &[
                    must("within", "How long it stays open.", Shape::Word(Form::Length)),
                    must("pick", "Which trigger is `event`.", Shape::OneOf(&["largest"])),
                ],
                "",
            ),
        ),
        may("at_most", "`20 partners per day`: the others wait for a later day, in order.", Shape::Text),
        may("since", "Starts on events from this day on.", Shape::Word(Form::Date)),
        may(
            "holdout",
            "A share that is not written to, to measure whether writing helps.",
            Shape::Either(&[
                Shape::Word(Form::Percent),
                Shape::Map(
                    &[
                        must("share", "How many are not written to.", Shape::Word(Form::Percent)),
                        may("except", "Who is never held out.", Shape::Named(&CONDITION)),
                    ],
                    "",
                ),
            ]),
        ),
        may(
            "if_late",
            "What becomes of an event that arrives long after it happened: `{ skip, after: 2 days }`.",
            Shape::Map(
                &[
                    may("send", "As if it were fresh.", Shape::Anything),
                    may("skip", "It starts nothing.", Shape::Anything),
                    may("latest_only", "Of several, only the latest starts something.", Shape::Anything),
                    must("after", "From this age on it is late.", Shape::Word(Form::Length)),
                ],
                r#"{ "minProperties": 2, "maxProperties": 2 }"#,
            ),
        ),
        may("programs", "Only these programmes.", Shape::OneOrMany(&Shape::Text)),
        may(
            "statuses",
            "Only partners of these statuses; `active` when unwritten.",
            Shape::OneOrMany(&Shape::OneOf(&STATUSES)),
        ),
        may("stop_when", "Events or conditions that end a journey.", Shape::OneOrMany(&Shape::Named(&CONDITION))),
        may(
            "on_reply",
            "What an answer by mail does: `stop` (unwritten) or `continue`.",
            Shape::OneOf(&["continue", "stop"]),
        ),
        may(
            "holds",
            "Mails of other workflows wait while a journey runs.",
            Shape::Map(
                &[
                    must("workflows", "Which workflows.", Shape::OneOrMany(&Shape::Text)),
                    must("for", "How long after the last mail sent.", Shape::Word(Form::Length)),
                ],
                "",
            ),
        ),
        may(
            "notice",
            "Its mails tell what partners have to know before a day: `rapport notices` lists who said that they do.",
            Shape::Map(
                &[
                    must(
                        "effective",
                        "The day the change takes effect, like `event.from`: nobody is reminded from then on.",
                        Shape::Text,
                    ),
                    must("ahead", "How long before it partners are told at least.", Shape::Word(Form::Length)),
                    must("survey", "The survey that its mails carry.", Shape::Text),
                    must("answer", "The answer that acknowledges, and ends the journey.", Shape::Text),
                    may("event", "The kind of event by which another system tells of it.", Shape::Kind),
                ],
                "",
            ),
        ),
        may("priority", "Order of mails that wait for a place under a cap.", Shape::OneOf(&["low", "normal", "high"])),
        may(
            "in_flight",
            "What becomes of journeys when the workflow changes.",
            Shape::OneOf(&["finish", "migrate", "stop"]),
        ),
        may(
            "migrate",
            "With `in_flight: migrate`: where journeys at steps that are gone go on.",
            Shape::ByName(&Shape::Text, 0),
        ),
        may("was", "The folder's name before it was renamed.", Shape::Word(Form::Name)),
        may("mails", "`pinned`: journeys keep the texts of their version.", Shape::OneOf(&["live", "pinned"])),
        must("steps", "What happens, in order.", Shape::List(&Shape::Step, 1)),
    ],
    r#"{
      "if": { "required": ["send_to"] },
      "then": { "required": ["at"], "properties": { "when": false, "once": false } },
      "else": { "required": ["when", "once"], "properties": { "at": false, "over": false } },
      "dependentSchemas": { "migrate": { "properties": { "in_flight": { "const": "migrate" } }, "required": ["in_flight"] } },
      "allOf": [{ "if": { "required": ["combine"] }, "then": { "properties": { "once": { "const": "per event" } } } }]
    }"#,
);
