//! What can be typed about goals.

use clap::{Args, Subcommand};

/// What can be done with goals.
#[derive(Debug, Subcommand)]
pub enum GoalAction {
    /// Every partner's goals with progress, pace and chance
    List {
        /// Only those a partner answered with other terms
        #[arg(long)]
        waiting: bool,
        /// As data
        #[arg(long)]
        json: bool,
    },
    /// A partner's goals in full, with the link on which an open one is answered
    Show {
        /// The partner's id; PROGRAM/PARTNER where several programmes have it
        partner: String,
        /// As data
        #[arg(long)]
        json: bool,
    },
    /// Propose a goal to a partner, who accepts or counters it by the link in the mail
    Propose(ProposeArguments),
    /// Accept the other terms a partner answered with
    Accept {
        /// The partner's id
        partner: String,
        /// The goal, as `rapport goal show` names it
        goal: String,
        /// Who accepts, for the record [default: the login name]
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
    /// Take a goal back, agreed on or not
    Withdraw {
        /// The partner's id
        partner: String,
        /// The goal, as `rapport goal show` names it
        goal: String,
        /// Who takes it back, for the record [default: the login name]
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
}

/// Of `goal propose`.
#[derive(Debug, Args)]
pub struct ProposeArguments {
    /// The partner's id; PROGRAM/PARTNER where several programmes have it
    pub partner: String,
    /// What is counted: approved_revenue, approved_conversions, clicks …
    #[arg(long)]
    pub metric: Option<String>,
    /// A goal of config/goals.yaml, with other terms for this partner
    #[arg(long, value_name = "NAME")]
    pub goal: Option<String>,
    /// What it is to come to: "5000 EUR", or 50
    #[arg(long)]
    pub target: String,
    /// The last day
    #[arg(long, value_name = "DATE")]
    pub by: String,
    /// The first day [default: today]
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Who answers for it at the programme [default: the partner's manager]
    #[arg(long, value_name = "NAME")]
    pub owner: Option<String>,
    /// Percents told on the way: 50,90
    #[arg(long, value_name = "PERCENT", value_delimiter = ',')]
    pub tell_at: Vec<u8>,
    /// Also when, by their own history, they will hardly reach it
    #[arg(long)]
    pub anyway: bool,
    /// Who proposes, for the record [default: the login name]
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
}
