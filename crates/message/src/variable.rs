//! What may be named in a mail, of which type, and who provides it: one table.
//!
//! Names that are not in it come from the planning side: figures, `group`, `lane`, `partner.*` that are not personal,
//! `event.*`, `goal.*`, `segment.*`, and the values of the step's `with`.

use rapport_rule::expr::Type;

use crate::next_resource::Wanted;

/// Who puts the value into the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Evaluated when the journey plans the mail, and stored with it.
    Planning,
    /// The mailer, from the `person` table: never stored with the mail.
    Person,
    /// The mailer, from configuration: sender, programme, imprint, topic.
    Mailer,
    /// The frame around a mail only, not the mail itself.
    Layout,
}

/// What stands at a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    One(Type),
    /// A list to go through with `each`; fields of an item are named `products[].title`.
    Items,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// The dotted path as written in a mail.
    pub path: &'static str,
    /// What stands there.
    pub shape: Shape,
    /// Whether it can be missing, and then needs `fallback` or `if`.
    pub maybe_missing: bool,
    /// Who provides it.
    pub provider: Provider,
    /// What it is, for editors and hints.
    pub about: &'static str,
}

const fn given(
    path: &'static str,
    shape: Shape,
    maybe_missing: bool,
    provider: Provider,
    about: &'static str,
) -> Given {
    Given { path, shape, maybe_missing, provider, about }
}

const TEXT: Shape = Shape::One(Type::Text);

/// The names every mail may use whatever its workflow is, those a survey or offer of its step adds, and those of the frame.
pub static GIVEN: &[Given] = &[
    given("partner.name", TEXT, true, Provider::Person, "the partner's name as given"),
    given("partner.first_name", TEXT, true, Provider::Person, "what to say after “Hi”"),
    given("partner.email", TEXT, false, Provider::Person, "the address written to"),
    given("sender.name", TEXT, false, Provider::Mailer, "who signs"),
    given("sender.role", TEXT, false, Provider::Mailer, "what they are"),
    given("sender.email", TEXT, false, Provider::Mailer, "the address in From"),
    given("sender.reply_to", TEXT, false, Provider::Mailer, "where replies go"),
    given("program.id", TEXT, false, Provider::Mailer, "the programme's id"),
    given("program.name", TEXT, false, Provider::Mailer, "the programme's name"),
    given("program.url", TEXT, false, Provider::Mailer, "its pages for partners"),
    given("imprint.company", TEXT, false, Provider::Mailer, "the company"),
    given("imprint.address", TEXT, false, Provider::Mailer, "its address"),
    given("imprint.register", TEXT, true, Provider::Mailer, "register and number"),
    given("imprint.vat", TEXT, true, Provider::Mailer, "VAT number"),
    given("imprint.representative", TEXT, true, Provider::Mailer, "who represents it"),
    given("imprint.email", TEXT, false, Provider::Mailer, "where it is written to"),
    given("imprint.url", TEXT, true, Provider::Mailer, "the full imprint"),
    given("topic.id", TEXT, false, Provider::Mailer, "the topic's id"),
    given("topic.name", TEXT, false, Provider::Mailer, "the topic in the mail's language"),
    given("topic.about", TEXT, false, Provider::Mailer, "one sentence about it"),
    given("lang", TEXT, false, Provider::Mailer, "the mail's language tag"),
    given("dir", TEXT, false, Provider::Mailer, "`ltr` or `rtl`"),
    given("survey.question", TEXT, false, Provider::Planning, "of the step's `survey`, in the mail's language"),
    given("survey.choices", Shape::Items, false, Provider::Planning, "its choices"),
    given("survey.choices[].id", TEXT, false, Provider::Planning, "for `answer_link`"),
    given("survey.choices[].label", TEXT, false, Provider::Planning, "what the partner reads"),
    given("offer.id", TEXT, false, Provider::Planning, "of the step's `offer`"),
    given("offer.value", Shape::One(Type::Money), false, Provider::Planning, "what it is worth"),
    given("offer.condition", TEXT, false, Provider::Planning, "what it takes, in the mail's language"),
    given("offer.ends_on", Shape::One(Type::Date), false, Provider::Planning, "its last day"),
    given("offer.terms", TEXT, false, Provider::Planning, "the address of its terms"),
    given("subject", TEXT, false, Provider::Layout, "the rendered subject"),
    given("preheader", TEXT, true, Provider::Layout, "the rendered preheader"),
    given("content", TEXT, false, Provider::Layout, "the rendered body"),
    given("reason", TEXT, true, Provider::Layout, "why this mail was written, in one sentence"),
    given("service", Shape::One(Type::Bool), false, Provider::Layout, "whether it is a notice without a way out"),
    given("links.preferences", TEXT, true, Provider::Layout, "the preference page"),
];

