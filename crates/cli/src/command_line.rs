//! What can be typed.

mod goal;
mod graph;
mod operating;
mod outreach;
mod report;
mod review;
mod work;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::goal::{GoalAction, ProposeArguments};
pub use self::graph::GraphFormat;
pub use self::operating::{
    ApplyArguments, EraseArguments, HoldArguments, IncidentAction, JourneyAction, JourneyArguments, PauseArguments,
    PlanArguments, Waiting,
};
pub use self::outreach::{
    DkimAction, DkimKind, FeedAction, FeedsArguments, NoticeFormat, NoticesArguments, PullArguments,
};
pub use self::report::{ReportArguments, ReportBy, ReportFormat};
pub use self::review::{ReviewArguments, ReviewFormat};
pub use self::work::{AssignArguments, AwardArguments, CaseAction, ListArguments, TaskAction};

/// Keeps a partner programme in touch with its affiliates.
///
/// rapport reads conversion and activity events, keeps a picture of every partner, and runs the mail workflows that are
/// written in YAML under workflows/. To look around, begin with `rapport demo`: a year of a programme in a minute or two,
/// on this machine alone, nothing is sent.
#[derive(Debug, Parser)]
#[command(
    name = "rapport",
    version,
    after_help = "Exit codes: 0 all well, 1 something could not be done, 2 bad input (nothing was changed), 3 differences found.\n\
                  First steps: rapport demo · rapport check · rapport run"
)]
pub struct CommandLine {
    /// Settings of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Settings of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The project folder, which holds workflows/ and config/ [default: the current one; of `demo`, ./rapport-demo]
    #[arg(long, global = true, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Read where things run from this file instead of config/rapport.yaml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How the log (on stderr) is written
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log: Option<LogFormat>,
    /// Tell more in the log; twice: everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play a year of a realistic programme through the real engine, and show what happened
    Demo(DemoArguments),
    /// Run the services, all in one process or the named ones
    Run(RunArguments),
    /// Read events from files: JSON lines, or a purchase log as CSV; .gz is unpacked
    Ingest(IngestArguments),
    /// Find everything wrong in workflows/ and config/, with place and remedy
    Check {
        /// How findings are written
        #[arg(long, value_enum, default_value = "human")]
        format: FindingFormat,
        /// Put right what has one answer: misspelt keys and names, and what can only be written one way
        #[arg(long)]
        fix: bool,
        /// Also hold goals and conditions against the partners' own history in the store
        #[arg(long)]
        history: bool,
    },
    /// Draw a workflow: its steps and the ways between them
    Graph {
        /// The workflow's folder name
        workflow: String,
        /// How it is drawn
        #[arg(long, value_enum, default_value = "mermaid")]
        format: GraphFormat,
        /// The workflow in force, with how many are at each step now
        #[arg(long)]
        live: bool,
        /// Into this file instead of stdout
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Show a partner's path from now on with the mails as they will read, if nothing more happens; or a sample partner's
    Simulate(SimulateArguments),
    /// List what will go out in the next days per day, workflow and partner, and what holds it
    Upcoming {
        /// How many days
        #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
        /// Only this workflow
        #[arg(long)]
        workflow: Option<String>,
        /// As data
        #[arg(long)]
        json: bool,
    },
    /// Send a mail to an address of one's own by the real way: marked [test], its links lead nowhere, counted nowhere
    SendTest {
        /// WORKFLOW/MAIL, or MAIL alone where one workflow has it; `digest` is config/digest.mail.md
        mail: String,
        /// Where to; on `allow_list` of config/rapport.yaml, or a sender's where there is none
        #[arg(long, value_name = "ADDRESS")]
        to: String,
        /// As this partner got it last or gets it next [default: as a test of the workflow makes it, or with sample values]
        #[arg(long)]
        partner: Option<String>,
    },
    /// Play the recorded events again under the edited files: who would have got what, and the difference to live
    Backtest(BacktestArguments),
    /// Show every edit on a page of this machine: findings, test results, and mails at desktop width, 375 px and dark
    Dev {
        /// Where the page is; an address of this machine
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8085")]
        listen: std::net::SocketAddr,
    },
    /// Serve an editor over stdin and stdout (Language Server Protocol): findings, completion, help, formatting, fixes
    Lsp,
    /// Print the JSON Schema of a kind of file, or what may be named: `rapport schema workflow`, `… partner`, `… dip.conversions`
    Schema {
        /// The file or object; without it, both are listed
        name: Option<String>,
        /// Bring config/schema of the project up to date, which editors read
        #[arg(long, conflicts_with = "name")]
        write: bool,
        /// Fields as data
        #[arg(long)]
        json: bool,
    },
    /// Bring the YAML files into one form; comments and meaning stay
    Fmt {
        /// Only name the files that are not in it; exit code 3 when there are any
        #[arg(long)]
        check: bool,
    },
    /// Make a workflow from a recipe, with mails and tests; without a recipe, list them
    New {
        /// The recipe
        recipe: Option<String>,
        /// The new folder's name [default: the recipe's]
        name: Option<String>,
    },
    /// Show a mail as a test of its workflow sends it, or with sample values where none does: subject, text, HTML
    Preview {
        /// WORKFLOW/MAIL, or MAIL alone where one workflow has it; `digest` is config/digest.mail.md
        mail: String,
        /// Write HTML (desktop, 375 px, dark) and text into this folder
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// As this partner of the store got it last, or will get it next
        #[arg(long)]
        partner: Option<String>,
        /// In this language (`de`, `de-AT`), with sample values
        #[arg(long, value_name = "TAG", conflicts_with = "partner")]
        language: Option<String>,
    },
    /// Play the tests that stand beside the workflows, on a virtual clock; nothing is sent
    Test(TestArguments),
    /// Show what applying the files would change, and for how many people; nothing is changed
    Plan(PlanArguments),
    /// Check the files and put them into force
    Apply(ApplyArguments),
    /// Let mail of a workflow, or all, wait from now on; without one, list what waits
    Pause(PauseArguments),
    /// Let mail to a partner wait from now on; without one, list what waits
    Hold(HoldArguments),
    /// Something is wrong: all mail waits, until it is stopped
    Incident {
        /// What to do
        #[command(subcommand)]
        action: IncidentAction,
    },
    /// Start, skip or stop a partner's journey
    Journey {
        /// What to do
        #[command(subcommand)]
        action: JourneyAction,
    },
    /// Tell what was and was not sent to a partner, and why
    Explain {
        /// The partner's id; PROGRAM/PARTNER where several programmes have it
        partner: String,
        /// Only this workflow
        #[arg(long)]
        workflow: Option<String>,
        /// As it stood at this date or instant: the record is played again until then
        #[arg(long, value_name = "WHEN")]
        at: Option<String>,
        /// As data
        #[arg(long)]
        json: bool,
    },
    /// Notices of what partners have to know: who was told, what proves it, who acknowledged, and who is missing
    Notices(NoticesArguments),
    /// Lists that mails show: how many items, how fresh, what ends next; `pull` fetches them anew
    Feeds(FeedsArguments),
    /// Figures of a programme or of its partners, from the store
    Report(ReportArguments),
    /// A partner's health with its reasons, at any moment; or who would change band under another model
    Health(HealthArguments),
    /// Look back with a partner on a month or quarter: figures, goals, what was done, what could come next
    Review(ReviewArguments),
    /// Tasks that workflows opened: list them, do them, answer them, hand them on
    Task {
        /// What to do
        #[command(subcommand)]
        action: TaskAction,
    },
    /// Cases: somebody answers for an objective until it has an outcome
    Case {
        /// What to do
        #[command(subcommand)]
        action: CaseAction,
    },
    /// Give a partner an award of config/awards.yaml; without one: those the partner has
    Award(AwardArguments),
    /// Goals of partners: propose, agree, withdraw, and how far they are
    Goal {
        /// What to do
        #[command(subcommand)]
        action: GoalAction,
    },
    /// Who belongs to a segment or group; with a partner: why they do or do not, clause by clause
    Segment {
        /// The segment or group
        name: String,
        /// The partner's id; PROGRAM/PARTNER where several programmes have it
        partner: Option<String>,
        /// The members as data
        #[arg(long, conflicts_with = "partner")]
        json: bool,
    },
    /// Bring the database's schema to this version
    Migrate {
        /// When no older rapport runs any more: write the newest format from now on
        #[arg(long)]
        finish: bool,
    },
    /// Look for anything that is wrong: store, log, shards, invariants, dead letters
    Doctor {
        /// As data
        #[arg(long)]
        json: bool,
        /// The database server's clock jumped and is right as it is now: let the processes that hold go on
        #[arg(long)]
        accept_clock: bool,
    },
    /// List what was refused, or try it again
    DeadLetters {
        /// What to do with them
        #[command(subcommand)]
        action: Option<DeadLetterAction>,
    },
    /// Everything kept of a partner, as JSON
    Export {
        /// The partner's id; PROGRAM/PARTNER where several programmes have it
        partner: String,
        /// Into this file, which must not be there yet
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Erase a partner's personal data for good, and look for what is left
    Erase(EraseArguments),
    /// List partners in quarantine, or let one out: what waited is folded in order, then timers and mail go on
    Release {
        /// The partner's id; PROGRAM/PARTNER where several programmes have it. Without it, all in quarantine are listed
        partner: Option<String>,
        /// Who releases, for the record [default: the login name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// The list as data
        #[arg(long, conflicts_with = "partner")]
        json: bool,
    },
    /// List mail of which nobody knows whether it was accepted, or say what became of one
    InDoubt {
        /// The message's id, or its beginning. Without it, all are listed
        #[arg(requires = "found")]
        message: Option<String>,
        /// What was found out
        #[command(flatten)]
        found: FoundOut,
        /// Who found out, for the record [default: the login name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// The list as data
        #[arg(long, conflicts_with = "message")]
        json: bool,
    },
    /// Compare the database with what Kafka was told: was it restored from a backup or cloned?
    Restore {
        /// Go on from where this database stands. Mail planned until now is not sent: nobody can know which of it went out
        #[arg(long)]
        accept: bool,
    },
    /// Keys that sign mail (DKIM): make one, or print the DNS records of those configured
    Dkim {
        /// What to do
        #[command(subcommand)]
        action: DkimAction,
    },
    /// Run the engine's judgements over files with known answers, for scorers to compare
    Eval {
        /// Which judgement
        #[command(subcommand)]
        action: EvalAction,
    },
    /// Show the page of a finding's code, like R0201
    Code {
        /// The code; without it, all are listed
        code: Option<String>,
    },
    /// Print completions for a shell: rapport completions bash > /etc/bash_completion.d/rapport
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

/// Of `test`.
#[derive(Debug, Args)]
pub struct TestArguments {
    /// Only workflows and tests whose name contains this
    pub only: Option<String>,
    /// Also tell which steps and branches no test walks
    #[arg(long)]
    pub coverage: bool,
    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Print the results as data
    #[arg(long)]
    pub json: bool,
    /// Also name the tests that pass
    #[arg(long)]
    pub all: bool,
}

/// Of `backtest`.
#[derive(Debug, Args)]
pub struct BacktestArguments {
    /// Tell only of this workflow; all are played, because they share caps and holds
    pub workflow: Option<String>,
    /// How far back the edited files are in force; before, those that were
    #[arg(long, value_name = "DAYS", default_value = "90d")]
    pub last: String,
    /// As though nobody, and no burst, complaints or bounces, had ever let mail wait
    #[arg(long)]
    pub without_pauses: bool,
    /// Fail (exit code 1) when more mails would go out
    #[arg(long, value_name = "N")]
    pub max_mails: Option<usize>,
    /// Fail (exit code 1) when one partner would get more mails
    #[arg(long, value_name = "N")]
    pub max_per_partner: Option<usize>,
    /// Every single difference
    #[arg(long)]
    pub all: bool,
    /// As data
    #[arg(long)]
    pub json: bool,
}

/// Of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// Only this workflow; without --partner, the workflow whose test makes the sample partner
    pub workflow: Option<String>,
    /// A partner of the store; PROGRAM/PARTNER where several programmes have it
    #[arg(long)]
    pub partner: Option<String>,
    /// Without --partner: the test whose name contains this
    #[arg(long, conflicts_with = "partner")]
    pub test: Option<String>,
    /// With --partner: so many days
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub days: u32,
    /// Without the mails' texts
    #[arg(long)]
    pub brief: bool,
    /// As data
    #[arg(long)]
    pub json: bool,
}

/// Of `health`.
#[derive(Debug, Args)]
pub struct HealthArguments {
    /// The partner's id; PROGRAM/PARTNER where several programmes have it
    pub partner: Option<String>,
    /// As it was known then
    #[arg(long, value_name = "DATE")]
    pub at: Option<String>,
    /// Every change up to then
    #[arg(long)]
    pub history: bool,
    /// Another health.yaml: who would change band
    #[arg(long, value_name = "FILE", conflicts_with_all = ["partner", "at", "history"])]
    pub compare: Option<PathBuf>,
    /// As data
    #[arg(long)]
    pub json: bool,
}

/// Of `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Another seed is another world
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print the summary as data
    #[arg(long)]
    pub json: bool,
    /// Lay the files out anew although somebody edited those of the last demo
    #[arg(long)]
    pub fresh: bool,
    /// Open nothing afterwards; nothing is opened anyway
    #[arg(long, hide = true)]
    pub no_console: bool,
    /// How many partners the programme has
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub partners: u32,
    /// How many days are played
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=365))]
    pub days: u32,
}

