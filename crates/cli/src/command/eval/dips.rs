//! `rapport eval dips`: closes day after day of a file of daily counts, as the engine closes its days.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use rapport_insight::dip::{Budget, DayPart, Detector, ProgramState, Standing, program};

use super::table::{self, Table};
use crate::exit::{self, Failure};
use crate::printed;

/// Day 0 of a file is a Monday; this is the day number of one.
const MONDAY: i32 = 4;
/// Days a file may span.
const DAYS_MAX: usize = 10_000;

struct Partner {
    id: String,
    joined: i32,
    detector: Detector,
}

#[derive(Default)]
struct Program {
    state: ProgramState,
    /// By id, so that alarms come in an order of their own.
    members: Vec<usize>,
}

/// One day's counts: partner, conversions, revenue in cents.
type Day = Vec<(usize, u32, i64)>;

/// Judges every partner on every day and writes the days above the budget's threshold.
pub fn run(events: &Path, partners: &Path, budget: f64, out: &Path) -> Result<u8, Failure> {
    let budget = Budget::per_partner_year(budget).map_err(|error| Failure::input(error.to_string()))?;
    let (mut people, mut programs) = read_partners(&Table::read(partners, &["partner_id", "program_id", "join_day"])?)?;
    let index: HashMap<&str, usize> = people.iter().enumerate().map(|(at, one)| (one.id.as_str(), at)).collect();
    let days = read_days(&Table::read(events, &["partner_id", "day", "conversions", "revenue"])?, &index)?;
    let alarms = judge(&mut people, &mut programs, &days, budget);
    table::write(out, "scope,id,day,score,since_day,expected,observed,chance", &alarms)?;
    let (people, days, alarms) = (people.len() as i64, days.len() as i64, alarms.len() as i64);
    printed::line(format!(
        "{}, {}: {} above the threshold",
        printed::count(people, "partner"),
        printed::count(days, "day"),
        printed::count(alarms, "verdict")
    ));
    Ok(exit::OK)
}

fn read_partners(table: &Table) -> Result<(Vec<Partner>, BTreeMap<String, Program>), Failure> {
    let mut people = Vec::new();
    let mut programs: BTreeMap<String, Program> = BTreeMap::new();
    let mut known = HashSet::new();
    for line in table.lines() {
        let line = line?;
        // Rows of events name a partner alone: nobody could say whose they are.
        if !known.insert(line.text(0)) {
            return Err(line.wrong(0, "partner named for the first time"));
        }
        programs.entry(line.text(1).to_owned()).or_default().members.push(people.len());
        let joined = line.value(2, "day")?;
        people.push(Partner { id: line.text(0).to_owned(), joined, detector: Detector::default() });
    }
    Ok((people, programs))
}

fn read_days(table: &Table, index: &HashMap<&str, usize>) -> Result<Vec<Day>, Failure> {
    let mut days: Vec<Day> = Vec::new();
    for line in table.lines() {
        let line = line?;
        let partner = *index.get(line.text(0)).ok_or_else(|| line.wrong(0, "partner of the partners' file"))?;
        let day: usize = line.value(1, "day")?;
        if day >= DAYS_MAX {
            return Err(line.wrong(1, "day below 10,000"));
        }
        let (conversions, revenue) = (line.count(2)?, line.amount(3, "amount")?);
        if days.len() <= day {
            days.resize_with(day + 1, Vec::new);
        }
        if let Some(day) = days.get_mut(day) {
            // Casts saturate.
            day.push((partner, conversions, (revenue * 100.0) as i64));
        }
    }
    Ok(days)
}

