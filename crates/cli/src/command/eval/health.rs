//! `rapport eval health`: fits the customer-base models to a purchase log up to a day and predicts what comes after it.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use rapport_insight::base::{ActiveDay, Around, Past, ProgramFit, Summary, weekly::PARTNERS_MIN};
use rapport_insight::day;

use super::table::{self, Table};
use crate::exit::{self, Failure};
use crate::printed;

/// Fits and writes an outlook for every customer whose first active day is on or before `cohort_end`.
pub fn run(events: &Path, cohort_end: &str, cal_end: &str, horizon_days: u32, out: &Path) -> Result<u8, Failure> {
    let (cohort_end, until) = (number(cohort_end)?, number(cal_end)?);
    if horizon_days == 0 || horizon_days > 3660 {
        return Err(Failure::input(format!("a horizon is between 1 and 3660 days, not {horizon_days}")));
    }
    let customers = read(&Table::read(events, &["customer_id", "date", "orders", "spend"])?, until)?;
    let past: Vec<Past<'_>> = customers.values().map(|days| Past { joined: None, days }).collect();
    // As at the day's close: too few to speak for themselves stay near published estimates.
    let few = past.iter().filter(|one| Summary::until(one.days, until).is_some()).count() < PARTNERS_MIN;
    let fit = ProgramFit::fit(&past, until, horizon_days, few.then(Around::default).as_ref());
    let mut lines = Vec::new();
    for (customer, days) in &customers {
        let Some(sums) = Summary::until(days, until).filter(|sums| sums.first <= cohort_end) else { continue };
        let outlook = fit.outlook(&sums, until);
        let value = outlook.expected_value.map_or(String::new(), |value| format!("{value:.2}"));
        lines
            .push(format!("{customer},{:.6},{:.6},{:.6},{value}", outlook.p_alive, outlook.p_active, outlook.expected));
    }
    table::write(out, "customer_id,p_alive,p_active,expected,expected_value", &lines)?;
    let model = fit.model;
    printed::line(format!(
        "{} fitted: r {:.3} alpha {:.3} a {:.3} b {:.3}; {} learnt; {} written",
        printed::count(fit.partners as i64, "customer"),
        model.r,
        model.alpha,
        model.a,
        model.b,
        if fit.correction.is_some() { "correction" } else { "no correction" },
        printed::count(lines.len() as i64, "prediction")
    ));
    Ok(exit::OK)
}

fn number(date: &str) -> Result<i32, Failure> {
    let date: Date = date.parse().map_err(|_| {
        Failure::input(format!("`{}` is no date", printed::harmless(date))).help("write it like 1997-09-30")
    })?;
    Ok(day::number(date))
}

/// Each customer's active days up to `until`; of a later row nothing but its date is looked at.
fn read(table: &Table, until: i32) -> Result<BTreeMap<String, Vec<ActiveDay>>, Failure> {
    let mut customers: BTreeMap<String, Vec<ActiveDay>> = BTreeMap::new();
    for line in table.lines() {
        let line = line?;
        let date: Date = line.value(1, "date")?;
        let on = day::number(date);
        if on > until {
            continue;
        }
        let active = ActiveDay { day: on, orders: line.count(2)?, spend: line.amount(3, "amount")? };
        customers.entry(line.text(0).to_owned()).or_default().push(active);
    }
    Ok(customers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(log: &str) -> Result<String, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let (events, out) = (folder.path().join("e"), folder.path().join("o"));
        std::fs::write(&events, log).unwrap();
        run(&events, "2025-03-31", "2025-06-30", 90, &out)?;
        Ok(std::fs::read_to_string(out).unwrap())
    }

    fn log(rows: &str) -> String {
        let mut log = "customer_id,date,orders,spend\n".to_owned();
        for customer in 0..40 {
            for month in 1..=1 + customer % 5 {
                log += &format!("c{customer},2025-0{month}-1{},1,{}\n", customer % 9, 10 + customer);
            }
        }
        log + rows
    }

    #[test]
    fn rows_after_the_end_of_calibration_change_nothing() {
        let plain = predictions(&log("")).unwrap();
        assert_eq!(
            plain,
            predictions(&log("c1,2025-07-01,9,900\nnew,2025-08-02,1,1\nc2,2025-09-09,rubbish,NaN\n")).unwrap()
        );
        assert_eq!(plain.lines().count(), 41);
    }

    #[test]
    fn who_came_after_the_cohort_is_learnt_from_but_not_told() {
        assert!(!predictions(&log("late,2025-05-05,1,20\n")).unwrap().contains("late"));
    }

    #[test]
    fn bad_input_is_named_and_an_empty_log_gives_an_empty_answer() {
        let wrong = predictions(&log("c1,2025-02-30,1,1\n")).unwrap_err();
        assert!(wrong.message.contains("`2025-02-30` is no date"), "{}", wrong.message);
        let wrong = predictions(&log("c1,2025-02-03,1,NaN\n")).unwrap_err();
        assert!(wrong.message.contains("`NaN` is no amount"), "{}", wrong.message);
        let wrong = predictions(&log("c1,2025-02-03,-1,5\n")).unwrap_err();
        assert!(wrong.message.contains("`-1` is no count"), "{}", wrong.message);
        assert_eq!(predictions("customer_id,date,orders,spend\n").unwrap().lines().count(), 1);
        assert!(predictions("a,b\n1,2\n").is_err());
    }
}
