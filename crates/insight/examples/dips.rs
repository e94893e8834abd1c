//! Runs the dip detector over a file of daily counts and writes its alarms, for scoring against labels.
//!
//! `dips EVENTS.csv PARTNERS.csv OUT.csv [BUDGET | all | chances]`; columns `partner_id,day,conversions,revenue` and
//! `partner_id,program_id,join_day`, day 0 a Monday. `all` writes every positive score, to calibrate thresholds from; `chances`
//! writes for each partner the days judged and on how many of these the last seven days had a chance below .001.
#![allow(clippy::disallowed_methods, reason = "an example reads files and takes the time")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};

use rapport_insight::dip::{Budget, DayPart, Detector, ProgramState, Standing, program};

/// A Monday as day number, so that day 0 of the file is one.
const MONDAY: i32 = 4;

fn rows(path: &str) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
    let mut out = Vec::new();
    for line in BufReader::new(File::open(path)?).lines().skip(1) {
        let line = line?;
        let row: Result<Vec<f64>, _> = line.split(',').map(str::parse).collect();
        out.push(row.map_err(|error| format!("{path}: {error} in {line:?}"))?);
    }
    Ok(out)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [events, partners, out, rest @ ..] = &args[..] else {
        return Err("usage: dips EVENTS.csv PARTNERS.csv OUT.csv [BUDGET | all]".into());
    };
    let word = rest.first().map_or("0.5", String::as_str);
    let chances = word == "chances";
    let (all, budget) = match word {
        "chances" => (false, Budget::per_partner_year(0.5)?),
        "all" => (true, Budget::per_partner_year(0.5)?),
        budget => (false, Budget::per_partner_year(budget.parse()?)?),
    };
    let partners: Vec<(u32, i32)> = rows(partners)?.iter().map(|row| (row[1] as u32, row[2] as i32)).collect();
    let events = rows(events)?;
    let days = events.iter().map(|row| row[1] as usize + 1).max().unwrap_or(0);
    let mut counts = vec![vec![0_u32; partners.len()]; days];
    for row in &events {
        counts[row[1] as usize][row[0] as usize] = row[2] as u32;
    }
    let mut detectors = vec![Detector::default(); partners.len()];
    let mut programs: BTreeMap<u32, ProgramState> = partners.iter().map(|p| (p.0, ProgramState::default())).collect();
    let mut file = BufWriter::new(File::create(out)?);
    let head = if chances { "id,days,below" } else { "scope,id,day,score,since_day,expected,observed,chance" };
    writeln!(file, "{head}")?;
    let mut seen = vec![(0_u32, 0_u32); partners.len()];
    let started = std::time::Instant::now();
    for (day, counts) in (0..).zip(&counts) {
        let now = day + MONDAY;
        for (id, state) in &mut programs {
            let members = || (0..partners.len()).filter(|i| partners[*i].0 == *id && partners[*i].1 <= day);
            let parts: Vec<DayPart> = members().filter_map(|i| detectors[i].part(now, counts[i], 0)).collect();
            let (close, next) = program::close(now, &parts, &[], state);
            *state = next;
            if close.outage && !chances {
                writeln!(file, "program,{id},{day},{:.4},{day},,,", -close.log_deviation)?;
            }
            for i in members() {
                let verdict = detectors[i].close(counts[i], &close, budget);
                let counts_as_alarm = all && verdict.score > 0.5 || verdict.score >= budget.threshold();
                if chances {
                    if let (Standing::Judged, Some(week)) = (verdict.standing, detectors[i].evidence_of_last(7)) {
                        seen[i].0 += 1;
                        seen[i].1 += u32::from(week.chance < 1e-3);
                    }
                    continue;
                }
                let Some(window) = verdict.window else { continue };
                if counts_as_alarm && verdict.standing == Standing::Judged {
                    let since = window.since - MONDAY;
                    let (expected, observed, chance) = (window.expected, window.observed, window.chance);
                    writeln!(
                        file,
                        "partner,{i},{day},{:.4},{since},{expected:.2},{observed},{chance:.3e}",
                        verdict.score
                    )?;
                }
            }
        }
    }
    for (i, (days, below)) in seen.iter().enumerate().filter(|_| chances) {
        writeln!(file, "{i},{days},{below}")?;
    }
    eprintln!("{} partners, {days} days, {:?}", partners.len(), started.elapsed());
    Ok(())
}
