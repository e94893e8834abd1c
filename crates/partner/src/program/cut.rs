//! Some of a programme's partners, and figures of theirs by name.

use std::fmt;
use std::sync::Arc;

use super::ProgramFigure;

/// What a programme's partners are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CutBy {
    /// The type.
    Type,
    /// The country.
    Country,
    /// The group.
    Group,
    /// Who looks after them.
    Manager,
    /// Why they left or were lost, as far as they said or was said of them.
    Reason,
}

impl CutBy {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Type, Self::Country, Self::Group, Self::Manager, Self::Reason];

    /// The word in names.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Type => "by_type",
            Self::Country => "by_country",
            Self::Group => "by_group",
            Self::Manager => "by_manager",
            Self::Reason => "by_reason",
        }
    }
}

/// Some of a programme's partners: `by_type.coupon`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cut {
    /// By what.
    pub by: CutBy,
    /// Which.
    pub of: Arc<str>,
}

impl Cut {
    /// Reads `by_type.coupon.revenue_28d`: whose, and which figure of theirs.
    #[must_use]
    pub fn parse(name: &str) -> Option<(Self, ProgramFigure)> {
        let (by, rest) = name.split_once('.')?;
        let (of, figure) = rest.split_once('.').filter(|(of, _)| !of.is_empty())?;
        let by = CutBy::ALL.into_iter().find(|known| known.word() == by)?;
        Some((Self { by, of: of.into() }, ProgramFigure::parse(figure)?))
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.by.word(), self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_and_what() {
        let (cut, figure) = Cut::parse("by_type.coupon.revenue_28d").unwrap();
        assert_eq!((cut.to_string(), figure.to_string()), ("by_type.coupon".to_owned(), "revenue_28d".to_owned()));
        for name in [
            "by_type.coupon",
            "by_type..revenue_28d",
            "by_day.x.revenue_28d",
            "by_type.coupon.revenue_29d",
            "revenue_28d",
        ] {
            assert_eq!(Cut::parse(name), None, "{name}");
        }
    }
}
