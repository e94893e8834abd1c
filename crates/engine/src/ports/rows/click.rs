//! Clicks on counted links: noted when they come, judged a minute later, forgotten within the hour.

use jiff::Timestamp;

use super::OutboxRow;

/// A link was followed, by whom is not known yet. One for each minute of a message and link is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClickRow {
    /// The mail the link stood in.
    pub message: String,
    /// Which of its counted links, from 1.
    pub link: u32,
    /// How many it has.
    pub of: u32,
    /// When, in whole milliseconds.
    pub at: Timestamp,
    /// Whether the visitor said to be a machine.
    pub machine: bool,
    /// What stands for the visitor's address, where that is known.
    pub visitor: Option<String>,
}

/// A click that waits to be judged, with what was noted around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenClick {
    /// The click.
    pub row: ClickRow,
    /// Links of the same mail that were followed within a minute of it, itself among them.
    pub links: i64,
    /// Mails whose links the same visitor followed in the ten minutes before it and the minute after, its own among them; 0 when the
    /// visitor is not known.
    pub mails: i64,
    /// When the last click on the link was that a person made, if one is remembered.
    pub last: Option<Timestamp>,
    /// When the mail left, if that is remembered.
    pub sent_at: Option<Timestamp>,
}

/// What a click was judged to be.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedClick {
    /// The mail.
    pub message: String,
    /// Which link.
    pub link: u32,
    /// When.
    pub at: Timestamp,
    /// The judgement's stable code.
    pub verdict: &'static str,
    /// The record that tells of it, when a person made it.
    pub told: Option<OutboxRow>,
}

/// The judgement of a click that a person made.
pub const HUMAN: &str = "human";
/// Milliseconds within which links of a mail are followed together.
pub const TOGETHER_MS: i64 = 60_000;
/// Milliseconds for which a visitor's clicks in other mails are looked at.
pub const VISITOR_MS: i64 = 600_000;
