//! Whole histories through both passes: what authors of workflows rely on.

use proptest::prelude::*;

use super::*;

/// Closes `series` for a partner among steady ones; what changed, on which day (day 1 is the first, a Monday).
fn play(series: &[u32], budget: f64, steady: usize) -> Vec<(usize, Dip)> {
    let budget = Budget::per_partner_year(budget).unwrap();
    let mut others = vec![Detector::default(); steady];
    let mut watched = Detector::default();
    let mut state = ProgramState::default();
    let mut changes = Vec::new();
    // A fixed linear congruence: the background is noisy, and the same in every run.
    let mut noise = 1_u64;
    for (index, y) in series.iter().enumerate() {
        let day = 4 + index as i32;
        let counts: Vec<u32> = (0..steady)
            .map(|partner| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (partner % 7) as u32 + ((noise >> 40) % 5) as u32
            })
            .collect();
        let parts: Vec<DayPart> = others
            .iter()
            .zip(&counts)
            .chain([(&watched, y)])
            .filter_map(|(detector, y)| detector.part(day, *y, 4000 * i64::from(*y)))
            .collect();
        let (close, next) = program::close(day, &parts, &[], &state);
        state = ProgramState::decode(&next.encode()).unwrap();
        others.iter_mut().zip(&counts).for_each(|(detector, y)| {
            detector.close(*y, &close, budget);
        });
        // The watched partner lives through a restart every day.
        watched = Detector::decode(&watched.encode()).unwrap();
        let verdict = watched.close(*y, &close, budget);
        if !matches!(verdict.dip, Dip::None | Dip::Lasts(_)) {
            changes.push((index + 1, verdict.dip));
        }
        assert!(watched.encode().len() <= 256);
    }
    changes
}

fn days(parts: &[(u32, usize)]) -> Vec<u32> {
    parts.iter().flat_map(|(y, n)| std::iter::repeat_n(*y, *n)).collect()
}

#[test]
fn a_real_dip_is_found_within_days_and_recovers_once() {
    for steady in [200, 0] {
        let changes = play(&days(&[(5, 70), (1, 5), (6, 25)]), 0.1, steady);
        let [(began, Dip::Began(evidence)), (ended, Dip::Recovered(_))] = changes[..] else { panic!("{changes:?}") };
        assert!((71..=75).contains(&began), "{began}");
        assert_eq!(ended, 77);
        assert!(evidence.drop_percent >= 40 && evidence.chance < 0.05, "{evidence:?}");
        assert_eq!(evidence.since, 4 + 70, "since the first day of it");
    }
}

#[test]
fn weekends_off_are_not_a_dip() {
    let week = days(&[(5, 5), (0, 2)]);
    for budget in [0.1, 0.5] {
        assert_eq!(play(&week.repeat(16), budget, 200), []);
    }
}

#[test]
fn a_partner_who_stops_is_found_once_and_does_not_recover() {
    let changes = play(&days(&[(5, 70), (0, 40)]), 0.1, 200);
    let [(began, Dip::Began(evidence))] = changes[..] else { panic!("{changes:?}") };
    assert!((71..=74).contains(&began));
    assert_eq!((evidence.observed, evidence.drop_percent), (0, 100));
}

#[test]
fn the_same_fall_before_day_60_is_too_young() {
    assert_eq!(play(&days(&[(5, 40), (1, 5), (6, 14)]), 0.1, 200), []);
}

#[test]
fn less_than_one_conversion_a_week_is_not_judged() {
    let rare: Vec<u32> = (0..200).map(|day| u32::from(day % 10 == 0 && day < 120)).collect();
    assert_eq!(play(&rare, 2.0, 50), []);
}

#[test]
fn an_outage_of_the_programme_is_nobodys_dip() {
    let mut detectors = vec![Detector::default(); 50];
    let mut state = ProgramState::default();
    for day in 0..120 {
        let y = if (80..83).contains(&day) { 0 } else { 5 };
        let parts: Vec<DayPart> = detectors.iter().filter_map(|d| d.part(day, y, 0)).collect();
        let (close, next) = program::close(day, &parts, &[], &state);
        state = next;
        assert_eq!(close.outage, (80..83).contains(&day), "day {day}");
        for detector in &mut detectors {
            let verdict = detector.close(y, &close, Budget::default());
            assert_eq!(verdict.dip, Dip::None);
            assert_eq!(verdict.standing == Standing::Outage, close.outage);
        }
    }
    assert_eq!(detectors[0].exposure_days(), 117);
}

#[test]
fn a_day_closed_again_changes_nothing() {
    let close = |day| DayClose { day, ..program::close(day, &[], &[], &ProgramState::default()).0 };
    let mut detector = Detector::default();
    for day in 0..80 {
        detector.close(5, &close(day), Budget::default());
    }
    let before = detector.clone();
    assert_eq!(detector.close(0, &close(79), Budget::default()).standing, Standing::Closed);
    assert_eq!(detector, before);
}

