//! What holds for all histories of a partner.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rapport_event::{ConversionStatus, CustomKinds, Event, Headers, Kind, Limits, decode_with};
use rapport_partner::encoding::EncodingError;
use rapport_partner::{
    Cell, Cells, ConversionState, Figure, FigureContext, FoldContext, Folded, LastingSignal, MailId, Measure,
    PartnerState, Told, fold,
};
use rapport_rule::money::Currency;

fn zone() -> TimeZone {
    TimeZone::get("Europe/Oslo").unwrap()
}

fn event(text: &str) -> Event {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    decode_with(&Limits::replay(), text.as_bytes(), &Headers::NONE, &CustomKinds::none(), now).unwrap().event
}

/// Days with sales that were not taken back, cell by cell.
fn by_cells(state: &PartnerState) -> Vec<(i32, i64)> {
    let mut days = std::collections::BTreeMap::new();
    for cell in state.days.iter().chain(state.open.iter()).filter(|cell| cell.of == Measure::Conversions) {
        *days.entry(cell.day).or_insert(0) += cell.value;
    }
    days.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// One telling of a conversion.
#[derive(Debug, Clone)]
struct Telling {
    conversion: usize,
    status: &'static str,
    revision: Option<u64>,
    updated: i64,
    sold_day: i64,
    amount: i64,
    currency: &'static str,
    product: &'static str,
    customer: Option<&'static str>,
}

impl Telling {
    fn event(&self) -> Event {
        let at = |hours: i64| Timestamp::from_second(1_700_000_000 + hours * 3600).unwrap();
        let revision = self.revision.map_or(String::new(), |revision| format!(r#""revision":{revision},"#));
        let customer = self.customer.map_or(String::new(), |customer| format!(r#""customer":"{customer}","#));
        event(&format!(
            r#"{{"id":"e","kind":"conversion","program":"acme","partner":"ada","occurred_at":"{}","data":{{{revision}{customer}
                "conversion_id":"c{}","status":"{}","amount":{},"commission":{},"currency":"{}","occurred_at":"{}",
                "lines":[{{"sku":"{}","category":"k","amount":5}}]}}}}"#,
            at(self.updated),
            self.conversion,
            self.status,
            self.amount,
            self.amount / 10,
            self.currency,
            at(self.sold_day * 24),
            self.product,
        ))
    }
}

prop_compose! {
    fn telling()(
        conversion in 0usize..4,
        status in prop::sample::select(vec!["pending", "approved", "paid", "reversed"]),
        revision in prop::option::of(0u64..4),
        updated in 0i64..50,
        sold_day in 0i64..5,
        amount in 0i64..10_000,
        currency in prop::sample::select(vec!["EUR", "EUR", "EUR", "USD"]),
        product in prop::sample::select(vec!["X1", "X2", "X3"]),
        customer in prop::option::of(prop::sample::select(vec!["new", "returning"])),
    ) -> Telling {
        Telling { conversion, status, revision, updated, sold_day, amount, currency, product, customer }
    }
}

fn history() -> impl Strategy<Value = Vec<Telling>> {
    prop::collection::vec(telling(), 1..14)
}

/// A partner being told of up to four conversions.
#[derive(Default)]
struct World {
    state: PartnerState,
    conversions: [Option<ConversionState>; 4],
    told: [Vec<Kind>; 4],
}

impl World {
    fn play(tellings: &[Telling]) -> World {
        let mut world = World::default();
        tellings.iter().for_each(|telling| world.tell(telling));
        world
    }

    fn tell(&mut self, telling: &Telling) {
        let zone = zone();
        let context = FoldContext { zone: &zone, currency: Currency::EUR, rates: rapport_partner::Rates::none() };
        let known = self.conversions[telling.conversion].as_ref();
        match fold(&mut self.state, known, &telling.event(), &context) {
            Folded::Conversion(merged) => {
                self.told[telling.conversion].extend(merged.became.iter());
                self.conversions[telling.conversion] = Some(merged.state);
            }
            other => panic!("a conversion folded as {other:?}"),
        }
    }

    /// What was told to workflows depends on the order of arrival, the rest must not.
    fn without_told(&self) -> Vec<Option<ConversionState>> {
        let plain = |known: &ConversionState| ConversionState { told: Told::default(), ..known.clone() };
        self.conversions.iter().map(|known| known.as_ref().map(plain)).collect()
    }
}

proptest! {
    #[test]
    fn the_order_and_number_of_tellings_do_not_matter(
        (ordered, shuffled) in history().prop_flat_map(|ordered| {
            let twice: Vec<_> = ordered.iter().chain(&ordered).cloned().collect();
            (Just(ordered), Just(twice).prop_shuffle())
        })
    ) {
        let (one, two) = (World::play(&ordered), World::play(&shuffled));
        prop_assert_eq!(one.state.encode_hot(), two.state.encode_hot());
        prop_assert_eq!(one.without_told(), two.without_told());
    }

    #[test]
    fn metrics_are_those_of_the_final_conversions(tellings in history()) {
        let world = World::play(&tellings);
        let of = |wanted: &dyn Fn(&ConversionState) -> i64| world.conversions.iter().flatten().map(wanted).sum::<i64>();
        let recorded = |known: &ConversionState| i64::from(known.status != ConversionStatus::Reversed);
        let totals = &world.state.totals;
        prop_assert_eq!(totals.get(Measure::Conversions), of(&recorded));
        prop_assert_eq!(totals.get(Measure::Revenue), of(&|known| recorded(known) * known.amount));
        prop_assert_eq!(totals.get(Measure::ApprovedConversions), of(&|known| i64::from(known.status.is_approved())));
        prop_assert_eq!(totals.get(Measure::ReversedConversions), of(&|known| 1 - recorded(known)));
        for measure in Measure::ALL {
            prop_assert_eq!(world.state.sum(*measure, i32::MIN, i32::MAX), totals.get(*measure), "{:?}", measure);
        }
    }

    #[test]
    fn each_kind_comes_at_most_once_and_recorded_never_after_a_reversal(tellings in history()) {
        let world = World::play(&tellings);
        for (conversion, kinds) in world.told.iter().enumerate() {
            for kind in [Kind::ConversionRecorded, Kind::ConversionApproved, Kind::ConversionReversed, Kind::ConversionPaid] {
                prop_assert!(kinds.iter().filter(|told| **told == kind).count() <= 1, "{kinds:?}");
            }
            let first = tellings.iter().find(|telling| telling.conversion == conversion);
            let expected = first.is_some_and(|telling| telling.status != "reversed");
            prop_assert_eq!(kinds.contains(&Kind::ConversionRecorded), expected);
        }
    }

    #[test]
    fn closing_days_moves_buckets_without_changing_a_sum(tellings in history(), through in 19_670i32..19_690) {
        let state = World::play(&tellings).state;
        let mut closed = state.clone();
        closed.close_through(through);
        let again = closed.clone();
        prop_assert!(!closed.close_through(through), "closing again changes nothing");
        prop_assert_eq!(&closed, &again);
        for measure in Measure::ALL {
            for day in 19_670..19_690 {
                prop_assert_eq!(state.sum(*measure, day, day), closed.sum(*measure, day, day));
            }
        }
        prop_assert!(closed.open.iter().all(|cell| cell.day > through));
        prop_assert_eq!(state.sale_days(), closed.sale_days());
        prop_assert_eq!(state.last_sale_day(), closed.last_sale_day());
        prop_assert_eq!(state.last_sale_day(), state.sale_days().last().map(|(day, _)| *day));
    }

    #[test]
    fn late_changes_of_closed_days_count_at_once_and_merge_later(tellings in history(), split in 0usize..14) {
        let mut whole = World::play(&tellings);
        let mut world = World::default();
        for (index, telling) in tellings.iter().enumerate() {
            if index == split {
                world.state.close_through(19_700);
            }
            world.tell(telling);
        }
        prop_assert_eq!(world.state.sale_days(), whole.state.sale_days());
        prop_assert_eq!(world.state.last_sale_day(), whole.state.last_sale_day());
        prop_assert_eq!(by_cells(&world.state), world.state.sale_days());
        prop_assert_eq!(world.state.first_sale_day(), by_cells(&world.state).first().map(|(day, _)| *day));
        let days = by_cells(&world.state);
        let mut gaps: Vec<i32> = days.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        gaps.sort_unstable();
        let middle = |at: usize| f64::from(gaps[at]);
        let usual = (!gaps.is_empty()).then(|| (middle(gaps.len() / 2) + middle((gaps.len() - 1) / 2)) / 2.0);
        prop_assert_eq!(world.state.usual_gap(), usual.map(|gap| (gap, gaps.len())));
        let by_day = |state: &PartnerState, from| state.by_day_since(from, Measure::Conversions, Measure::Revenue);
        for (most, from) in (0..8).zip(19_668..) {
            let mut latest = world.state.sale_days();
            latest.drain(..latest.len().saturating_sub(most));
            prop_assert_eq!(world.state.latest_sale_days(most), latest);
            let mut days = by_day(&world.state, i32::MIN);
            days.retain(|one| one.day >= from);
            prop_assert_eq!(by_day(&world.state, from), days);
        }
        world.state.close_through(19_700);
        whole.state.close_through(19_700);
        prop_assert_eq!(world.state.encode_days(), whole.state.encode_days());
    }

    #[test]
    fn both_parts_survive_storing(state in state()) {
        let (hot, days) = (state.encode_hot(), state.encode_days());
        let again = PartnerState::decode(&hot, Some(&days)).unwrap();
        prop_assert_eq!(&again, &state);
        prop_assert_eq!((again.encode_hot(), again.encode_days()), (hot, days));
    }

    #[test]
    fn a_flipped_bit_is_found(state in state(), place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut hot = state.encode_hot();
        let at = place.index(hot.len());
        hot[at] ^= 1 << bit;
        prop_assert_eq!(PartnerState::decode(&hot, None), Err(EncodingError::Corrupt));
        let mut days = state.encode_days();
        let at = place.index(days.len());
        days[at] ^= 1 << bit;
        prop_assert_eq!(PartnerState::decode(&state.encode_hot(), Some(&days)), Err(EncodingError::Corrupt));
    }

    #[test]
    fn fields_of_a_newer_version_are_kept(state in state(), tag in 1000u64..2000, content in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut newer = state;
        newer.unknown.keep(tag, &content);
        newer.unknown_days.keep(tag, &content);
        let read = PartnerState::decode(&newer.encode_hot(), Some(&newer.encode_days())).unwrap();
        prop_assert_eq!(&read, &newer);
        prop_assert_eq!((read.encode_hot(), read.encode_days()), (newer.encode_hot(), newer.encode_days()));
    }

    #[test]
    fn any_stored_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200), format in 0u8..3) {
        // With a right checksum, so that the fields are looked at.
        let mut sealed = vec![format];
        sealed.extend(&bytes);
        sealed.extend(crc32c::crc32c(&sealed).to_le_bytes());
        let read = PartnerState::decode(&sealed, Some(&sealed));
        prop_assert!(format == 1 || read == Err(EncodingError::UnknownFormat(format)));
        let _ = ConversionState::decode(&sealed);
        let _ = PartnerState::decode(&bytes, None);
    }

    #[test]
    fn conversions_survive_storing(tellings in history()) {
        for conversion in World::play(&tellings).conversions.into_iter().flatten() {
            prop_assert_eq!(ConversionState::decode(&conversion.encode()), Ok(conversion));
        }
    }

    #[test]
    fn any_name_is_a_figure_or_an_error_that_says_what_is_one(name in "[a-z_0-9]{0,30}") {
        match Figure::parse(&name) {
            Ok(figure) => prop_assert_eq!(figure.to_string(), name),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_figure_of_any_state_is_answered(state in state(), name in prop::sample::select(Figure::examples()), today in any::<i32>()) {
        let zone = zone();
        let context = FigureContext { today, zone: &zone, currency: Currency::EUR, program_began_at: None, program: None, start: None, foresee: None };
        let _ = state.figure(&Figure::parse(&name).unwrap(), &context);
    }

    #[test]
    fn merging_cells_is_adding_them(one in cells(), two in cells()) {
        let mut merged = Cells::collect(one.clone());
        merged.merge(Cells::collect(two.clone()));
        prop_assert_eq!(merged, Cells::collect(one.into_iter().chain(two)));
    }
}

fn cells() -> impl Strategy<Value = Vec<Cell>> {
    let cell = (19_600i32..19_640, prop::sample::select(Measure::ALL), -3i64..4).prop_map(|(day, of, value)| Cell {
        day,
        of,
        value,
    });
    prop::collection::vec(cell, 0..60)
}

const OTHERS: &[(&str, &str)] = &[
    ("partner.joined", r#"{"type":"coupon","tags":["b","a"],"country":"NO","zone":"Europe/Oslo","audience":12}"#),
    (
        "partner.approved",
        r#"{"opening":{"conversions":3,"revenue":500,"as_of":"2020-01-01T00:00:00Z"},"consent":{"source":"form"}}"#,
    ),
    (
        "partner.updated",
        r#"{"referred_by":"ben","objects_to_profiling":true,"language":"de","manager":"ines","contract_ends":"2030-02-28"}"#,
    ),
    ("survey.answered", r#"{"survey":"nps","score":8.5}"#),
    ("survey.answered", r#"{"survey":"what-happened","reason":"holiday"}"#),
    ("payout.due", r#"{"payout":"p1","due_on":"2023-11-20"}"#),
    ("payout.failed", r#"{"payout":"p2"}"#),
    ("link.clicked", r#"{"count":7}"#),
    ("mail.received", "{}"),
];

prop_compose! {
    fn state()(
        tellings in history(),
        late in cells(),
        texts in prop::collection::vec(".{1,12}", 6),
        detector in prop::collection::vec(any::<u8>(), 0..60),
        health in prop::option::of(0u16..=10_000),
        nanos in 0i64..1_000_000_000_000,
        through in prop::option::of(19_670i32..19_690),
    ) -> PartnerState {
        let mut state = World::play(&tellings).state;
        let zone = zone();
        let context = FoldContext { zone: &zone, currency: Currency::EUR, rates: rapport_partner::Rates::none() };
        let at = Timestamp::from_nanosecond(1_700_000_000_000_000_000 + i128::from(nanos)).unwrap();
        for (kind, data) in OTHERS {
            let text =
                format!(r#"{{"id":"x","kind":"{kind}","program":"acme","partner":"ada","occurred_at":"{at}","data":{data}}}"#);
            fold(&mut state, None, &event(&text), &context);
        }
        for cell in late {
            state.open.add(cell.day, cell.of, cell.value);
            state.open_mails.add(cell.day, MailId::of("re-engagement", &format!("mail-{}", cell.of as u8)), cell.value);
        }
        if let Some(through) = through {
            state.close_through(through);
        }
        state.detector = detector;
        state.health = health;
        state.group = Some(texts[0].as_str().into());
        state.band = Some(texts[1].as_str().into());
        state.person_version = Some(nanos);
        state.set_mark(&texts[2], texts[3].clone().into_bytes());
        state.raise(LastingSignal {
            kind: "dip.conversions".into(),
            id: texts[4].as_str().into(),
            since: at,
            payload: texts[5].as_str().into(),
        });
        state
    }
}