fn judge(
    people: &mut [Partner],
    programs: &mut BTreeMap<String, Program>,
    days: &[Day],
    budget: Budget,
) -> Vec<String> {
    let mut alarms = Vec::new();
    for (day, rows) in (0..).zip(days) {
        let number = day + MONDAY;
        let mut counts = vec![(0_u32, 0_i64); people.len()];
        for (partner, conversions, revenue) in rows {
            if let Some(count) = counts.get_mut(*partner) {
                *count = (count.0.saturating_add(*conversions), count.1.saturating_add(*revenue));
            }
        }
        for (id, program) in programs.iter_mut() {
            let here = |at: &&usize| people.get(**at).is_some_and(|one| one.joined <= day);
            let members: Vec<usize> = program.members.iter().filter(here).copied().collect();
            let part = |at: &usize| {
                let (conversions, revenue) = *counts.get(*at)?;
                people.get(*at)?.detector.part(number, conversions, revenue)
            };
            let parts: Vec<DayPart> = members.iter().filter_map(part).collect();
            let (close, next) = program::close(number, &parts, &[], &program.state);
            program.state = next;
            if close.outage {
                alarms.push(format!("program,{id},{day},{:.4},{day},,,", -close.log_deviation));
            }
            for at in members {
                let (Some(partner), Some((conversions, _))) = (people.get_mut(at), counts.get(at)) else { continue };
                let verdict = partner.detector.close(*conversions, &close, budget);
                if verdict.standing != Standing::Judged || verdict.score < budget.threshold() {
                    continue;
                }
                let Some(window) = verdict.window else { continue };
                alarms.push(format!(
                    "partner,{},{day},{:.4},{},{:.2},{},{:.3e}",
                    partner.id,
                    verdict.score,
                    window.since - MONDAY,
                    window.expected,
                    window.observed,
                    window.chance
                ));
            }
        }
    }
    alarms
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thirty steady partners, one of whom falls on day 80, as files; the alarms up to `last`.
    fn alarms(last: usize, shuffled: bool) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let (events, partners, out) = (folder.path().join("e"), folder.path().join("p"), folder.path().join("o"));
        let mut rows = Vec::new();
        for day in 0..=last {
            for partner in 0..30 {
                let y = if partner == 7 && day >= 80 { 0 } else { 4 + (partner * 7 + day * 5) % 4 };
                if y > 0 {
                    rows.push(format!("{partner},{day},{y},{}.50\n", y * 20));
                }
            }
        }
        if shuffled {
            rows.reverse();
        }
        std::fs::write(&events, format!("partner_id,day,conversions,revenue\n{}", rows.concat())).unwrap();
        let people: String = (0..30).map(|partner| format!("{partner},0,0\n")).collect();
        std::fs::write(&partners, format!("partner_id,program_id,join_day\n{people}")).unwrap();
        run(&events, &partners, 0.5, &out).unwrap();
        std::fs::read_to_string(out).unwrap().lines().skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn the_fall_is_found_with_its_evidence_and_a_cut_file_gives_the_same_so_far() {
        let whole = alarms(100, false);
        assert!(whole.iter().all(|line| line.starts_with("partner,7,")), "{whole:?}");
        let day = |line: &String| line.split(',').nth(2).unwrap().parse::<usize>().unwrap();
        assert!((80..83).contains(&day(&whole[0])), "{whole:?}");
        assert_eq!(whole[0].split(',').nth(4), Some("80"), "since the first day of it");
        assert_eq!(whole[0].split(',').count(), 8);
        let so_far: Vec<String> = whole.into_iter().filter(|line| day(line) <= 84).collect();
        assert_eq!(so_far, alarms(84, false));
    }

    #[test]
    fn the_order_of_rows_is_of_no_account() {
        assert_eq!(alarms(90, false), alarms(90, true));
    }

    #[test]
    fn what_is_no_number_is_named_by_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let (events, partners) = (folder.path().join("e"), folder.path().join("p"));
        std::fs::write(&partners, "partner_id,program_id,join_day\n1,a,0\n").unwrap();
        for (row, problem) in [
            ("1,0,NaN,1", "NaN"),
            ("1,0,-3,1", "-3"),
            ("1,0,3.7,1", "3.7"),
            ("1,x,1,1", "x"),
            ("2,0,1,1", "2"),
            ("1,99999999,1,1", "99999999"),
        ] {
            std::fs::write(&events, format!("partner_id,day,conversions,revenue\n{row}\n")).unwrap();
            let failure = run(&events, &partners, 0.5, &folder.path().join("o")).unwrap_err();
            assert!(failure.message.contains(&format!(":2: `{problem}`")), "{}", failure.message);
        }
        std::fs::write(&events, "partner_id,day,conversions,revenue\n").unwrap();
        assert_eq!(run(&events, &partners, 0.5, &folder.path().join("o")).unwrap(), exit::OK);
        assert!(run(&events, &partners, f64::NAN, &folder.path().join("o")).is_err());
        std::fs::write(&partners, "partner_id,program_id,join_day\n1,a,0\n1,b,0\n").unwrap();
        let failure = run(&events, &partners, 0.5, &folder.path().join("o")).unwrap_err();
        assert!(failure.message.contains(":3: `1`"), "{}", failure.message);
    }
}
