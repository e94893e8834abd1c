//! `tests.yaml`.

use super::{Field, Form, Shape, may, must};
use crate::model::{CALL_OUTCOMES, MAIL_OUTCOMES};

const DAYS: Field = may("between", "Between two days, both included.", Shape::List(&Shape::Word(Form::Day), 2));
const DAY: Field = may("day", "On this day; day 1 is the clock's.", Shape::Word(Form::Day));
const TEXT: Field = may("text", "What it says, or `/a part/`.", Shape::Text);

const MAIL: Shape = Shape::Either(&[
    Shape::Text,
    Shape::ByName(
        &Shape::Map(
            &[
                DAY,
                DAYS,
                may("at", "At which time, or between which.", Shape::Word(Form::Clocks)),
                may("subject", "What the subject says, or `/a part/`.", Shape::Text),
                TEXT,
            ],
            "",
        ),
        1,
    ),
]);

const TASK: Shape = Shape::Either(&[
    Shape::Text,
    Shape::Map(
        &[TEXT, may("to", "For whom.", Shape::Text), DAY, DAYS, may("due", "Due on this day.", Shape::Word(Form::Day))],
        "",
    ),
]);

const EMITTED: Shape = Shape::Either(&[Shape::Kind, Shape::ByName(&Shape::ByName(&Shape::Text, 1), 1)]);

macro_rules! listed {
    ($item:expr) => {
        Shape::Either(&[
            Shape::Map(
                &[
                    may("includes", "Among others, in this order.", Shape::OneOrMany(&$item)),
                    may("count", "So many in all.", Shape::Int(0, 10_000)),
                ],
                r#"{ "minProperties": 1 }"#,
            ),
            Shape::OneOrMany(&$item),
        ])
    };
}

const EXPECT: Shape = Shape::Map(
    &[
        may("signals", "Signals and moments, complete and in order.", listed!(Shape::Kind)),
        may("mails", "Mails that went out, complete and in order.", listed!(MAIL)),
        may("tasks", "Tasks opened, complete and in order.", listed!(TASK)),
        may("cases", "Cases opened, complete and in order; `text` is the objective.", listed!(TASK)),
        may("calls", "Other systems called, complete and in order: a hook, or `to` and `text`.", listed!(TASK)),
        may("emitted", "Events emitted, complete and in order: a kind, or a kind with fields.", listed!(EMITTED)),
        may("exits", "How the journeys ended.", listed!(Shape::Text)),
        may("refused", "Why nothing began: the last refusal's code.", Shape::Text),
        may("nothing_after", "No mail, task or emit after this day.", Shape::Word(Form::Day)),
    ],
    r#"{ "minProperties": 1 }"#,
);

/// What stands in an entry of `events` besides the kind.
pub(super) const HAPPENS: [Field; 4] = [
    must("day", "On which day it arrives.", Shape::Word(Form::Day)),
    may("happened", "On which earlier day it happened, where it arrives late.", Shape::Word(Form::Day)),
    may("at", "At what clock time; noon when unwritten.", Shape::Word(Form::Clock)),
    may("id", "Its id, where it matters.", Shape::Text),
];

const SERIES: Shape = Shape::Either(&[Shape::Word(Form::Series), Shape::Int(0, 10_000)]);

macro_rules! given {
    ($($more:expr),*) => {
        &[
            $($more,)*
            may("clock", "The first instant, and the zone of all days and times.", Shape::Word(Form::TestClock)),
            may("holdout", "`none`, or `as_written`.", Shape::OneOf(&["none", "as_written"])),
            may("partner", "Its fields as events bring them; `id` and `status` too.", Shape::ByName(&Shape::Anything, 0)),
            may(
                "daily",
                "What happens how often each day: `5x70 1x5 (5x5 0x2)x4`.",
                Shape::Map(
                    &[
                        may("conversions", "Sales, recorded and approved at once.", SERIES),
                        may("pending", "Sales that stay pending.", SERIES),
                        may("clicks", "Clicks on links.", SERIES),
                        may("logins", "Logins.", SERIES),
                        may("amount", "What each sale is worth.", Shape::Word(Form::Money)),
                    ],
                    "",
                ),
            ),
            may("events", "What happens besides.", Shape::OneOrMany(&Shape::Happens)),
            may("amount", "What each sale is worth; 40 EUR when unwritten.", Shape::Word(Form::Money)),
            may(
                "programme",
                "The other partners in the background, and the programme's figures.",
                Shape::Map(
                    &[
                        may("steady_partners", "How many.", Shape::Int(0, 2_000)),
                        may("seed", "Another seed is another background.", Shape::Int(0, i64::MAX)),
                        may(
                            "figures",
                            "What `program.…` is throughout the test; what is not written is missing.",
                            Shape::ByName(&Shape::Anything, 0),
                        ),
                    ],
                    "",
                ),
            ),
            may("budget", "False alarms of dips accepted per partner and year.", Shape::Number),
            may("workflows", "Others that run too.", Shape::OneOrMany(&Shape::Text)),
            may("outcomes", "What becomes of mails, where it is not `sent`.", Shape::ByName(&OUTCOME, 0)),
            may("offers", "What becomes of offers.", Shape::ByName(&Shape::OneOf(&["granted", "refused"]), 0)),
            may("hooks", "What becomes of calls.", Shape::ByName(&Shape::OneOf(&CALL_OUTCOMES), 0)),
            may("until", "The last day played.", Shape::Word(Form::Day))
        ]
    };
}

static OUTCOMES: [&str; 4] = [MAIL_OUTCOMES[0], MAIL_OUTCOMES[1], MAIL_OUTCOMES[2], MAIL_OUTCOMES[3]];
static OUTCOME: Shape = Shape::OneOf(&OUTCOMES);

pub(super) static TESTS: Shape = Shape::Map(
    &[
        may("given", "What all tests share.", Shape::Map(given!(), "")),
        must(
            "tests",
            "The tests.",
            Shape::List(
                &Shape::Map(
                    given!(
                        must("name", "What it shows, one sentence.", Shape::Text),
                        must("expect", "What should come of it.", EXPECT)
                    ),
                    "",
                ),
                0,
            ),
        ),
    ],
    "",
);
