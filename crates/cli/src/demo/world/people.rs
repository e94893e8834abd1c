//! Who the partners are: names from many places, addresses at example domains, zones, languages, kinds of business.

use std::collections::BTreeSet;

use rand::Rng;
use rand::rngs::StdRng;

use super::chance::one_of;

/// A partner as a person.
#[derive(Debug, Clone)]
pub struct Person {
    /// The partner's id: readable, unique.
    pub id: String,
    /// Name as people write it; some are not known.
    pub name: Option<String>,
    /// Address; some are not known.
    pub email: Option<String>,
    /// ISO 3166.
    pub country: &'static str,
    /// IANA zone.
    pub zone: &'static str,
    /// BCP 47.
    pub language: &'static str,
    /// influencer, content, coupon, app, b2b.
    pub business: &'static str,
    /// Sender id of who looks after them, for some.
    pub manager: Option<&'static str>,
}

struct Place {
    weight: u32,
    country: &'static str,
    zone: &'static str,
    language: &'static str,
    given: &'static [(&'static str, &'static str)],
    family: &'static [(&'static str, &'static str)],
}

/// Names are written as at home; the second form is for ids and addresses.
const PLACES: &[Place] = &[
    Place {
        weight: 14,
        country: "NO",
        zone: "Europe/Oslo",
        language: "nb",
        given: &[
            ("Ada", "ada"),
            ("Sigrid", "sigrid"),
            ("Håkon", "hakon"),
            ("Jørgen", "jorgen"),
            ("Åse", "aase"),
            ("Bjørn", "bjorn"),
            ("Ingrid", "ingrid"),
            ("Lars", "lars"),
        ],
        family: &[
            ("Berg", "berg"),
            ("Ødegård", "odegard"),
            ("Haugen", "haugen"),
            ("Sæther", "saether"),
            ("Lie", "lie"),
            ("Bakke", "bakke"),
        ],
    },
    Place {
        weight: 22,
        country: "DE",
        zone: "Europe/Berlin",
        language: "de",
        given: &[
            ("Jürgen", "juergen"),
            ("Käthe", "kaethe"),
            ("Anna-Lena", "anna-lena"),
            ("Moritz", "moritz"),
            ("Sabine", "sabine"),
            ("Florian", "florian"),
            ("Heike", "heike"),
            ("Tobias", "tobias"),
        ],
        family: &[
            ("Groß", "gross"),
            ("Müller", "mueller"),
            ("Schäfer", "schaefer"),
            ("von der Heide", "vonderheide"),
            ("Krämer", "kraemer"),
            ("Vogel", "vogel"),
            ("Böhm", "boehm"),
        ],
    },
    Place {
        weight: 5,
        country: "AT",
        zone: "Europe/Vienna",
        language: "de-AT",
        given: &[("Magdalena", "magdalena"), ("Xaver", "xaver"), ("Leopold", "leopold"), ("Theresa", "theresa")],
        family: &[("Höller", "hoeller"), ("Pichler", "pichler"), ("Gruber", "gruber")],
    },
    Place {
        weight: 14,
        country: "GB",
        zone: "Europe/London",
        language: "en-GB",
        given: &[
            ("Siobhan", "siobhan"),
            ("Oliver", "oliver"),
            ("Priya", "priya"),
            ("Gareth", "gareth"),
            ("Imogen", "imogen"),
            ("Callum", "callum"),
        ],
        family: &[
            ("O'Brien", "obrien"),
            ("Smythe-Jones", "smythe-jones"),
            ("Patel", "patel"),
            ("Walker", "walker"),
            ("Hughes", "hughes"),
        ],
    },
    Place {
        weight: 9,
        country: "US",
        zone: "America/New_York",
        language: "en-US",
        given: &[
            ("Maria", "maria"),
            ("DeShawn", "deshawn"),
            ("Emily", "emily"),
            ("José", "jose"),
            ("Grace", "grace"),
            ("Tyler", "tyler"),
        ],
        family: &[
            ("Johnson", "johnson"),
            ("García", "garcia"),
            ("Nguyen", "nguyen"),
            ("Kowalski", "kowalski"),
            ("Lee", "lee"),
        ],
    },
    Place {
        weight: 4,
        country: "US",
        zone: "America/Los_Angeles",
        language: "en-US",
        given: &[("Kai", "kai"), ("Sofia", "sofia"), ("Mei", "mei"), ("Hunter", "hunter")],
        family: &[("Tanaka", "tanaka"), ("Rivera", "rivera"), ("Brooks", "brooks")],
    },
    Place {
        weight: 7,
        country: "FR",
        zone: "Europe/Paris",
        language: "fr",
        given: &[("Zoé", "zoe"), ("François", "francois"), ("Anaïs", "anais"), ("Benoît", "benoit")],
        family: &[("Lefèvre", "lefevre"), ("D'Arcy", "darcy"), ("Moreau", "moreau"), ("Noël", "noel")],
    },
    Place {
        weight: 5,
        country: "ES",
        zone: "Europe/Madrid",
        language: "es",
        given: &[("Íñigo", "inigo"), ("Begoña", "begona"), ("Lucía", "lucia"), ("Álvaro", "alvaro")],
        family: &[("Ibáñez", "ibanez"), ("Peña", "pena"), ("Muñoz", "munoz")],
    },
    Place {
        weight: 5,
        country: "PL",
        zone: "Europe/Warsaw",
        language: "pl",
        given: &[("Łukasz", "lukasz"), ("Małgorzata", "malgorzata"), ("Zofia", "zofia"), ("Paweł", "pawel")],
        family: &[("Wiśniewska", "wisniewska"), ("Dąbrowski", "dabrowski"), ("Żak", "zak")],
    },
    Place {
        weight: 4,
        country: "TR",
        zone: "Europe/Istanbul",
        language: "tr",
        given: &[("Işıl", "isil"), ("Çağla", "cagla"), ("Emre", "emre")],
        family: &[("Yıldız", "yildiz"), ("Öztürk", "ozturk"), ("Şahin", "sahin")],
    },
    Place {
        weight: 3,
        country: "AE",
        zone: "Asia/Dubai",
        language: "ar",
        given: &[("ليلى", "layla"), ("يوسف", "yusuf"), ("نور", "noor")],
        family: &[("الحسن", "alhassan"), ("المنصوري", "almansoori"), ("خليل", "khalil")],
    },
    Place {
        weight: 2,
        country: "IL",
        zone: "Asia/Jerusalem",
        language: "he",
        given: &[("נועה", "noa"), ("איתי", "itai")],
        family: &[("כהן", "cohen"), ("ברק", "barak")],
    },
    Place {
        weight: 3,
        country: "JP",
        zone: "Asia/Tokyo",
        language: "ja",
        given: &[("さくら", "sakura"), ("健太", "kenta")],
        family: &[("山本", "yamamoto"), ("佐々木", "sasaki")],
    },
    Place {
        weight: 3,
        country: "BR",
        zone: "America/Sao_Paulo",
        language: "pt-BR",
        given: &[("João", "joao"), ("Conceição", "conceicao"), ("Thaís", "thais")],
        family: &[("Gonçalves", "goncalves"), ("Araújo", "araujo")],
    },
    Place {
        weight: 2,
        country: "AU",
        zone: "Australia/Sydney",
        language: "en-AU",
        given: &[("Matilda", "matilda"), ("Noah", "noah")],
        family: &[("Nguyen-Reid", "nguyen-reid"), ("Fraser", "fraser")],
    },
    Place {
        weight: 2,
        country: "FI",
        zone: "Europe/Helsinki",
        language: "fi",
        given: &[("Päivi", "paivi"), ("Jyrki", "jyrki")],
        family: &[("Mäkinen", "makinen"), ("Hämäläinen", "hamalainen")],
    },
];

