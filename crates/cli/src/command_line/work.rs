//! What can be typed about tasks, cases and awards.

use clap::{Args, Subcommand};

/// What can be done with tasks.
#[derive(Debug, Subcommand)]
pub enum TaskAction {
    /// Open tasks, those due first
    List(ListArguments),
    /// A task in full
    Show {
        /// The task's id, or its beginning
        id: String,
        /// As data
        #[arg(long)]
        json: bool,
    },
    /// A task is done, or its question answered
    Done {
        /// The task's id, or its beginning
        id: String,
        /// The answer, one of the task's choices
        #[arg(long, value_name = "CHOICE")]
        choice: Option<String>,
        /// What is worth keeping
        #[arg(long)]
        note: Option<String>,
        /// Who did it, for the record [default: the login name]
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
    /// Hand a task on, or move its day
    Assign(AssignArguments),
}

/// What can be done with cases.
#[derive(Debug, Subcommand)]
pub enum CaseAction {
    /// Open cases, those due first
    List(ListArguments),
    /// A case in full
    Show {
        /// The case's id, or its beginning
        id: String,
        /// As data
        #[arg(long)]
        json: bool,
    },
    /// Open a case about a partner
    Open {
        /// The partner's id; PROGRAM/PARTNER where several programmes have it
        partner: String,
        /// What is to come about
        #[arg(long)]
        objective: String,
        /// Who answers for it [default: the partner's manager]
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
        /// By when: a date, an instant, or a length like "3 weekdays"
        #[arg(long)]
        due: String,
        /// Who opens it, for the record [default: the login name]
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
    /// Hand a case on, or move its day
    Assign(AssignArguments),
    /// A case has its outcome
    Resolve {
        /// The case's id, or its beginning
        id: String,
        /// solved, unsolved, or withdrawn when it was opened by mistake
        #[arg(long)]
        outcome: String,
        /// What is worth keeping
        #[arg(long)]
        note: Option<String>,
        /// Who resolved it, for the record [default: the login name]
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
}

/// An award for a partner.
#[derive(Debug, Args)]
pub struct AwardArguments {
    /// The partner's id; PROGRAM/PARTNER where several programmes have it
    pub partner: String,
    /// The award, by its name in config/awards.yaml; without it those the partner has are listed
    pub kind: Option<String>,
    /// What it is for, as the partner will read it; it is kept in the log, so write no names
    #[arg(long, requires = "kind")]
    pub because: Option<String>,
    /// Give it also when the partner had it as often as config/awards.yaml allows
    #[arg(long, requires = "kind")]
    pub again: bool,
    /// Who gives it, for the record [default: the login name]
    #[arg(long, value_name = "NAME", requires = "kind")]
    pub who: Option<String>,
    /// As data
    #[arg(long, conflicts_with = "kind")]
    pub json: bool,
}

/// Which are listed.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Only this person's
    #[arg(long, value_name = "NAME")]
    pub owner: Option<String>,
    /// Only those of this partner
    #[arg(long)]
    pub partner: Option<String>,
    /// Only those whose day is over
    #[arg(long)]
    pub overdue: bool,
    /// Those that ended, too
    #[arg(long)]
    pub all: bool,
    /// As data
    #[arg(long)]
    pub json: bool,
}

/// Who does it from now on, and by when.
#[derive(Debug, Args)]
pub struct AssignArguments {
    /// The id, or its beginning
    pub id: String,
    /// Who does it from now on
    #[arg(long, value_name = "NAME", required_unless_present = "due")]
    pub owner: Option<String>,
    /// By when from now on: a date, an instant, or a length like "3 weekdays"
    #[arg(long)]
    pub due: Option<String>,
    /// Who says so, for the record [default: the login name]
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
}
