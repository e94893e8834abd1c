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
                    must("file", "A JSON file below config/.", Shape::Text),
                    must(
                        "fields",
                        "What each item has.",
                        Shape::ByName(&Shape::OneOf(&["text", "url", "money", "percent", "number", "date"]), 0),
                    ),
                ],
                "",
            ),
            0,
        ),
    )],
    "",
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

/// A secret or `${NAME}`.
const SETTING: Shape = Shape::Text;

/// How long rows are kept.
const KEEP: Shape = Shape::Word(Form::Length);

pub(super) static RAPPORT: Shape = Shape::Map(
    &[
        must(
            "programs",
            "The programmes; the first is the default.",
            Shape::ByName(
                &Shape::Map(
                    &[
                        must("name", "Its name for partners.", Shape::Text),
                        must("url", "Its pages for partners.", Shape::Word(Form::Https)),
                        must("zone", "The zone of its days, like Europe/Oslo.", Shape::Text),
                        must("currency", "What its amounts are shown in, ISO 4217.", Shape::Text),
                        may(
                            "residual_percent",
                            "What a partner earns of those they refer.",
                            Shape::Word(Form::Percent),
                        ),
                        may("language", "End of every fallback chain of languages.", Shape::Text),
                    ],
                    "",
                ),
                1,
            ),
        ),
        must(
            "senders",
            "Who may be written from.",
            Shape::ByName(
                &Shape::Map(
                    &[
                        must("name", "As shown to readers.", Shape::Text),
                        must("role", "What they do.", Shape::Text),
                        must("email", "The address mails come from.", Shape::Text),
                        may("reply_to", "Where answers go; a person reads it.", Shape::Text),
                    ],
                    "",
                ),
                0,
            ),
        ),
        must(
            "imprint",
            "The company, printed under every mail.",
            Shape::Map(
                &[
                    must("company", "Its name.", Shape::Text),
                    must("address", "Its postal address.", Shape::Text),
                    must("email", "Its address for mail.", Shape::Text),
                    may("register", "Where it is registered.", Shape::Text),
                    may("vat", "Its VAT number.", Shape::Text),
                    may("representative", "Who represents it.", Shape::Text),
                    may("url", "The page of the imprint.", Shape::Word(Form::Https)),
                ],
                "",
            ),
        ),
        must(
            "topics",
            "What a partner can opt out of.",
            Shape::ByName(
                &Shape::Map(
                    &[
                        may("service", "Notices the contract asks for.", Shape::Bool),
                        may("urgent", "Such a notice goes out at night, at weekends and on holidays too.", Shape::Bool),
                        must("name", "On the preference page.", Shape::Texts),
                        must("about", "One sentence there.", Shape::Texts),
                        may("countries", "With `basis: contract`: only there.", Shape::OneOrMany(&Shape::Text)),
                        may("basis", "What allows it.", Shape::OneOf(&["consent", "contract"])),
                    ],
                    "",
                ),
                0,
            ),
        ),
        may(
            "partner_types",
            "All types a partner can be of; a condition on another one is an error. Unwritten, any word may be one.",
            Shape::OneOrMany(&Shape::Text),
        ),
        may(
            "mail_clients",
            "The mail clients that mails are held against; unwritten, all of these.",
            Shape::OneOrMany(&Shape::OneOf(&["outlook", "gmail", "apple-mail", "yahoo"])),
        ),
        may("weekends", "Days off by country.", Shape::ByName(&Shape::OneOrMany(&Shape::Text), 0)),
        may(
            "holidays",
            "Days off by country, or `all`.",
            Shape::ByName(&Shape::OneOrMany(&Shape::Word(Form::Date)), 0),
        ),
        may(
            "guardrails",
            "Hold for every workflow.",
            Shape::Map(
                &[
                    may("at_most", "Caps: `2 marketing per week`.", Shape::OneOrMany(&Shape::Text)),
                    may(
                        "quiet_hours",
                        "No mail at night.",
                        Shape::Map(
                            &[
                                must("from", "From this time.", Shape::Word(Form::Clock)),
                                must("to", "To this time.", Shape::Word(Form::Clock)),
                                may("zone", "Whose time.", Shape::OneOf(&["partner"])),
                                may("weekends", "Whether mails wait for Monday.", Shape::OneOf(&["hold", "send"])),
                            ],
                            "",
                        ),
                    ),
                    may(
                        "burst",
                        "Mails an hour of one workflow.",
                        Shape::Map(
                            &[
                                may(
                                    "warn_above",
                                    "More is warned of; what waited in a pause leaves no faster.",
                                    Shape::Word(Form::PerHour),
                                ),
                                may(
                                    "stop_above",
                                    "No more leaves: the workflow waits for a person. Broadcasts are not counted.",
                                    Shape::Word(Form::PerHour),
                                ),
                            ],
                            "",
                        ),
                    ),
                    may(
                        "same_address",
                        "An address gets one copy of a mail for so long, however many partners have it: 1 hour to 7 days.",
                        Shape::Word(Form::Length),
                    ),
                    may("allow_list", "Only these addresses get mail.", Shape::OneOrMany(&Shape::Text)),
                ],
                "",
            ),
        ),
        may(
            "tracking",
            "What is noted of readers; nothing without it.",
            Shape::Map(
                &[
                    may("opens", "Never.", Shape::OneOf(&["none"])),
                    may("clicks", "Of people, or not counted.", Shape::OneOf(&["none", "human_only"])),
                    may("individual", "Of whom.", Shape::OneOf(&["never", "with_consent", "always"])),
                    may("hosts", "Whose links; without it the programmes'.", Shape::List(&Shape::Text, 1)),
                    may("service", "In service mail too.", Shape::Bool),
                ],
                "",
            ),
        ),
        may(
            "links",
            "Where links in mails lead.",
            Shape::Map(
                &[
                    must("base", "Where the gateway is reached.", Shape::Text),
                    must("sending_domain", "The domain of Message-ID.", Shape::Text),
                    may("bounces", "Where undeliverable mail returns to; the gateway reads it.", Shape::Text),
                    may(
                        "keys",
                        "Keys that sign the links; the first signs, all verify.",
                        Shape::List(
                            &Shape::Map(
                                &[
                                    may("id", "Its name.", Shape::Text),
                                    must("secret", "${NAME} of the environment.", SETTING),
                                ],
                                "",
                            ),
                            0,
                        ),
                    ),
                ],
                "",
            ),
        ),
        may("shards", "Parts a programme's partners are spread over.", Shape::Int(1, 4096)),
        may("history", "Older events are refused.", Shape::Word(Form::Length)),
        may(
            "retention",
            "How long rows are kept that no decision asks for any more, by class of data.",
            Shape::Map(
                &[
                    may("conversions", "What each conversion last was; the history and 30 days at least.", KEEP),
                    may("counted_mails", "Mails that count for caps; 14 days at least.", KEEP),
                    may("dead_letters", "What could not be read; 7 days at least.", KEEP),
                    may("feedback", "Bounces, complaints, replies and answers by mail; 28 days at least.", KEEP),
                    may("health_reviews", "Reviews of health; 90 days at least.", KEEP),
                ],
                "",
            ),
        ),
        may("lateness", "A day is closed this long after its midnight.", Shape::Word(Form::Length)),
        may(
            "dips",
            "How readily a fall is called a dip.",
            Shape::Map(&[must("budget", "False alarms accepted per partner and year, 0.01 to 10.", Shape::Number)], ""),
        ),
        may(
            "mail",
            "Where mail goes.",
            Shape::Map(
                &[
                    may("deliver", "`capture`, `smtp://…`, `smtps://…`.", SETTING),
                    may("folder", "Where captured mail is kept.", SETTING),
                    may(
                        "dkim",
                        "Keys that sign mail, by the sender's domain.",
                        Shape::List(
                            &Shape::Map(
                                &[
                                    must("domain", "The sender's domain, or one above it.", Shape::Text),
                                    must("selector", "Which of the domain's keys.", Shape::Text),
                                    must(
                                        "key",
                                        "A file with the private key in PEM, or `${NAME}` with its text.",
                                        SETTING,
                                    ),
                                ],
                                "",
                            ),
                            0,
                        ),
                    ),
                ],
                "",
            ),
        ),
        may("store", "`sqlite:FILE` or `postgres://…`.", SETTING),
        may(
            "kafka",
            "The broker of a cluster.",
            Shape::Map(
                &[
                    may("brokers", "`host:port`, comma-separated.", SETTING),
                    may(
                        "topics",
                        "Names of topics.",
                        Shape::Map(
                            &[
                                may("conversions", "Upstream: sales.", SETTING),
                                may("activity", "Upstream: what partners do.", SETTING),
                                may("partners", "Upstream: partners.", SETTING),
                                may("events", "rapport's own log.", SETTING),
                                may("signals", "Where other systems hear of signals.", SETTING),
                            ],
                            "",
                        ),
                    ),
                    may("group", "Consumer group of the upstream topics; another one for each installation.", SETTING),
                    may("properties", "Properties of librdkafka, among them logins.", Shape::ByName(&SETTING, 0)),
                    may("replication", "Replicas of topics rapport makes.", Shape::Int(1, 1000)),
                    may(
                        "incarnation",
                        "Raised when an upstream topic was created anew; one number is for all three.",
                        Shape::Either(&[
                            Shape::Int(0, 1000),
                            Shape::Map(
                                &[
                                    may("conversions", "Of sales.", Shape::Int(0, 1000)),
                                    may("activity", "Of what partners do.", Shape::Int(0, 1000)),
                                    may("partners", "Of partners.", Shape::Int(0, 1000)),
                                ],
                                "",
                            ),
                        ]),
                    ),
                ],
                "",
            ),
        ),
        may(
            "log",
            "How the log is written.",
            Shape::Map(
                &[
                    may("format", "For people, or a JSON object a line.", Shape::OneOf(&["human", "json"])),
                    may("level", "How much.", Shape::OneOf(&["error", "warn", "info", "debug"])),
                ],
                "",
            ),
        ),
        may(
            "gateway",
            "Links in mails, tracker events over HTTP.",
            Shape::Map(
                &[
                    may("listen", "Address and port.", SETTING),
                    may("token", "What trackers show.", SETTING),
                    may(
                        "feedback",
                        "Mail providers that tell of bounces and complaints, and how they prove who they are.",
                        Shape::Map(
                            &[
                                may(
                                    "mailgun",
                                    "Signed with HMAC.",
                                    Shape::Map(&[must("key", "The signing key.", SETTING)], ""),
                                ),
                                may(
                                    "sendgrid",
                                    "Signed with ECDSA.",
                                    Shape::Map(&[must("key", "The public key.", SETTING)], ""),
                                ),
                                may(
                                    "postmark",
                                    "With a login in the address.",
                                    Shape::Map(
                                        &[
                                            must("user", "Its name.", SETTING),
                                            must("password", "Its password.", SETTING),
                                        ],
                                        "",
                                    ),
                                ),
                                may(
                                    "ses",
                                    "Amazon SES through an SNS topic.",
                                    Shape::Map(
                                        &[
                                            must("topic", "The topic's ARN.", SETTING),
                                            must("certificate", "The file of SNS' signing certificate.", SETTING),
                                        ],
                                        "",
                                    ),
                                ),
                            ],
                            "",
                        ),
                    ),
                ],
                "",
            ),
        ),
    ],
    "",
);