const DOMAINS: &[&str] = &[
    "blog.example",
    "mail.example",
    "studio.example",
    "travel-notes.example",
    "kitchen-diary.example",
    "example.com",
    "example.org",
    "example.net",
    "apps.example",
    "deals.example",
];
const COMPANIES: &[(&str, &str)] = &[
    ("Berg & Söhne Versand", "berg-versand"),
    ("Nordlicht Media", "nordlicht"),
    ("Blue Harbour Retail Ltd", "blue-harbour"),
    ("Atelier Lumière SARL", "lumiere"),
    ("Kraftwerk Einkauf", "kraftwerk"),
    ("Fjord Office Supply", "fjord-office"),
];

/// Draws a person whose id nobody has yet. `number` makes the id unique.
pub fn draw(rng: &mut StdRng, number: usize, taken: &mut BTreeSet<String>) -> Person {
    let total: u32 = PLACES.iter().map(|place| place.weight).sum();
    let mut left = rng.random_range(0..total);
    let place = PLACES
        .iter()
        .find(|place| {
            let here = left < place.weight;
            left = left.saturating_sub(place.weight);
            here
        })
        .unwrap_or(&PLACES[0]);
    let business = match rng.random_range(0..100) {
        0..38 => "content",
        38..66 => "influencer",
        66..82 => "coupon",
        82..92 => "app",
        _ => "b2b",
    };
    let (name, slug) = if business == "b2b" {
        let (name, slug) = one_of(rng, COMPANIES);
        ((*name).to_owned(), (*slug).to_owned())
    } else {
        let ((given, given_slug), (family, family_slug)) = (one_of(rng, place.given), one_of(rng, place.family));
        // Japanese names begin with the family.
        let name = if place.country == "JP" { format!("{family} {given}") } else { format!("{given} {family}") };
        (name, format!("{given_slug}-{family_slug}"))
    };
    let id = if taken.insert(slug.clone()) { slug.clone() } else { format!("{slug}-{number}") };
    taken.insert(id.clone());
    let email = format!("{}@{}", id.replacen('-', ".", 1), one_of(rng, DOMAINS));
    Person {
        id,
        name: (!rng.random_bool(0.05)).then_some(name),
        email: (!rng.random_bool(0.025)).then_some(email),
        country: place.country,
        zone: place.zone,
        language: place.language,
        business,
        manager: match rng.random_range(0..10) {
            0..3 => Some("jonas"),
            3..6 => Some("ines"),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::world::chance::stream;

    #[test]
    fn ids_are_unique_and_addresses_are_examples() {
        let mut taken = BTreeSet::new();
        let mut rng = stream(7, 0);
        let people: Vec<Person> = (0..1000).map(|number| draw(&mut rng, number, &mut taken)).collect();
        let ids: BTreeSet<&str> = people.iter().map(|person| person.id.as_str()).collect();
        assert_eq!(ids.len(), people.len());
        for email in people.iter().filter_map(|person| person.email.as_deref()) {
            let domain = email.rsplit('@').next().unwrap();
            assert!(domain.ends_with(".example") || domain.starts_with("example."), "{email}");
        }
        let right_to_left = |name: &String| name.chars().any(|c| ('\u{590}'..='\u{6ff}').contains(&c));
        assert!(people.iter().filter_map(|person| person.name.as_ref()).any(right_to_left));
        assert!(people.iter().any(|person| person.name.is_none()));
        assert!(people.iter().any(|person| person.email.is_none()));
    }
}