#[test]
fn zeros_alone_and_counts_of_any_size_that_stay_are_no_dip() {
    for count in [0, 1_000, 40_000, 99_999, 1_000_000, 8_388_352, u32::MAX] {
        for steady in [0, 40] {
            assert_eq!(play(&days(&[(count, 200)]), 0.5, steady), [], "{count} a day among {steady}");
        }
    }
}

#[test]
fn a_fall_from_an_enormous_count_is_found_and_told_in_numbers() {
    let changes = play(&days(&[(u32::MAX, 100), (10, 8)]), 0.5, 40);
    let [(day, Dip::Began(evidence))] = changes[..] else { panic!("{changes:?}") };
    assert!((101..=106).contains(&day) && evidence.observed == 10 * (day as u32 - 100), "{changes:?}");
    let usual = evidence.expected / (day - 100) as f64;
    assert!((usual / f64::from(COUNT_MAX) - 1.0).abs() < 0.2 && evidence.drop_percent >= 99, "{evidence:?}");
}

#[test]
fn a_newcomer_far_above_the_others_is_no_erratic_partner() {
    // Twenty times and more what the others bring, steadily from the first day on; the fall comes as soon as a partner is judged.
    for (usual, low) in [(20, 3), (100, 10), (100, 40), (1000, 300)] {
        for steady in [40, 200] {
            let changes = play(&days(&[(usual, 70), (low, 20), (usual, 10)]), 0.1, steady);
            let [(began, Dip::Began(evidence)), (ended, Dip::Recovered(_))] = changes[..] else {
                panic!("{usual} to {low} among {steady}: {changes:?}")
            };
            assert!((71..=75).contains(&began) && (91..=93).contains(&ended), "{usual} to {low}: {changes:?}");
            assert!(evidence.chance < 0.02, "{evidence:?}");
        }
    }
}

#[test]
fn one_partner_alone_is_judged_by_its_own_past() {
    let changes = play(&days(&[(20, 100), (3, 10), (20, 10)]), 0.5, 0);
    assert!(matches!(changes[..], [(101..=105, Dip::Began(_)), (_, Dip::Recovered(_))]), "{changes:?}");
}

fn any_close() -> impl Strategy<Value = DayClose> {
    (any::<i32>(), any::<f64>(), any::<f64>(), any::<bool>(), any::<f32>(), any::<f32>()).prop_map(
        |(day, factor, log_deviation, outage, shape, exposure)| DayClose {
            day,
            factor,
            log_deviation,
            outage,
            partners: 3,
            prior: Prior { shape, exposure },
            top_share: Vec::new(),
            order_factors: None,
            tier_limits: None,
        },
    )
}

proptest! {
    #[test]
    fn no_bytes_and_no_numbers_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 200..260),
        closes in prop::collection::vec((any_close(), any::<u32>()), 1..5),
    ) {
        let mut valid = Detector::default().encode();
        valid.iter_mut().zip(&bytes).skip(1).for_each(|(slot, byte)| *slot = *byte);
        for bytes in [&bytes, &valid] {
            let Ok(mut detector) = Detector::decode(bytes) else { continue };
            for (close, y) in &closes {
                let _ = detector.part(close.day, *y, 1);
                let verdict = detector.close(*y, close, Budget::default());
                prop_assert!(verdict.score >= 0.0);
            }
        }
    }

    #[test]
    fn states_of_any_history_survive_storage(
        days in prop::collection::vec((prop_oneof![0_u32..20, any::<u32>()], 1_i32..4, 0.01_f64..20.0), 0..120),
    ) {
        let mut detector = Detector::default();
        let mut day = 0;
        for (y, step, factor) in days {
            day += step;
            let close = DayClose {
                day, factor, log_deviation: 0.0, outage: false, partners: 20, prior: Prior::default(), top_share: Vec::new(),
                order_factors: None,
                tier_limits: None,
            };
            let verdict = detector.close(y, &close, Budget::default());
            prop_assert!(verdict.score.is_finite());
            if let Some(window) = verdict.window {
                prop_assert!((0.0..=1.0).contains(&window.chance) && window.expected.is_finite());
            }
            let bytes = detector.encode();
            prop_assert!(bytes.len() <= 256);
            prop_assert_eq!(&Detector::decode(&bytes).unwrap(), &detector);
        }
    }

    #[test]
    fn a_run_cut_after_a_day_gives_the_same_until_then(y in prop::collection::vec(0_u32..12, 70..110), cut in 60_usize..70) {
        let whole: Vec<_> = play(&y, 2.0, 0).into_iter().filter(|(day, _)| *day <= cut).collect();
        prop_assert_eq!(whole, play(&y[..cut], 2.0, 0));
    }
}
