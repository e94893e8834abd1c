//! `config/health.yaml`.

use super::{Form, Shape, may, must};

pub(super) static HEALTH: Shape = Shape::Map(
    &[must(
        "models",
        "Ways of scoring, by name.",
        Shape::ByName(
            &Shape::Map(
                &[
                    may("types", "Only partners of these types.", Shape::OneOrMany(&Shape::Text)),
                    may("precedence", "Where two models name one type, the higher goes first.", Shape::Number),
                    must(
                        "groups",
                        "Groups of inputs.",
                        Shape::ByName(
                            &Shape::Map(
                                &[
                                    must("weight", "Its weight in the score.", Shape::Number),
                                    must(
                                        "inputs",
                                        "Its inputs.",
                                        Shape::ByName(
                                            &Shape::Map(
                                                &[
                                                    must("weight", "Its weight in the group.", Shape::Number),
                                                    must(
                                                        "anchors",
                                                        "Values and their points.",
                                                        Shape::List(&Shape::Pair, 0),
                                                    ),
                                                    may(
                                                        "missing",
                                                        "Points where it is not known; its weight goes to the others if left out.",
                                                        Shape::Number,
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
                            0,
                        ),
                    ),
                    must(
                        "bands",
                        "From which score each band begins; the best first.",
                        Shape::ByName(&Shape::Number, 0),
                    ),
                    may("hysteresis", "Points beyond an edge before the band changes.", Shape::Number),
                    may(
                        "settle",
                        "How long it must stand there; twice as far beyond changes it at once.",
                        Shape::Word(Form::Length),
                    ),
                    may(
                        "falling",
                        "What makes `health.falling`.",
                        Shape::Map(
                            &[
                                must("points", "A group lost so much.", Shape::Number),
                                must("within", "In each of two such windows.", Shape::Word(Form::Length)),
                            ],
                            "",
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
