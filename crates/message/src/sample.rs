//! Twelve partners as unlike as partners are: every mail is rendered for each of them by `check`, in previews and tests.

use rapport_rule::expr::Type;
use serde_json::{Map, Value as Json, json};

use crate::context;
use crate::helper::REVIEW_PERIODS;
use crate::locale::Locale;
use crate::mail::Mail;
use crate::next_resource::{Level, ResourceType, Wanted};
use crate::parties::{Imprint, Links, Person, Program, Sender, Topic};
use crate::template::Role;
use crate::variable::{self, Shape};

/// One of the twelve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What it stands for: `no-name`.
    pub id: &'static str,
    /// The name as given.
    pub name: Option<&'static str>,
    /// The address.
    pub email: &'static str,
    /// The language, if known.
    pub language: Option<&'static str>,
    /// The currency of all amounts.
    pub currency: &'static str,
    /// Every count; amounts are this many times 12.34.
    pub count: i64,
    /// Whether everything that may be missing is.
    pub bare: bool,
    /// Every text, where the planning side gives one.
    pub text: &'static str,
}

const fn sample(id: &'static str, name: Option<&'static str>, language: Option<&'static str>, count: i64) -> Sample {
    Sample {
        id,
        name,
        email: "partner@blog.example",
        language,
        currency: "EUR",
        count,
        bare: false,
        text: "Fjord rain shell",
    }
}

/// The twelve.
pub static SAMPLES: [Sample; 12] = [
    sample("usual", Some("Ada Lovelace"), Some("en"), 17),
    sample("german", Some("Jörg Müller-Lüdenscheidt"), Some("de"), 42),
    sample("austrian-one", Some("Anna Huber"), Some("de-AT"), 1),
    Sample { bare: true, ..sample("no-name", None, None, 0) },
    Sample { text: "قميص قطني", ..sample("right-to-left", Some("فاطمة الزهراء"), Some("ar"), 3) },
    Sample {
        text: "Der außerordentlich wasserdichte Ganzjahres-Rucksack mit Laptopfach für Pendlerinnen und Pendler, 24 Liter, nachtblau",
        ..sample(
            "long",
            Some("Wolfeschlegelsteinhausenbergerdorff-Hohenlohe-Schillingsfürst von und zu Liechtenstein-Thurn"),
            Some("de"),
            7,
        )
    },
    sample("vip", Some("Mónica Núñez"), Some("en-GB"), 1_234_567),
    Sample { currency: "NOK", ..sample("other-currency", Some("Kjersti Ås"), Some("nb"), 250) },
    Sample { currency: "JPY", ..sample("yen", Some("山田 太郎"), Some("ja"), 88) },
    sample("company", Some("Reisefuchs Media GmbH"), Some("de"), 12),
    Sample {
        text: "5 > 3 & \"so\" <b>on</b> *stars* [x](y) `c`",
        ..sample("hostile", Some("<script>alert(1)</script> *Bob*\r\nBcc: x@y.example"), Some("en"), 2)
    },
    Sample { bare: true, ..sample("nothing-sold", Some("Zoë"), Some("de"), 0) },
];

/// The event the samples are about.
const EVENT: &str = "7c1f0a52d3e84b96";
/// Where links of samples lead.
const ADDRESS: &str = "https://acme.example/p?a=1&b=2";
/// The proposal of a goal in samples.
const PROPOSAL: &str = "own_approved_revenue-19a7";

/// All that stands around a mail's own context.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// To whom.
    pub person: Person,
    /// From whom.
    pub sender: Sender,
    /// For whom.
    pub program: Program,
    /// The company.
    pub imprint: Imprint,
    /// About what.
    pub topic: Topic,
    /// The links.
    pub links: Links,
}

/// Plausible surroundings for previews without a configuration at hand.
pub fn surroundings() -> Surroundings {
    let link = |path: &str| {
        format!("https://partners.acme.example/{path}/AQEHZGVmYXVsdANhZGELcGVyZm9ybWFuY2WQPywaPywaPywaPywaPyw")
    };
    Surroundings {
        person: Person { name: Some("Ada Lovelace".into()), first_name: None, email: "ada@blog.example".into() },
        sender: Sender {
            name: "Ines Dahl".into(),
            role: "Partner manager".into(),
            email: "ines@mail.acme.example".into(),
            reply_to: "ines@acme.example".into(),
        },
        program: Program {
            id: "default".into(),
            name: "Acme Partners".into(),
            url: "https://acme.example/partners".into(),
        },
        imprint: Imprint {
            company: "Acme Commerce AS".into(),
            address: "Storgata 12, 0155 Oslo, Norway".into(),
            register: Some("Foretaksregisteret, NO 987 654 321".into()),
            vat: Some("NO 987 654 321 MVA".into()),
            representative: Some("Kari Nordmann".into()),
            email: "partners@acme.example".into(),
            url: Some("https://acme.example/imprint".into()),
        },
        topic: Topic {
            id: "performance".into(),
            name: "Your results".into(),
            about: "When something changes.".into(),
            service: false,
        },
        links: Links {
            unsubscribe: Some(link("u")),
            why: link("w"),
            preferences: Some(link("p")),
            answers: ["first", "second", "third"]
                .iter()
                .map(|choice| ((*choice).to_owned(), link(&format!("a/{choice}"))))
                .collect(),
            goals: [(PROPOSAL.to_owned(), link("g"))].into(),
            certificates: [(EVENT.to_owned(), link("c"))].into(),
            reviews: REVIEW_PERIODS.iter().map(|period| ((*period).to_owned(), link("v"))).collect(),
        },
    }
}

