//! `config/resources.yaml`.

use rapport_message::next_resource::{Level, ResourceType};

use super::{Form, Shape, may, must};

pub(super) static RESOURCES: Shape = Shape::ByName(
    &Shape::Map(
        &[
            must("type", "What it is.", Shape::OneOf(&ResourceType::CODES)),
            may("level", "For whom it is made.", Shape::OneOf(&Level::CODES)),
            must("title", "What it is called, for the partner.", Shape::Texts),
            must("about", "One sentence for the partner.", Shape::Texts),
            must(
                "url",
                "Where it is: one address, or one per language.",
                Shape::Either(&[Shape::Word(Form::Https), Shape::ByName(&Shape::Word(Form::Https), 1)]),
            ),
            may(
                "languages",
                "The languages it is in; unwritten those of `url`, or all where there is one address.",
                Shape::OneOrMany(&Shape::Text),
            ),
            may(
                "for",
                "Who may have it: a segment by its name, or `group core`; everybody when unwritten.",
                Shape::Text,
            ),
            may("partner_types", "Only partners of these types.", Shape::OneOrMany(&Shape::Text)),
            may("after", "Resources that come first.", Shape::OneOrMany(&Shape::Text)),
        ],
        "",
    ),
    0,
);
