//! The arguments of `report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Of `report`.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// Only these figures, like revenue_28d [default: the usual ones]; with --workflows or --holdouts only these workflows, with --surveys only these surveys
    #[arg(value_name = "FIGURE")]
    pub figures: Vec<String>,
    /// The programme [default: the first in config/rapport.yaml]
    #[arg(long, value_name = "ID")]
    pub program: Option<String>,
    /// A row for each partner, those who bring most first
    #[arg(long)]
    pub partners: bool,
    /// A column for each of these
    #[arg(long, value_enum, conflicts_with = "partners")]
    pub by: Option<ReportBy>,
    /// What mails came to, by workflow and step: planned, put off, suppressed, sent, what came back, conversions after
    #[arg(long, conflicts_with_all = ["partners", "by", "save", "catalogue"])]
    pub workflows: bool,
    /// What writing brought, against those held out
    #[arg(long, conflicts_with_all = ["partners", "by", "save", "catalogue"])]
    pub holdouts: bool,
    /// What surveys were answered, how many answered, and what their scores come to
    #[arg(long, conflicts_with_all = ["partners", "by", "save", "catalogue", "workflows", "holdouts"])]
    pub surveys: bool,
    /// With --workflows, --holdouts or --surveys: of how long, up to now
    #[arg(long, value_name = "DAYS", default_value = "90d")]
    pub last: String,
    /// With --workflows or --holdouts: how long after a mail, or after the draw, conversions count
    #[arg(long, value_name = "DAYS", default_value = "28d")]
    pub within: String,
    /// With --partners: at most so many
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
    /// How it is written
    #[arg(long, value_enum, default_value = "human")]
    pub format: ReportFormat,
    /// Into this file, whole or not at all; Parquet needs it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["save", "catalogue"])]
    pub output: Option<PathBuf>,
    /// Write all figures of the programme and its partners into the table `figures`, for SQL, instead of printing
    #[arg(long, conflicts_with_all = ["partners", "by", "catalogue", "figures"])]
    pub save: bool,
    /// Print the catalogue of all figures instead
    #[arg(long)]
    pub catalogue: bool,
}

/// By what a report is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportBy {
    /// Type of partner: the mix, and dependence on coupon and cashback
    Type,
    /// Country
    Country,
    /// Group of config/segments.yaml
    Group,
    /// Manager
    Manager,
    /// Status
    Status,
    /// Why partners left, as they last answered
    LeavingReason,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Columns
    Human,
    /// Money in whole units, percent as numbers
    Csv,
    /// With units
    Json,
    /// The rows of CSV as typed columns, for analysis; needs --output
    Parquet,
}
