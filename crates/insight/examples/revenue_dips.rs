//! Runs the revenue scan over a file of daily counts and writes, for each partner and day, how far orders are below normal: for
//! calibration. `revenue_dips EVENTS.csv PARTNERS.csv OUT.csv`; the columns of the example `dips`.
#![allow(clippy::disallowed_methods, reason = "an example reads files")]

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};

use rapport_insight::dip::revenue::{OrderDay, OrderSums, Orders};

/// Deviations below which nothing is written.
const WRITTEN: f64 = 2.0;

fn rows(path: &str) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
    let mut out = Vec::new();
    for line in BufReader::new(File::open(path)?).lines().skip(1) {
        let row: Result<Vec<f64>, _> = line?.split(',').map(str::parse).collect();
        out.push(row?);
    }
    Ok(out)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [events, partners, out] = &args[..] else {
        return Err("usage: revenue_dips EVENTS.csv PARTNERS.csv OUT.csv".into());
    };
    let programs: Vec<u32> = rows(partners)?.iter().map(|row| row[1] as u32).collect();
    let mut days: Vec<Vec<OrderDay>> = vec![Vec::new(); programs.len()];
    let mut last = 0;
    for row in rows(events)? {
        let one = OrderDay { day: row[1] as i32, orders: row[2], revenue: (row[3] * 100.0).round() };
        last = last.max(one.day);
        days[row[0] as usize].push(one);
    }
    days.iter_mut().for_each(|days| days.sort_by_key(|one| one.day));
    let mut file = BufWriter::new(File::create(out)?);
    writeln!(file, "id,day,deviation,since,expected,observed")?;
    for on in 0..=last {
        let orders: Vec<Option<Orders>> = days.iter().map(|days| Orders::of(days, on)).collect();
        for program in 0..=programs.iter().copied().max().unwrap_or(0) {
            let mut sums = OrderSums::default();
            let members = || (0..orders.len()).filter(|i| programs[*i] == program);
            members().filter_map(|i| orders[i].as_ref()).for_each(|one| sums.add(one));
            let factors = sums.factors();
            for i in members() {
                let Some((deviation, found)) = orders[i].as_ref().and_then(|one| one.worst(on, &factors)) else {
                    continue;
                };
                if deviation > WRITTEN {
                    let (since, expected, observed) = (found.since, found.expected, found.observed);
                    writeln!(file, "{i},{on},{deviation:.4},{since},{expected:.0},{observed:.0}")?;
                }
            }
        }
    }
    Ok(())
}
