//! Steps: one verb each.

use super::workflow::{CONDITION, STEPS};
use super::{Field, Form, Shape, may, must};

/// A verb and its options.
#[derive(Debug)]
pub struct VerbShape {
    /// The verb.
    pub verb: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// What stands under it.
    pub shape: Shape,
    /// Options that stand beside it.
    pub beside: &'static [Field],
    /// What of that must be there.
    pub needs: &'static [&'static str],
}

/// What may stand beside every verb; for the verb `if`, `if` is the verb itself.
pub const BESIDE: [Field; 3] = [
    may("id", "What stored journeys know the step by; else verb and name.", Shape::Word(Form::Name)),
    may("if", "Only if this holds; otherwise the step is left out.", Shape::Named(&CONDITION)),
    may("unless", "Not if this holds or is not known.", Shape::Named(&CONDITION)),
];

const WITH: Shape = Shape::ByName(
    &Shape::Either(&[
        Shape::Text,
        Shape::Map(
            &[
                must("feed", "A list of config/feeds.yaml.", Shape::Text),
                must("limit", "At most so many items.", Shape::Int(1, 50)),
            ],
            "",
        ),
    ]),
    0,
);

const WITH_FIELD: Field = may("with", "More names for the mail.", WITH);
const SURVEY: Field = may("survey", "A one-click question of config/surveys.yaml.", Shape::Text);
const OFFER: Field = may("offer", "An offer of config/offers.yaml, reserved with the mail.", Shape::Text);
const OR_ELSE: Field = may("or_else", "The mail where a templated name has no file.", Shape::Word(Form::Name));
const IF_NOT_SENT: Field = may("if_not_sent", "Steps when the mail does not go out.", Shape::Named(&STEPS));
const EXPIRES: Field =
    may("expires", "How long the mail may wait; 3 days when unwritten, service 7.", Shape::Word(Form::Length));

/// An expected choice needs all of it.
const TASK: &str = r#"{
  "oneOf": [{ "required": ["text"] }, { "required": ["ask"] }],
  "dependentRequired": { "ask": ["choices", "default", "due"], "choices": ["ask"], "default": ["ask"] },
  "if": { "properties": { "to": { "const": "manager" } }, "required": ["to"] },
  "then": { "required": ["or"] }, "else": { "properties": { "or": false } }
}"#;

const WEEKDAYS: &[&str] = &[
    "weekdays",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
];

