//! What mail clients make of HTML and CSS. Each row names the public page it is taken from: mostly caniemail.com, whose tests are
//! published under the MIT licence. A client stands in a row if its newest version on the desk of most readers (for Gmail and Yahoo the
//! browser's) does not know the feature; what a client merely shows plainer, such as round corners, has no row.

use super::Client::{self, AppleMail, Gmail, Outlook, Yahoo};

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Properties of CSS, whatever their value.
    Property(&'static [&'static str]),
    /// Values of one property.
    Value(&'static str, &'static [&'static str]),
    /// Functions in a value.
    Function(&'static [&'static str]),
    /// Units of a length.
    Unit(&'static [&'static str]),
    /// Elements that would be shown otherwise.
    Element(&'static [&'static str]),
    /// Elements, or rules of a style sheet, that are taken out with what is in them, or fetch what is not fetched.
    Stripped(&'static [&'static str]),
    /// What an image's address begins with.
    ImageFrom(&'static str),
    /// What an image's address ends with.
    ImageOf(&'static str),
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub feature: Feature,
    /// Who does not know it.
    pub clients: &'static [Client],
    /// What readers get, a sentence.
    pub effect: &'static str,
    /// What to write instead, a sentence.
    pub instead: &'static str,
    /// Where that is published.
    pub page: &'static str,
}

const fn row(
    feature: Feature,
    clients: &'static [Client],
    effect: &'static str,
    instead: &'static str,
    page: &'static str,
) -> Fact {
    Fact { feature, clients, effect, instead, page }
}

/// All rows.
pub static FACTS: [Fact; 36] = [
    row(
        Feature::Value("display", &["flex", "inline-flex"]),
        &[Outlook],
        "What should stand side by side stands one below the other.",
        "Use the cells of a table, or <mj-column>.",
        "https://www.caniemail.com/features/css-display-flex/",
    ),
    row(
        Feature::Value("display", &["grid", "inline-grid"]),
        &[Outlook],
        "What should stand side by side stands one below the other.",
        "Use the cells of a table, or <mj-column>.",
        "https://www.caniemail.com/features/css-display-grid/",
    ),
    row(
        Feature::Property(&["gap", "row-gap", "column-gap"]),
        &[Outlook, Yahoo],
        "Parts touch each other.",
        "Give the parts `padding` or `margin` of their own.",
        "https://www.caniemail.com/features/css-gap/",
    ),
    row(
        Feature::Value("float", &["left", "right"]),
        &[Outlook],
        "What should stand beside the text stands above it.",
        "Write align=\"left\" on the image or table.",
        "https://www.caniemail.com/features/css-float/",
    ),
    row(
        Feature::Value("position", &["absolute", "fixed", "sticky"]),
        &[Outlook, Gmail],
        "It stands where it is written, below or above what it should cover.",
        "Let parts follow each other, in tables.",
        "https://www.caniemail.com/features/css-position/",
    ),
    row(
        Feature::Function(&["var"]),
        &[Outlook, Gmail, Yahoo],
        "The whole declaration is left out.",
        "Write the value itself.",
        "https://www.caniemail.com/features/css-variables/",
    ),
    row(
        Feature::Function(&["calc"]),
        &[Outlook, Yahoo],
        "The whole declaration is left out.",
        "Write a length or a percentage.",
        "https://www.caniemail.com/features/css-unit-calc/",
    ),
    row(
        Feature::Function(&["clamp"]),
        &[Outlook, Yahoo],
        "The whole declaration is left out.",
        "Write a length, and another one in `@media`.",
        "https://www.caniemail.com/features/css-function-clamp/",
    ),
    row(
        Feature::Function(&["min"]),
        &[Outlook, Yahoo],
        "The whole declaration is left out.",
        "Write a length, and another one in `@media`.",
        "https://www.caniemail.com/features/css-function-min/",
    ),
    row(
        Feature::Function(&["max"]),
        &[Outlook, Yahoo],
        "The whole declaration is left out.",
        "Write a length, and another one in `@media`.",
        "https://www.caniemail.com/features/css-function-max/",
    ),
    row(
        Feature::Function(&["light-dark"]),
        &[Outlook, Gmail, Yahoo],
        "The whole declaration is left out.",
        "Write the colour, and the dark one in `@media (prefers-color-scheme: dark)`.",
        "https://www.caniemail.com/features/css-function-light-dark/",
    ),
    row(
        Feature::Function(&["oklch", "oklab", "lch", "lab"]),
        &[Outlook, Gmail, Yahoo],
        "The declaration is left out, in some clients every other style of the element with it.",
        "Write the colour as #rrggbb.",
        "https://www.caniemail.com/features/css-modern-color/",
    ),
    row(
        Feature::Unit(&["vh"]),
        &[Outlook],
        "The length is left out.",
        "Write it in px.",
        "https://www.caniemail.com/features/css-unit-vh/",
    ),
    row(
        Feature::Unit(&["vw"]),
        &[Outlook],
        "The length is left out.",
        "Write it in px or as a percentage.",
        "https://www.caniemail.com/features/css-unit-vw/",
    ),
    row(
        Feature::Unit(&["rem"]),
        &[Outlook, Yahoo],
        "The length is left out.",
        "Write it in px.",
        "https://www.caniemail.com/features/css-unit-rem/",
    ),
    row(
        Feature::Property(&["transform"]),
        &[Outlook, Gmail, Yahoo],
        "It stands where it is written, as large as it is.",
        "Put what is turned or moved into an image.",
        "https://www.caniemail.com/features/css-transform/",
    ),
    row(
        Feature::Property(&["animation", "animation-name"]),
        &[Outlook, Gmail, Yahoo],
        "Nothing moves, and what the animation would bring into sight stays out of it.",
        "Use a GIF that says all in its first frame.",
        "https://www.caniemail.com/features/css-animation/",
    ),
    row(
        Feature::Property(&["opacity"]),
        &[Outlook],
        "It is shown in full strength, what should not be seen included.",
        "Write the paler colour itself; take out what should not be seen.",
        "https://www.caniemail.com/features/css-opacity/",
    ),
    row(
        Feature::Value("visibility", &["hidden", "collapse"]),
        &[Outlook],
        "It is shown.",
        "Take out what should not be seen, or write `display:none; mso-hide:all`.",
        "https://www.caniemail.com/features/css-visibility/",
    ),
    row(
        Feature::Property(&["object-fit"]),
        &[Outlook, Yahoo],
        "The image is squeezed into its box.",
        "Cut the image to the shape it is shown in.",
        "https://www.caniemail.com/features/css-object-fit/",
    ),
    row(
        Feature::Property(&["aspect-ratio"]),
        &[Outlook, Gmail, Yahoo],
        "The box is as high as its content.",
        "Write width and height.",
        "https://www.caniemail.com/features/css-aspect-ratio/",
    ),
    row(
        Feature::Property(&["filter"]),
        &[Outlook, Gmail, Yahoo],
        "It is shown as it is without.",
        "Put the effect into the image.",
        "https://www.caniemail.com/features/css-filter/",
    ),
    row(
        Feature::Property(&["clip-path"]),
        &[Outlook, Gmail, Yahoo],
        "The whole box is shown.",
        "Cut the image itself.",
        "https://www.caniemail.com/features/css-clip-path/",
    ),
    row(
        Feature::Property(&["column-count", "columns"]),
        &[Outlook, Yahoo],
        "The text stands in one column.",
        "Use the cells of a table, or <mj-column>.",
        "https://www.caniemail.com/features/css-column-count/",
    ),
    row(
        Feature::Element(&["svg"]),
        &[Outlook, Gmail, Yahoo],
        "The drawing is left out.",
        "Use an image in PNG with alt text.",
        "https://www.caniemail.com/features/html-svg/",
    ),
    row(
        Feature::ImageFrom("data:"),
        &[Gmail],
        "The image is left out.",
        "Put the image where it can be fetched by https.",
        "https://www.caniemail.com/features/image-base64/",
    ),
    row(
        Feature::ImageOf(".svg"),
        &[Gmail],
        "The image is left out.",
        "Use PNG or JPEG.",
        "https://www.caniemail.com/features/image-svg/",
    ),
    row(
        Feature::ImageOf(".webp"),
        &[Outlook],
        "The image is left out.",
        "Use JPEG or PNG.",
        "https://www.caniemail.com/features/image-webp/",
    ),
    row(
        Feature::Stripped(&["script", "iframe", "embed"]),
        &[Outlook, Gmail, AppleMail, Yahoo],
        "It is taken out of every mail, and filters count it against the sender.",
        "Link to a page that has it.",
        "https://testmailscore.com/faq/why-email-clients-strip-html",
    ),
    row(
        Feature::Stripped(&["object"]),
        &[Outlook, Gmail, Yahoo],
        "It is taken out, with what it would show.",
        "Link to a page that has it.",
        "https://www.caniemail.com/features/html-object/",
    ),
    row(
        Feature::Stripped(&["form", "input", "select", "textarea", "button"]),
        &[Outlook],
        "Nothing can be filled in or sent; what stood in it may remain as text.",
        "Ask with a survey of config/surveys.yaml: its answers are links.",
        "https://www.caniemail.com/features/html-form/",
    ),
    row(
        Feature::Stripped(&["audio"]),
        &[Outlook, Gmail, Yahoo],
        "Nothing can be played.",
        "Link to a page that plays it.",
        "https://www.caniemail.com/features/html-audio/",
    ),
    row(
        Feature::Stripped(&["video"]),
        &[Outlook, Gmail, Yahoo],
        "Nothing can be played.",
        "Show an image that links to it.",
        "https://www.caniemail.com/features/html-video/",
    ),
    row(
        Feature::Stripped(&["@import"]),
        &[Gmail, Yahoo],
        "The style sheet is not fetched, and the mail is shown without it.",
        "Write the styles into the mail.",
        "https://www.caniemail.com/features/css-at-import/",
    ),
    row(
        Feature::Stripped(&["link"]),
        &[Gmail, Yahoo],
        "The style sheet is not fetched, and the mail is shown without it.",
        "Write the styles into the mail.",
        "https://www.caniemail.com/features/html-link/",
    ),
    row(
        Feature::Stripped(&["@font-face", "mj-font"]),
        &[Gmail, Yahoo],
        "The font is not fetched; another one stands in, with other widths.",
        "Name fonts that readers have: Arial, Georgia, Helvetica, Verdana.",
        "https://www.caniemail.com/features/css-at-font-face/",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_who_what_and_where_it_is_published() {
        for fact in &FACTS {
            assert!(!fact.clients.is_empty() && fact.page.starts_with("https://"), "{fact:?}");
            for said in [fact.effect, fact.instead] {
                assert!(said.ends_with('.') && said.len() > 8, "{fact:?}");
            }
            let mut clients = fact.clients.to_vec();
            clients.sort_unstable();
            clients.dedup();
            assert_eq!(clients, fact.clients, "in one order, each once: {fact:?}");
        }
    }
}
