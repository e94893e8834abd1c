//! A purchase log: `customer_id,date,orders,spend`, as research on customer bases publishes them.
//!
//! Each customer becomes a partner, approved on the day of the first purchase; each row a conversion, approved at once, named
//! `<customer>-<row>`. Days become noon UTC: nobody knows the hour.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde_json::json;

const HEADER: &str = "customer_id,date,orders,spend";
/// Events of a row come in this order: the approval first, then the purchase.
const HOURS: [&str; 2] = ["T11:00:00Z", "T12:00:00Z"];

/// Whether a text is a purchase log.
pub fn is_one(text: &[u8]) -> bool {
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    first.trim_ascii().strip_prefix(b"\xef\xbb\xbf").unwrap_or(first.trim_ascii()) == HEADER.as_bytes()
}

/// The events of a log, an approval before the customer's first conversion. An error is `line: what is wrong`.
pub fn events(text: &[u8], program: &str) -> Result<Vec<Vec<u8>>, String> {
    let text = std::str::from_utf8(text).map_err(|error| format!(" not UTF-8 from byte {} on", error.valid_up_to()))?;
    let mut known = BTreeSet::new();
    let mut events = Vec::new();
    let mut rows: Vec<(usize, &str, Date, i64)> = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        rows.push(row(line).map(|(customer, date, spend)| (number, customer, date, spend)).map_err(|why| {
            format!("{}: {why}; a row is customer_id,date,orders,spend like 4,1997-01-18,1,29.73", number + 1)
        })?);
    }
    // Rows of a customer may stand in any order; the first purchase is the earliest.
    let mut firsts = std::collections::BTreeMap::new();
    for (_, customer, date, _) in &rows {
        let first = firsts.entry(*customer).or_insert(*date);
        *first = (*first).min(*date);
    }
    for (number, customer, date, spend) in rows {
        if known.insert(customer) {
            let first = firsts.get(customer).copied().unwrap_or(date);
            let at = format!("{first}{}", HOURS[0]);
            let event = json!({ "id": format!("{customer}-approved"), "kind": "partner.approved", "program": program,
                "partner": customer, "occurred_at": at, "data": {} });
            events.push(event.to_string().into_bytes());
        }
        let at = format!("{date}{}", HOURS[1]);
        let id = format!("{customer}-{number}");
        let event = json!({ "id": id, "kind": "conversion", "program": program, "partner": customer, "occurred_at": at,
            "data": { "conversion_id": id, "status": "approved", "amount": spend, "commission": spend / 10,
                "currency": "EUR", "occurred_at": at } });
        events.push(event.to_string().into_bytes());
    }
    Ok(events)
}

fn row(line: &str) -> Result<(&str, Date, i64), String> {
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    let [customer, date, orders, spend] = cells.as_slice() else {
        return Err(format!("{} cells where 4 are expected", cells.len()));
    };
    if customer.is_empty() {
        return Err("no customer".to_owned());
    }
    let date = date.parse().map_err(|_| format!("`{}` is not a date", shown(date)))?;
    orders.parse::<u32>().map_err(|_| format!("`{}` is not a number of orders", shown(orders)))?;
    // As it was written: `1e300` has three hundred digits.
    let amount = spend.parse().ok().filter(|amount: &f64| (0.0..1e12).contains(amount));
    let amount = amount.ok_or_else(|| format!("`{}` is not an amount", shown(spend)))?;
    Ok((customer, date, (amount * 100.0).round() as i64))
}

/// A cell as a screen can show it: whole where it is short, and without what moves a cursor.
fn shown(cell: &str) -> String {
    const CHARS_MAX: usize = 40;
    let mut shown: String = cell.chars().take(CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if cell.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rapport_event::{CustomKinds, Headers, Limits, decode_with};

    #[test]
    fn a_customer_is_approved_once_and_buys_as_often_as_there_are_rows() {
        let log = b"customer_id,date,orders,spend\n4,1997-01-18,1,29.73\n4,1997-01-01,1,29.33\n5,1997-02-01,2,0.0\n";
        assert!(is_one(log));
        let events = events(log, "default").unwrap();
        let kinds: Vec<String> = events
            .iter()
            .map(|event| {
                let now = "1997-03-01T00:00:00Z".parse().unwrap();
                let decoded = decode_with(&Limits::replay(), event, &Headers::NONE, &CustomKinds::none(), now).unwrap();
                format!("{} {} {}", decoded.event.key.partner, decoded.event.kind, decoded.event.occurred_at)
            })
            .collect();
        assert_eq!(
            kinds,
            [
                "4 partner.approved 1997-01-01T11:00:00Z",
                "4 conversion 1997-01-18T12:00:00Z",
                "4 conversion 1997-01-01T12:00:00Z",
                "5 partner.approved 1997-02-01T11:00:00Z",
                "5 conversion 1997-02-01T12:00:00Z"
            ]
        );
    }

    #[test]
    fn a_bad_row_is_named() {
        let log = b"customer_id,date,orders,spend\n4,1997-01-18,1,29.73\n4,18.1.1997,1,3\n";
        let why = events(log, "default").unwrap_err();
        assert!(why.starts_with("3: `18.1.1997` is not a date"), "{why}");
    }

    #[test]
    fn a_cell_is_shown_short_and_harmless() {
        let log = format!("customer_id,date,orders,spend\n4,\u{1b}[2J{},1,3\n", "x".repeat(100_000));
        let why = events(log.as_bytes(), "default").unwrap_err();
        assert!(why.starts_with("2: `\u{fffd}[2Jxx") && why.chars().count() < 200, "{why}");
        let log = "customer_id,date,orders,spend\n4,1997-01-01,1,1e300\n";
        let why = events(log.as_bytes(), "default").unwrap_err();
        assert!(why.starts_with("2: `1e300` is not an amount"), "{why}");
    }

    proptest! {
        #[test]
        fn a_damaged_log_is_read_or_refused_with_its_line(
            rows in prop::collection::vec("[0-9a-z,.\\-é\"\0\r]{0,12}|[0-9]{1,3},199[0-9]-0[1-9]-[0-3][0-9],[0-9]{1,12},-?[0-9.e]{1,30}", 0..12),
            cut in any::<prop::sample::Index>(),
        ) {
            let log = format!("customer_id,date,orders,spend\n{}", rows.join("\n"));
            let cut = cut.index(log.len() + 1);
            match events(&log.as_bytes()[..cut], "default") {
                Ok(events) => prop_assert!(events.len() <= 2 * rows.len()),
                // A line, or where it is no text.
                Err(why) => prop_assert!(why.chars().count() < 300 && (why.contains(": ") || why.contains("UTF-8")), "{why}"),
            }
        }
    }
}
