//! Times the two passes of a day close over a million partners on one core, and prints the table.
#![allow(clippy::disallowed_methods, reason = "an example takes the time")]

use std::time::Instant;

use rapport_insight::dip::{Budget, DayPart, Detector, ProgramState, program};

fn main() {
    let partners: u32 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let budget = Budget::default();
    let mut detectors = vec![Detector::default(); partners as usize];
    let mut state = ProgramState::default();
    println!(
        "{partners} partners, {} bytes each in memory, {} stored",
        size_of::<Detector>(),
        detectors.first().map_or(0, |d| d.encode().len())
    );
    for day in 0..75_i32 {
        let count = |partner: u32| {
            let noise = partner.wrapping_mul(2_654_435_761).wrapping_add((day as u32).wrapping_mul(40_503)) >> 13;
            (partner % 7) + noise % 4
        };
        let start = Instant::now();
        let parts: Vec<DayPart> =
            (0..partners).zip(&detectors).filter_map(|(p, d)| d.part(day, count(p), i64::from(p))).collect();
        let first = start.elapsed();
        let (close, next) = program::close(day, &parts, &[], &state);
        state = next;
        let programme = start.elapsed() - first;
        let mut above = 0;
        for (partner, detector) in (0..partners).zip(&mut detectors) {
            above += u32::from(detector.close(count(partner), &close, budget).score >= budget.threshold());
        }
        let all = start.elapsed();
        if day >= 70 {
            let second = all - first - programme;
            println!(
                "day {day}: pass 1 {first:?}, programme {programme:?}, pass 2 {second:?}, all {all:?}; {above} above"
            );
        }
    }
}