/// The verbs that are carried out.
pub static VERBS: [VerbShape; 18] = [
    VerbShape {
        verb: "email",
        about: "Sends a mail; the journey stays here until it is known what became of it.",
        shape: Shape::Either(&[
            Shape::Text,
            Shape::Map(
                &[
                    must("mail", "The mail's name: NAME.mail.md beside the workflow.", Shape::Text),
                    WITH_FIELD,
                    SURVEY,
                    OFFER,
                    OR_ELSE,
                    IF_NOT_SENT,
                    EXPIRES,
                ],
                "",
            ),
        ]),
        beside: &[WITH_FIELD, SURVEY, OFFER, OR_ELSE, IF_NOT_SENT, EXPIRES],
        needs: &[],
    },
    VerbShape {
        verb: "wait",
        about: "Waits: `3 days`, or for, until or then_at, on_days, at_most in this order.",
        shape: Shape::Either(&[
            Shape::Word(Form::Length),
            Shape::Map(
                &[
                    may("for", "How long.", Shape::Word(Form::Length)),
                    may("until", "Until the next such clock time.", Shape::Word(Form::Clock)),
                    may("then_at", "And then until this clock time.", Shape::Word(Form::Clock)),
                    may("on_days", "And then until such a day.", Shape::OneOrMany(&Shape::OneOf(WEEKDAYS))),
                    may("at_most", "But no longer than this.", Shape::Word(Form::Length)),
                ],
                r#"{ "anyOf": [{ "required": ["for"] }, { "required": ["until"] }, { "required": ["then_at"] }, { "required": ["on_days"] }], "not": { "required": ["until", "then_at"] } }"#,
            ),
        ]),
        beside: &[],
        needs: &[],
    },
    VerbShape {
        verb: "wait_for",
        about: "Waits for an event since the journey began.",
        shape: Shape::OneOrMany(&Shape::Kind),
        beside: &[
            must("at_most", "No longer than this.", Shape::Word(Form::Length)),
            may("then", "Steps when it came.", Shape::Named(&STEPS)),
            may("otherwise", "Steps when it did not.", Shape::Named(&STEPS)),
            may("from", "`now`: only what comes from here on.", Shape::OneOf(&["now", "start"])),
        ],
        needs: &["at_most"],
    },
    VerbShape {
        verb: "if",
        about: "Goes one way or the other.",
        shape: Shape::Named(&CONDITION),
        beside: &[
            must("then", "Steps when it holds.", Shape::Named(&STEPS)),
            may("else", "Steps when it does not, or is not known.", Shape::Named(&STEPS)),
        ],
        needs: &["then"],
    },
    VerbShape {
        verb: "choose",
        about: "Goes the first way whose condition holds.",
        shape: Shape::List(
            &Shape::Either(&[
                Shape::Map(
                    &[
                        may("if", "This way if this holds.", Shape::Named(&CONDITION)),
                        may("unless", "Not this way if this holds or is not known.", Shape::Named(&CONDITION)),
                        must("then", "The steps of this way.", Shape::Named(&STEPS)),
                    ],
                    r#"{ "anyOf": [{ "required": ["if"] }, { "required": ["unless"] }] }"#,
                ),
                Shape::Map(&[must("else", "The steps when no other way is open; last.", Shape::Named(&STEPS))], ""),
            ]),
            1,
        ),
        beside: &[],
        needs: &[],
    },
    VerbShape {
        verb: "split",
        about: "Each partner goes one way, for ever the same; the shares are 100 % together.",
        shape: Shape::ByName(
            &Shape::Map(
                &[
                    must("share", "How many go this way.", Shape::Word(Form::Percent)),
                    may("then", "The steps of this way.", Shape::Named(&STEPS)),
                ],
                "",
            ),
            2,
        ),
        beside: &[],
        needs: &[],
    },
    VerbShape {
        verb: "task",
        about: "Something for a person; with `ask` the journey waits for the answer, `task.choice`.",
        shape: Shape::Map(
            &[
                must("to", "A sender, or `manager`.", Shape::Text),
                may("or", "Who does it when the partner has no manager.", Shape::Text),
                may("text", "What is to be done.", Shape::Text),
                may("ask", "A question, answered by one of `choices`.", Shape::Text),
                may("choices", "The answers there are.", Shape::List(&Shape::Text, 2)),
                may("default", "The answer when none comes in time.", Shape::Text),
                may("due", "By when.", Shape::Word(Form::Length)),
            ],
            TASK,
        ),
        beside: &[],
        needs: &[],
    },
    VerbShape {
        verb: "add_tag",
        about: "Gives the partner a tag.",
        shape: Shape::Word(Form::Name),
        beside: &[],
        needs: &[],
    },
    VerbShape {
        verb: "remove_tag",
        about: "Takes a tag from the partner.",
        shape: Shape::Word(Form::Name),
        beside: &[],
        needs: &[],
    },
    VerbShape {
        verb: "set",
        about: "Writes labels of config/labels.yaml, or the partner's type, manager or language.",
        shape: Shape::ByName(&Shape::Either(&[Shape::Text, Shape::Nothing]), 1),
        beside: &[],
        needs: &[],
    },
    VerbShape {
        verb: "open_case",
        about: "Something a person answers for until it has an outcome; the journey goes on, `case.resolved` can be awaited.",
        shape: Shape::Map(
            &[
                must("objective", "What is to come about.", Shape::Text),
                must("owner", "A sender, or `manager`.", Shape::Text),
                may("or", "Who owns it when the partner has no manager.", Shape::Text),
                must("due", "By when.", Shape::Word(Form::Length)),
            ],
            r#"{ "if": { "properties": { "owner": { "const": "manager" } }, "required": ["owner"] }, "then": { "required": ["or"] }, "else": { "properties": { "or": false } } }"#,
        ),
        beside: &[],
        needs: &[],
    },
    VerbShape {
        verb: "webhook",
        about: "Tells another system, signed; the journey stays until it is known what became of it, `call.outcome`.",
        shape: Shape::Either(&[
            Shape::Text,
            Shape::Map(
                &[
                    must("to", "A webhook of config/hooks.yaml.", Shape::Text),
                    may(
                        "with",
                        "What is told, by name; texts may have {{…}}.",
                        Shape::ByName(&Shape::Either(&[Shape::Text, Shape::Bool, Shape::Int(i64::MIN, i64::MAX)]), 0),
                    ),
                ],
                "",
            ),
        ]),
        beside: &[],
        needs: &[],
    },
    VerbShape {
        verb: "slack",
        about: "Writes a line for people; the journey stays until it is known what became of it, `call.outcome`.",
        shape: Shape::Map(
            &[
                must("to", "A Slack hook of config/hooks.yaml.", Shape::Text),
                must("text", "The line, with {{…}}.", Shape::Text),
            ],
            "",
        ),
        beside: &[],
        needs: &[],
    },
    VerbShape {
        verb: "emit",
        about: "An event of config/events.yaml, or `partner.recognised`.",
        shape: Shape::Kind,
        beside: &[],
        needs: &[],
    },
    VerbShape { verb: "grant", about: "An offer without a mail.", shape: Shape::Text, beside: &[], needs: &[] },
    VerbShape {
        verb: "award",
        about: "Honours the partner; told as `partner.awarded`, at most as often as the award allows.",
        shape: Shape::Either(&[
            Shape::Text,
            Shape::Map(
                &[
                    must("kind", "An award of config/awards.yaml.", Shape::Text),
                    may("because", "What it is for, for the partner.", Shape::Text),
                ],
                "",
            ),
        ]),
        beside: &[],
        needs: &[],
    },
    VerbShape {
        verb: "start",
        about: "Another workflow's entry is looked at with this journey's trigger.",
        shape: Shape::Text,
        beside: &[],
        needs: &[],
    },
    VerbShape { verb: "exit", about: "Ends the journey; says why.", shape: Shape::Text, beside: &[], needs: &[] },
];

/// The verb among the keys of a step; `if` only with `then` and without another verb.
pub(super) fn verb_of(present: &[&str]) -> Option<&'static str> {
    let other = VERBS.iter().map(|shape| shape.verb).find(|verb| *verb != "if" && present.contains(verb));
    let is_if = present.contains(&"if") && (present.contains(&"then") || present.contains(&"else"));
    other.or(is_if.then_some("if"))
}