impl Sample {
    /// The person of this sample.
    pub fn person(&self) -> Person {
        Person { name: self.name.map(str::to_owned), first_name: None, email: self.email.to_owned() }
    }

    /// The language of this sample.
    pub fn locale(&self) -> Option<Locale> {
        self.language.and_then(Locale::parse)
    }

    /// A context for a mail: every name it uses, with a value its use asks for. `shape` says what a planned name is and
    /// whether it may be missing; where it knows nothing, the use decides.
    pub fn context(&self, mail: &Mail, shape: &dyn Fn(&str) -> Option<(Shape, bool)>) -> Json {
        let mut values = Map::new();
        for used in mail.names().iter().filter(|used| variable::is_planned(&used.path) && !used.path.contains("[]")) {
            if let Some(wanted) = Wanted::of_path(&used.path) {
                // Who has nothing has nothing to use next either.
                if !self.bare {
                    context::set(&mut values, &wanted.path(), self.resource(wanted));
                }
                continue;
            }
            let given =
                variable::lookup(&used.path).map(|row| (row.shape, row.maybe_missing)).or_else(|| shape(&used.path));
            let (known, may_be_missing) =
                given.map_or((None, used.may_be_missing), |(shape, missing)| (Some(shape), missing));
            if self.bare && may_be_missing {
                continue;
            }
            let value = match (known, used.role) {
                (Some(Shape::Items), _) | (None, Role::Listed) => self.items(mail, &used.path, shape),
                (Some(Shape::One(ty)), _) => self.value(ty, &used.path),
                (None, Role::AsMoney) => self.value(Type::Money, &used.path),
                (None, Role::AsDay) => self.value(Type::Date, &used.path),
                (None, Role::AsNumber) => self.value(Type::Count, &used.path),
                // Only asked about: what another use prints must win.
                (None, Role::Asked)
                    if mail.names().iter().any(|other| other.path == used.path && other.role != Role::Asked) =>
                {
                    continue;
                }
                (None, _) => self.value(Type::Text, &used.path),
            };
            context::set(&mut values, &used.path, value);
        }
        Json::Object(values)
    }

    fn resource(&self, wanted: Wanted) -> Json {
        json!({
            "id": "sample",
            "type": wanted.of_type.unwrap_or(ResourceType::Material).code(),
            "level": wanted.level.unwrap_or(Level::Basic).code(),
            "title": self.text,
            "about": self.text,
            "url": ADDRESS,
        })
    }

    fn items(&self, mail: &Mail, list: &str, shape: &dyn Fn(&str) -> Option<(Shape, bool)>) -> Json {
        if list == "survey.choices" {
            return json!(
                ["first", "second", "third"]
                    .map(|id| json!({"id": id, "label": format!("The {id} answer: {}", self.text)}))
            );
        }
        let prefix = format!("{list}[].");
        // A list of which no fields are named is one of texts.
        if !mail.names().iter().any(|used| used.path.starts_with(&prefix)) {
            return json!([self.text, self.text, self.text]);
        }
        let items = (0..3).map(|_| {
            let mut item = Map::new();
            for used in mail.names() {
                let Some(field) = used.path.strip_prefix(&prefix) else { continue };
                let ty = match (shape(&used.path), used.role) {
                    (Some((Shape::One(ty), _)), _) => ty,
                    (_, Role::AsMoney) => Type::Money,
                    (_, Role::AsDay) => Type::Date,
                    (_, Role::AsNumber) => Type::Count,
                    _ => Type::Text,
                };
                context::set(&mut item, field, self.value(ty, &used.path));
            }
            Json::Object(item)
        });
        Json::Array(items.collect())
    }

    fn value(&self, ty: Type, path: &str) -> Json {
        match ty {
            // Addresses are texts too; a mail links to them.
            Type::Text if path.ends_with("url") || path.ends_with("terms") => json!(ADDRESS),
            Type::Text if path.ends_with("summary") => {
                json!(format!(
                    "In the last seven days there were {} sales, where 42 would have been usual.",
                    self.count
                ))
            }
            Type::Text if path == "survey.question" => json!("What happened?"),
            Type::Text if path == "offer.condition" => json!("first sale within 30 days"),
            Type::Text if path == "event.metric" => json!("approved_conversions"),
            Type::Text if path.ends_with("proposal") => json!(PROPOSAL),
            Type::Text if matches!(path, "event.id" | "awaited.id") => json!(EVENT),
            Type::Text => json!(self.text),
            Type::Bool => json!(true),
            Type::Count | Type::Duration => json!(self.count),
            Type::Number | Type::Percent => json!(self.count.min(100)),
            Type::Money => json!({"minor": self.count.saturating_mul(1234), "currency": self.currency}),
            Type::Date => json!("2026-11-03"),
            Type::Instant => json!("2026-11-03T09:00:00+01:00[Europe/Oslo]"),
            Type::List => json!([self.text, self.text, self.text]),
        }
    }
}
