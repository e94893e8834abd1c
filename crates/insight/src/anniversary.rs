//! Anniversaries: the same day every year; 29 February is kept on the 28th.

use jiff::civil::Date;

/// The day on which `of` is kept in a year; `None` outside the calendar.
#[must_use]
pub fn in_year(of: Date, year: i16) -> Option<Date> {
    let day = if (of.month(), of.day()) == (2, 29) && !leap(year) { 28 } else { of.day() };
    Date::new(year, of.month(), day).ok()
}

fn leap(year: i16) -> bool {
    Date::new(year, 2, 1).is_ok_and(|february| february.in_leap_year())
}

/// Years completed if `on` is an anniversary of `of`: 1 or more.
#[must_use]
pub fn completed(of: Date, on: Date) -> Option<u16> {
    let years = u16::try_from(i32::from(on.year()) - i32::from(of.year())).ok().filter(|years| *years > 0)?;
    (in_year(of, on.year())? == on).then_some(years)
}

/// The first anniversary after a day, with the years it completes; `None` beyond the calendar.
#[must_use]
pub fn next(of: Date, after: Date) -> Option<(Date, u16)> {
    let first = of.year().checked_add(1)?.max(after.year());
    [Some(first), first.checked_add(1)].into_iter().flatten().find_map(|year| {
        let on = in_year(of, year).filter(|on| *on > after)?;
        Some((on, completed(of, on)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn the_29th_of_february_is_kept_on_the_28th() {
        let of = date(2024, 2, 29);
        assert_eq!(completed(of, date(2025, 2, 28)), Some(1));
        assert_eq!(completed(of, date(2025, 3, 1)), None);
        assert_eq!(completed(of, date(2028, 2, 28)), None, "a leap year has the day itself");
        assert_eq!(completed(of, date(2028, 2, 29)), Some(4));
        assert_eq!(next(of, date(2027, 2, 28)), Some((date(2028, 2, 29), 4)));
    }

    #[test]
    fn the_day_itself_is_no_anniversary() {
        assert_eq!(completed(date(2026, 5, 5), date(2026, 5, 5)), None);
        assert_eq!(next(date(2026, 5, 5), date(2026, 5, 5)), Some((date(2027, 5, 5), 1)));
        assert_eq!(next(date(2026, 5, 5), date(2020, 1, 1)), Some((date(2027, 5, 5), 1)));
        assert_eq!(next(Date::MAX, Date::MAX), None);
    }

    proptest! {
        #[test]
        fn there_is_exactly_one_every_year(of in -300_000_i32..300_000, later in 0_i32..20_000) {
            let (of, after) = (crate::day::date_of(of), crate::day::date_of(of.saturating_add(later)));
            let (on, years) = next(of, after).unwrap();
            prop_assert!(on > after && completed(of, on) == Some(years));
            prop_assert!(crate::day::number(on) - crate::day::number(after.max(of)) <= 366);
        }
    }
}