/// Of `run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// Which services; all when none is named
    #[arg(value_enum)]
    pub services: Vec<Service>,
    /// Live, or the past played event by event (loads history before going live)
    #[arg(long, value_enum, default_value = "live")]
    pub clock: ClockKind,
    /// With `--clock replay`: stop after this date
    #[arg(long, value_name = "DATE")]
    pub replay_until: Option<String>,
    /// This process's name; restarted under the same name it takes its work back at once [default: host and process id]
    #[arg(long)]
    pub name: Option<String>,
    /// Where health, readiness and metrics are served, like 127.0.0.1:8090
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<std::net::SocketAddr>,
}

/// Of `ingest`.
#[derive(Debug, Args)]
pub struct IngestArguments {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The programme of a purchase log's customers [default: the first in config/rapport.yaml]
    #[arg(long, value_name = "ID")]
    pub program: Option<String>,
    /// Where they go: straight in, or to the upstream topics
    #[arg(long, value_enum, default_value = "rapport")]
    pub into: IngestTarget,
    /// Live, or each event at its own time through the whole engine (embedded layout)
    #[arg(long, value_enum, default_value = "live")]
    pub clock: ClockKind,
    /// With `--clock replay`: stop after this date
    #[arg(long, value_name = "DATE")]
    pub replay_until: Option<String>,
}

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Service {
    /// Takes events from the upstream topics
    Ingest,
    /// Keeps partners, advances journeys
    Engine,
    /// Carries decisions back into the log
    Relay,
    /// Sends mail
    Mailer,
    /// Serves links in mails, webhooks, health
    Gateway,
}

