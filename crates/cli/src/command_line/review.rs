//! What can be typed about looking back.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Of `review`.
#[derive(Debug, Args)]
pub struct ReviewArguments {
    /// The partner's id
    pub partner: String,
    /// The programme, where several have the partner
    #[arg(long, value_name = "PROGRAM")]
    pub program: Option<String>,
    /// `quarter` or `month`: the last that is over; or one by its name, 2026-Q3, 2026-09
    #[arg(long, default_value = "quarter", value_name = "PERIOD")]
    pub period: String,
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    pub format: ReviewFormat,
    /// Into this file instead of stdout
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print the signed link to the partner's own page instead
    #[arg(long, conflicts_with_all = ["format", "output"])]
    pub link: bool,
}

/// How a review is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReviewFormat {
    /// A page that needs nothing from elsewhere, to look at, to print, to send.
    Html,
    /// Plain text.
    Text,
    /// As data.
    Json,
}
