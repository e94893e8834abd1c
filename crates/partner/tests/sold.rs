//! What sells in a whole programme, against counting it all by hand.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use rapport_event::{Extra, Line};
use rapport_partner::sold::{self, BEST_CATEGORIES, HOTTEST_PRODUCTS, KEPT, LISTS, NAMES_MAX};
use rapport_partner::{PartnerState, SoldSums};

fn line(sku: Option<&str>, category: Option<&str>, quantity: u32) -> Line {
    Line { sku: sku.map(Arc::from), category: category.map(Arc::from), quantity, amount: None, extra: Extra::NONE }
}

/// The part of a shard with these partners, as it comes back from where it is stored.
fn part(partners: &[&PartnerState], day: i32) -> SoldSums {
    let mut sums = SoldSums::default();
    partners.iter().for_each(|partner| sums.add(&partner.sold, day));
    sums.keep_most_sold();
    serde_json::from_slice(&serde_json::to_vec(&sums).unwrap()).unwrap()
}

fn lists(sums: &SoldSums) -> [Vec<Arc<str>>; 2] {
    let figures: BTreeMap<String, f64> = sums.figures().into_iter().collect();
    LISTS.map(|(list, _)| sold::listed(&figures, list))
}

#[derive(Debug, Clone)]
struct Order {
    partner: usize,
    day: i32,
    lines: Vec<(Option<usize>, Option<usize>, u32)>,
}

const FIRST: i32 = 20_000;

prop_compose! {
    fn order()(
        partner in 0usize..6,
        day in FIRST..FIRST + 4,
        lines in prop::collection::vec((prop::option::of(0usize..14), prop::option::of(0usize..7), 0u32..4), 0..4),
    ) -> Order {
        Order { partner, day, lines }
    }
}

