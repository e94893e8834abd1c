//! How often something happens on each day: `5x70 1x5 (5x5 0x2)x16`.

/// The longest series, in days.
const DAYS_MAX: usize = 3_000;
/// The most of anything on one day.
const COUNT_MAX: u32 = 10_000;

/// The counts of a series, day 1 first.
///
/// # Errors
/// Why it cannot be read, for people.
pub fn parse(text: &str) -> Result<Vec<u32>, String> {
    let mut reader = Reader { rest: text.trim() };
    let counts = reader.items(0)?;
    if !reader.rest.is_empty() {
        return Err(format!("`{}` is too much", reader.rest));
    }
    if counts.is_empty() {
        return Err("there is nothing in it".to_owned());
    }
    Ok(counts)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn items(&mut self, depth: usize) -> Result<Vec<u32>, String> {
        let mut all: Vec<u32> = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            let item = match self.rest.chars().next() {
                Some('(') if depth < 8 => {
                    self.rest = &self.rest[1..];
                    let inner = self.items(depth + 1)?;
                    self.rest = self.rest.strip_prefix(')').ok_or("a bracket is not closed")?;
                    inner
                }
                Some('0'..='9') => {
                    let count = self.number()?;
                    if count > COUNT_MAX {
                        return Err(format!("more than {COUNT_MAX} on one day"));
                    }
                    vec![count]
                }
                _ => return Ok(all),
            };
            let times = match self.rest.strip_prefix(['x', '×']) {
                Some(rest) => {
                    self.rest = rest;
                    self.number()? as usize
                }
                None => 1,
            };
            if all.len() + item.len().saturating_mul(times) > DAYS_MAX {
                return Err(format!("more than {DAYS_MAX} days"));
            }
            // By doubling: an empty group is repeated as often as somebody writes, and takes no time for it.
            all.extend(item.repeat(times));
        }
    }

    fn number(&mut self) -> Result<u32, String> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits.parse().map_err(|_| format!("a number is expected before `{rest}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn counts_times_days_and_groups() {
        assert_eq!(parse("5x3 1 (2x2 0)x2").unwrap(), [5, 5, 5, 1, 2, 2, 0, 2, 2, 0]);
        assert_eq!(parse("7").unwrap(), [7]);
        assert_eq!(parse("(1x2)").unwrap(), [1, 1]);
    }

    #[test]
    fn nothing_is_repeated_in_no_time() {
        // So many of these that going round once for each would not end before the reader does.
        let groups = "()x4294967295 (1x0)x4294967295 ".repeat(1_000);
        assert_eq!(parse(&format!("{groups}7")).unwrap(), [7]);
        assert!(parse(&groups).is_err(), "there is nothing in it");
    }

    #[test]
    fn what_is_no_series_says_why() {
        for text in ["", "five", "5x", "(5x2", "5x2)", "1x9999", "99999x2", "((((((((((1))))))))))", "5 x 3"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