/// The one field of a resource that not every one has.
pub(crate) const LEVEL: &str = "level";

/// The names inside `{{#next_resource}}`. There are none where a partner has nothing to use next, hence they may be missing outside.
static RESOURCE: [Given; 6] = [
    given("id", TEXT, true, Provider::Planning, "its name in config/resources.yaml"),
    given("type", TEXT, true, Provider::Planning, "`tool`, `material` or `training`"),
    given(LEVEL, TEXT, true, Provider::Planning, "`basic`, `advanced` or `expert`, if it has one"),
    given("title", TEXT, true, Provider::Planning, "what it is called, in the mail's language"),
    given("about", TEXT, true, Provider::Planning, "one sentence about it"),
    given("url", TEXT, true, Provider::Planning, "its address"),
];

/// What an offer must be told with: amount, condition, end, linked terms.
pub static OFFER_MUST_NAME: [&str; 4] = ["offer.value", "offer.condition", "offer.ends_on", "offer.terms"];

/// The row of a path, if it is one of the table.
pub fn lookup(path: &str) -> Option<&'static Given> {
    GIVEN.iter().find(|row| row.path == path).or_else(|| of_resource(path))
}

/// The row of `next_resource.training.title`; its path is the field alone.
fn of_resource(path: &str) -> Option<&'static Given> {
    let field = field_of_resource(path)?;
    RESOURCE.iter().find(|row| row.path == field)
}

/// `title` of `next_resource.training.title`, whether there is such a field or not.
pub(crate) fn field_of_resource(path: &str) -> Option<&str> {
    path.strip_prefix(&Wanted::of_path(path)?.path())?.strip_prefix('.')
}

/// The fields of a resource.
pub(crate) fn resource_fields() -> impl Iterator<Item = &'static str> {
    RESOURCE.iter().map(|row| row.path)
}

/// What may stand inside the block.
pub(crate) const RESOURCE_HINT: &str = "Inside {{#next_resource}} stand `title`, `about`, `url`, `type`, `level` and `id`; other names are written {{@root.partner.first_name}}.";

/// Whether names stand below this one, which is no value itself: `offer`, `survey`, `next_resource.training`.
pub(crate) fn has_fields(path: &str) -> bool {
    let below = |row: &Given| row.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
    GIVEN.iter().any(below) || Wanted::of_path(path).is_some_and(|wanted| wanted.path() == path)
}

/// Who provides a path. A name under a root that belongs to the mailer is the mailer's even when there is no such row,
/// so that `sender.nmae` is an unknown name and not a figure to be planned.
pub fn provider(path: &str) -> Provider {
    if let Some(row) = lookup(path) {
        return row.provider;
    }
    match path.split(['.', '[']).next().unwrap_or_default() {
        "sender" | "imprint" | "topic" => Provider::Mailer,
        "words" | "links" => Provider::Layout,
        _ => Provider::Planning,
    }
}

/// Whether planning has to evaluate the path into the context.
pub fn is_planned(path: &str) -> bool {
    provider(path) == Provider::Planning
}
