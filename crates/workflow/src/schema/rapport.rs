//! `config/rapport.yaml`.

use super::sending::{PACE, WARM_UP};
use super::{Form, Shape, may, must};

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
                    PACE,
                    WARM_UP,
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
                    may(
                        "utm",
                        "The `utm_source` that links to the hosts are marked with; `none` marks none.",
                        Shape::Text,
                    ),
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
                    may("counted_mails", "Mails that count for caps; 40 days at least.", KEEP),
                    may("dead_letters", "What could not be read; 7 days at least.", KEEP),
                    may("feedback", "Bounces, complaints, replies and answers by mail; 28 days at least.", KEEP),
                    may("health_reviews", "Reviews of health; 90 days at least.", KEEP),
                    may("mails", "Marketing mails that are over; the history and 401 days at least.", KEEP),
                    may("explanations", "Why journeys that are over were let in; 28 days at least.", KEEP),
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
                    may(
                        "deliver",
                        "`capture`, `smtp://…`, `smtps://…`; several relays in the order in which they are tried.",
                        Shape::OneOrMany(&SETTING),
                    ),
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
