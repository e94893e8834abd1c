use std::collections::BTreeMap;

use rapport_event::{CustomKinds, Headers, Limits, Payload, decode_with};

use super::*;

fn play(seed: u64, partners: usize, days: usize) -> (World, Vec<Told>) {
    let mut world = World::new(WorldSettings {
        program: "default".to_owned(),
        zone: TimeZone::get("Europe/Oslo").unwrap(),
        seed,
        partners,
        days,
    });
    let end = world.end();
    let mut all = Vec::new();
    let mut present = later(world.midnight(0), -360);
    while present < end {
        present = later(present, 360);
        all.extend(world.take_until(present));
    }
    (world, all)
}

#[test]
fn the_same_seed_is_the_same_world_and_another_is_not() {
    let (_, first) = play(3, 40, 120);
    let (_, second) = play(3, 40, 120);
    assert!(first == second);
    let (_, other) = play(4, 40, 120);
    assert!(first != other);
}

#[test]
fn every_event_is_within_the_contract() {
    let (world, all) = play(1, 80, 365);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for told in &all {
        let decoded = decode_with(&Limits::replay(), &told.value, &Headers::NONE, &CustomKinds::none(), told.at);
        let decoded = decoded.unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&told.value)));
        assert!(decoded.event.occurred_at <= told.at && told.at < world.end());
        let kind = match &decoded.event.payload {
            Payload::Conversion(data) => format!("conversion {}", data.status.as_str()),
            _ => decoded.event.kind.to_string(),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    for kind in [
        "partner.approved",
        "conversion pending",
        "conversion approved",
        "conversion reversed",
        "conversion paid",
        "link.clicked",
        "link.created",
        "login",
        "payout.due",
        "payout.paid",
        "content.published",
    ] {
        assert!(kinds.contains_key(kind), "{kind} is missing in {kinds:?}");
    }
    assert!(all.is_sorted_by_key(|told| told.at));
}

#[test]
fn a_year_has_the_size_of_a_real_programme() {
    let (world, all) = play(1, 300, 365);
    assert!((60_000..160_000).contains(&all.len()), "{} events", all.len());
    let mut sold: BTreeMap<&str, usize> = BTreeMap::new();
    let pending = br#""status":"pending""#;
    for told in &all {
        if told.value.windows(pending.len()).any(|window| window == pending) {
            let text = std::str::from_utf8(&told.value).unwrap();
            let partner = text.split(r#""partner":""#).nth(1).unwrap().split('"').next().unwrap();
            *sold.entry(partner).or_default() += 1;
        }
    }
    let mut counts: Vec<usize> = sold.values().copied().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let (top, all): (usize, usize) = (counts.iter().take(60).sum(), counts.iter().sum());
    assert!(top * 100 > all * 70, "the largest fifth sells {top} of {all}");
    assert!(world.outage().is_some());
}

#[test]
fn dips_are_true_and_labelled() {
    let (world, all) = play(2, 300, 365);
    let dips = world.dips();
    assert!((25..100).contains(&dips.len()), "{} dips", dips.len());
    // The largest partners show in their numbers what the label says.
    let mut large: Vec<&Dip> = dips.iter().filter(|dip| dip.usual_per_week > 5.0 && dip.depth > 0.6).collect();
    large.sort_by(|a, b| b.usual_per_week.total_cmp(&a.usual_per_week));
    assert!(!large.is_empty());
    for dip in large.iter().take(3) {
        let days = |from: usize, to: usize| {
            let (from, to) = (world.midnight(from), world.midnight(to));
            let id = format!(r#"/1","kind":"conversion","program":"default","partner":"{}","#, dip.partner);
            let found = all.iter().filter(|told| (from..to).contains(&told.at));
            found.filter(|told| String::from_utf8_lossy(&told.value).contains(&id)).count()
        };
        let (before, during) = (days(dip.start - 21, dip.start), days(dip.start, (dip.start + 21).min(dip.end)));
        assert!(during < before, "{dip:?}: {before} before, {during} during");
    }
}
