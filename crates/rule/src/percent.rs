//! Percent on its one scale, 0–100. In files it is written `40%`, in expressions plain `40`.

use thiserror::Error;

/// Why a text is no percentage.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PercentError {
    /// No `%` behind the number.
    #[error("a percentage is written with its sign, like `40%`")]
    NoSign,
    /// What stands before the sign is not a plain number.
    #[error("a percentage is a number and `%`, like `40%` or `2.5%`")]
    NotANumber,
    /// Below 0 or above 100.
    #[error("a percentage lies between 0% and 100%")]
    OutOfRange,
}

/// Reads `40%` or `2.5 %`: a number from 0 to 100.
pub fn parse(text: &str) -> Result<f64, PercentError> {
    let number = text.trim().strip_suffix('%').ok_or(PercentError::NoSign)?.trim_end();
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value: f64 = number.parse().ok().filter(|_| plain).ok_or(PercentError::NotANumber)?;
    if (0.0..=100.0).contains(&value) { Ok(value) } else { Err(PercentError::OutOfRange) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_need_their_sign_and_scale() {
        for (text, expected) in [
            ("40%", Ok(40.0)),
            ("2.5 %", Ok(2.5)),
            ("100%", Ok(100.0)),
            ("0.4", Err(PercentError::NoSign)),
            ("forty%", Err(PercentError::NotANumber)),
            ("-1%", Err(PercentError::NotANumber)),
            ("1e2%", Err(PercentError::NotANumber)),
            ("140%", Err(PercentError::OutOfRange)),
            ("%", Err(PercentError::NotANumber)),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