proptest! {
    #[test]
    fn the_lists_are_those_of_all_order_lines_whatever_shard_tells_first(
        orders in prop::collection::vec(order(), 0..60),
        shards in 1usize..4,
        order_of_shards in Just((0usize..4).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut partners = vec![PartnerState::default(); 6];
        let mut expected: [BTreeMap<String, i64>; 2] = Default::default();
        for order in &orders {
            let named = order.lines.iter().map(|(sku, category, quantity)| {
                (sku.map(|sku| format!("P{sku}")), category.map(|category| format!("C{category}")), *quantity)
            });
            let mut lines = Vec::new();
            for (sku, category, quantity) in named {
                lines.push(line(sku.as_deref(), category.as_deref(), quantity));
                for (sums, name) in expected.iter_mut().zip([sku, category]) {
                    if let Some(name) = name.filter(|_| quantity > 0) {
                        *sums.entry(name).or_default() += i64::from(quantity);
                    }
                }
            }
            let partner = &mut partners[order.partner];
            partner.note_sold(order.day, &lines);
            // Stored and read again between any two.
            *partner = PartnerState::decode(&partner.encode_hot(), None).unwrap();
        }
        let mut all = SoldSums::default();
        for day in FIRST..FIRST + 4 {
            let mut of_day = SoldSums::default();
            for shard in order_of_shards.iter().filter(|shard| **shard < shards) {
                let own: Vec<&PartnerState> =
                    partners.iter().enumerate().filter(|(at, _)| at % shards == *shard).map(|(_, one)| one).collect();
                of_day.merge(&part(&own, day));
            }
            of_day.keep_most_sold();
            all.merge(&of_day);
        }
        let by_hand = |sums: &BTreeMap<String, i64>, most: usize| -> Vec<Arc<str>> {
            let mut names: Vec<(Reverse<i64>, &String)> = sums.iter().map(|(name, sum)| (Reverse(*sum), name)).collect();
            names.sort();
            names.into_iter().take(most).map(|(_, name)| Arc::from(name.as_str())).collect()
        };
        let [products, categories] = lists(&all);
        prop_assert_eq!(products, by_hand(&expected[0], 10));
        prop_assert_eq!(categories, by_hand(&expected[1], 5));
    }
}

#[test]
fn a_closed_day_is_forgotten_and_does_not_begin_anew() {
    let mut state = PartnerState::default();
    state.note_sold(FIRST, &[line(Some("Rope"), None, 2)]);
    state.note_sold(FIRST + 1, &[line(Some("Tent"), None, 1)]);
    assert!(state.sold.has_through(FIRST) && !state.sold.has_through(FIRST - 1));
    state.close_through(FIRST);
    state.note_sold(FIRST, &[line(Some("Rope"), None, 9)]);
    assert!(!state.sold.has_through(FIRST));
    assert_eq!(lists(&part(&[&state], FIRST)), [Vec::<Arc<str>>::new(), Vec::new()]);
    assert_eq!(lists(&part(&[&state], FIRST + 1)), [vec![Arc::from("Tent")], Vec::new()]);
}

#[test]
fn a_past_that_is_loaded_and_lines_without_names_do_not_make_the_state_grow() {
    let mut state = PartnerState::default();
    state.note_sold(FIRST, &[line(None, None, 3), line(Some("Rope"), None, 0)]);
    assert_eq!(state.encode_hot(), PartnerState::default().encode_hot());
    for day in 0..400 {
        state.note_sold(FIRST + day, &[line(Some("Rope"), Some("ropes"), 1)]);
    }
    assert!(!state.sold.has_through(FIRST + 391) && state.sold.has_through(FIRST + 392));
}

#[test]
fn of_too_many_names_the_most_sold_stay() {
    let mut state = PartnerState::default();
    for at in 0..3 * NAMES_MAX {
        let name = format!("rare-{at}");
        state.note_sold(FIRST, &[line(Some("Rope"), Some("ropes"), 2), line(Some(&name), Some(&name), 1)]);
    }
    let figures: BTreeMap<String, f64> = part(&[&state], FIRST).figures().into_iter().collect();
    for (list, name) in [(HOTTEST_PRODUCTS, "Rope"), (BEST_CATEGORIES, "ropes")] {
        assert_eq!(sold::listed(&figures, list).first().map(|first| &**first), Some(name));
        assert_eq!(figures[&format!("{list}.{name}")], 6.0 * NAMES_MAX as f64);
    }
    // Partners with other names each: a part holds the most sold, of equally sold ones the first by alphabet.
    let many: Vec<PartnerState> = (0..2 * KEPT)
        .map(|at| {
            let mut state = PartnerState::default();
            state.note_sold(FIRST, &[line(Some(&format!("P{at:03}")), None, if at == 399 { 2 } else { 1 })]);
            state
        })
        .collect();
    let whole = serde_json::to_value(part(&many.iter().collect::<Vec<_>>(), FIRST)).unwrap();
    let names: Vec<&String> = whole["products"].as_object().unwrap().keys().collect();
    assert_eq!((names.len(), names[0].as_str(), names[KEPT - 1].as_str()), (KEPT, "P000", "P399"));
    assert_eq!(names[KEPT - 2], "P198");
}

#[test]
fn names_are_names_whatever_stands_in_them() {
    let mut state = PartnerState::default();
    let names = ["a.b", "best_categories.x", "{{x}} \"quoted\"", "ø\u{202e}x"];
    for (at, name) in names.iter().enumerate() {
        state.note_sold(FIRST, &[line(Some(name), None, 9 - at as u32)]);
    }
    let [products, categories] = lists(&part(&[&state], FIRST));
    assert_eq!(products.iter().map(|name| &**name).collect::<Vec<_>>(), names);
    assert!(categories.is_empty());
    // Numbers beyond all measure stay numbers.
    let mut most = SoldSums::default();
    (0..2).for_each(|_| {
        most.merge(&serde_json::from_str(&format!(r#"{{"products":{{"Rope":{}}}}}"#, i64::MAX)).unwrap())
    });
    assert_eq!(most.figures(), [("hottest_products.Rope".to_owned(), i64::MAX as f64)]);
}
