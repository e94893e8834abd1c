//! Small means of printing: numbers, plurals, columns, colour where somebody looks.

use std::io::IsTerminal;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Prints a line; a reader who went away (`| head`) is no failure.
pub fn line(text: impl AsRef<str>) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{}", text.as_ref());
}

/// Says something beside what is printed; whoever read it may be gone, which is no failure either.
pub fn aside(text: impl AsRef<str>) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{}", text.as_ref().trim_end());
}

/// Where the log goes: lines that nobody reads any more are dropped.
pub struct Aside;

impl std::io::Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _ = std::io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let _ = std::io::stderr().flush();
        Ok(())
    }
}

/// Whether stdout is a terminal that wants colour.
pub fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Bold where somebody looks.
pub fn bold(text: &str) -> String {
    if colours() { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Faint where somebody looks.
pub fn faint(text: &str) -> String {
    if colours() { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// `12,345`.
pub fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// `1 mail`, `2 mails`, `2 addresses`.
pub fn count(count: i64, what: &str) -> String {
    let ending = match count {
        1 => "",
        _ if what.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {what}{ending}", number(count))
}

/// `14 Apr 2026 09:00 Oslo`.
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    let city = zone.iana_name().and_then(|name| name.rsplit('/').next()).unwrap_or("UTC").replace('_', " ");
    format!("{} {city}", at.to_zoned(zone.clone()).strftime("%-d %b %Y %H:%M"))
}

/// Text that holds no control characters and nothing that turns writing round: what upstream wrote must neither steer a terminal nor
/// make a line read as another.
pub fn harmless(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 12, 1234, 1_234_567, -4321].map(number), ["0", "12", "1,234", "1,234,567", "-4,321"]);
        assert_eq!(count(1, "mail"), "1 mail");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(harmless("a\u{1b}[31mb\n"), "a [31mb ");
        assert_eq!(harmless("ada\u{202e}gpj.\u{2066}x"), "ada gpj. x");
    }
}
