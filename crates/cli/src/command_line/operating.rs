//! What can be typed to put files into force and to operate what runs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Of `plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// For workflows deployed for the first time: as `apply --since`
    #[arg(long, value_name = "DATE")]
    pub since: Option<String>,
    /// Keep the plan in this file, for `rapport apply FILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit code 3 when something would change
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// As data
    #[arg(long)]
    pub json: bool,
}

/// Of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// The plan that was looked at, by its file or id: refused if the files, or what runs, changed since
    pub plan: Option<String>,
    /// For workflows deployed for the first time: also start on events since this date [default: now]
    #[arg(long, value_name = "DATE")]
    pub since: Option<String>,
    /// Who applies, for the record [default: the login name]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Who else agreed: needed where service mail changes, which partners cannot opt out of
    #[arg(long, value_name = "NAME")]
    pub approved_by: Option<String>,
    /// Show who applied what and when instead, refusals too
    #[arg(long, conflicts_with_all = ["plan", "since", "approved_by"])]
    pub history: bool,
    /// With --history: as data
    #[arg(long, requires = "history")]
    pub json: bool,
}

/// Of `pause`.
#[derive(Debug, Args)]
pub struct PauseArguments {
    /// The workflow's folder name, or `all`
    #[arg(value_name = "WORKFLOW|all")]
    pub workflow: Option<String>,
    /// Only the workflow's marketing mail to this provider's mailboxes: google, microsoft, yahoo …, or other
    #[arg(long, value_name = "PROVIDER", requires = "workflow")]
    pub provider: Option<String>,
    /// How it waits.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// Of `erase`.
#[derive(Debug, Args)]
pub struct EraseArguments {
    /// The partner's id; PROGRAM/PARTNER where several programmes have it
    pub partner: String,
    /// Do it; without this it is only told what would be erased
    #[arg(long)]
    pub yes: bool,
    /// Why, for the record; name nobody
    #[arg(long, value_name = "TEXT")]
    pub because: Option<String>,
    /// Who erases, for the record [default: the login name]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// What was done as data
    #[arg(long)]
    pub json: bool,
}

/// Of `hold`.
#[derive(Debug, Args)]
pub struct HoldArguments {
    /// The partner's id; PROGRAM/PARTNER where several programmes have it
    pub partner: Option<String>,
    /// How it waits.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// How mail waits that a person keeps back.
#[derive(Debug, Args)]
pub struct Waiting {
    /// Until when: a date, an instant, or a length like "3 hours" [default: 24 hours for a pause; a hold needs one]
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub because: Option<String>,
    /// Who, for the record [default: the login name]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// It is over: what waited is judged anew and leaves without a burst
    #[arg(long, conflicts_with_all = ["until", "because"])]
    pub end: bool,
    /// List what waits
    #[arg(long)]
    pub list: bool,
    /// The list as data
    #[arg(long)]
    pub json: bool,
}

/// What to do with an incident.
#[derive(Debug, Subcommand)]
pub enum IncidentAction {
    /// All mail waits from now on
    Start {
        /// What is wrong
        #[arg(long, value_name = "TEXT")]
        because: String,
        /// Until when at most [default: 7 days]
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Who, for the record [default: the login name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// It is over: what waited is judged anew under its own expiry, and leaves without a burst
    Stop {
        /// Who, for the record [default: the login name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

/// What to do with a journey.
#[derive(Debug, Subcommand)]
pub enum JourneyAction {
    /// Begin the workflow for the partner, whatever its `if` and `unless` say; what protects the partner still holds
    Start(JourneyArguments),
    /// Leave the step it is at undone, and go on behind it; mail queued there does not leave
    Skip(JourneyArguments),
    /// End it; mail queued does not leave
    Stop(JourneyArguments),
}

/// Of `journey`.
#[derive(Debug, Args)]
pub struct JourneyArguments {
    /// The workflow's folder name
    pub workflow: String,
    /// The partner's id; PROGRAM/PARTNER where several programmes have it
    pub partner: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub because: String,
    /// Who, for the record [default: the login name]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}