/// Which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClockKind {
    /// The database's
    Live,
    /// The events'
    Replay,
}

/// Where a file's events go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IngestTarget {
    /// The event log, after the same checks as any tracker's
    Rapport,
    /// The upstream topics of Kafka, as a tracker would
    Kafka,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FindingFormat {
    /// With the line and a caret
    Human,
    /// A JSON array
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

/// Which judgement to evaluate.
#[derive(Debug, Subcommand)]
pub enum EvalAction {
    /// Dips: partners and days on which conversions fell below the partner's own normal
    Dips {
        /// Daily counts: partner_id,day,conversions,revenue; day 0 a Monday, missing days are 0
        #[arg(long, value_name = "FILE")]
        events: PathBuf,
        /// The partners: partner_id,program_id,join_day
        #[arg(long, value_name = "FILE")]
        partners: PathBuf,
        /// False alarms accepted per partner and year
        #[arg(long, default_value_t = 0.1)]
        budget: f64,
        /// Where the alarms go: scope,id,day,score,since_day,expected,observed,chance
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Health: who converts again, how often, and what that is worth
    Health {
        /// A purchase log: customer_id,date,orders,spend
        #[arg(long, value_name = "FILE")]
        events: PathBuf,
        /// Customers whose first day is not later are predicted
        #[arg(long, value_name = "DATE")]
        cohort_end: String,
        /// The last day that is learnt from
        #[arg(long, value_name = "DATE")]
        cal_end: String,
        /// Days after it that are predicted
        #[arg(long)]
        horizon_days: u32,
        /// Where predictions go: customer_id,p_alive,p_active,expected,expected_value
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLetterAction {
    /// List them, newest first
    List {
        /// Only those with this code
        #[arg(long)]
        code: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// As data
        #[arg(long)]
        json: bool,
    },
    /// Show one with its bytes
    Show {
        /// Where it stands, as the list shows it: SOURCE/PARTITION@OFFSET
        position: String,
    },
    /// Let a source through that was stopped because too much of it is refused: the rest is kept as dead letters, too, until the source is sound again
    Accept {
        /// What was stopped, as readiness and the log say it: SOURCE/PARTITION
        place: String,
        /// Who accepts, for the record [default: the login name]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Read them again, oldest first: what is accepted now goes into the log
    Replay {
        /// Only those with this code
        #[arg(long)]
        code: Option<String>,
        /// At most so many [default: all that were not replayed yet]
        #[arg(long)]
        limit: Option<usize>,
        /// Only the one that stands here: SOURCE/PARTITION@OFFSET
        #[arg(long, value_name = "POSITION", conflicts_with_all = ["code", "limit"])]
        at: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }
}

/// What a person found out about a mail in doubt.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(id = "found", requires = "message")]
pub struct FoundOut {
    /// It arrived: the server's log or the recipient says so
    #[arg(long)]
    pub sent: bool,
    /// It did not arrive, and shall not any more; it is taken off the caps' count
    #[arg(long)]
    pub not_sent: bool,
    /// Send it once more within the hour, with the same Message-ID: better twice than not at all
    #[arg(long)]
    pub send_again: bool,
}
