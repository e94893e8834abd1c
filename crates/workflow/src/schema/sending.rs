//! How fast mail leaves, in `config/rapport.yaml`.

use super::{Field, Form, Shape, may, must};

const RATE: Field = may("rate", "How fast: `600 per minute`, `10 per second`.", Shape::Word(Form::Pace));
const CONNECTIONS: Field = may("connections", "No more mails are on their way at once.", Shape::Int(1, 1000));

pub(super) const PACE: Field = may(
    "pace",
    "How fast mail leaves to one provider's mailboxes, over all mailers.",
    Shape::Map(
        &[
            RATE,
            CONNECTIONS,
            may(
                "providers",
                "Providers by name, each with a pace of its own or with its domains alone.",
                Shape::ByName(
                    &Shape::Either(&[
                        Shape::OneOrMany(&Shape::Text),
                        Shape::Map(
                            &[
                                may(
                                    "domains",
                                    "Whose mailboxes are the provider's; not needed for those rapport knows.",
                                    Shape::OneOrMany(&Shape::Text),
                                ),
                                RATE,
                                CONNECTIONS,
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
);

pub(super) const WARM_UP: Field = may(
    "warm_up",
    "How many mails a day leave from a domain nobody knows yet.",
    Shape::ByName(
        &Shape::Map(
            &[
                must("from", "Its first day.", Shape::Word(Form::Date)),
                may(
                    "mails_a_day",
                    "On the first day, the second, and so on; then nothing bounds it. Unwritten: 50, and twice as many every day.",
                    Shape::OneOrMany(&Shape::Int(1, 100_000_000)),
                ),
            ],
            "",
        ),
        0,
    ),
);
