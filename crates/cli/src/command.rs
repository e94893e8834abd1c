//! The commands, a file for each.

mod apply;
mod audit;
mod award;
mod backtest;
mod check;
mod code;
mod completions;
mod dead_letters;
mod dev;
mod dkim;
mod doctor;
mod erase;
mod eval;
mod explain;
mod feeds;
mod fmt;
mod goal;
mod graph;
mod health;
mod in_doubt;
mod ingest;
mod lsp;
mod migrate;
mod new;
mod no_workflow;
mod notices;
mod pause;
mod plan;
mod preview;
mod release;
mod report;
mod restore;
mod review;
mod run;
mod schema;
mod segment;
mod send_test;
mod simulate;
mod test;
mod upcoming;
mod work;

use crate::command_line::{Command, CommandLine, Global};
use crate::exit::Failure;
use crate::settings::Settings;
use crate::{demo, telemetry};

/// Carries a command out; the answer is the exit code.
pub async fn run(line: CommandLine) -> Result<u8, Failure> {
    let global = line.global;
    match line.command {
        Command::Demo(arguments) => {
            telemetry::begin(&global, None, None, true);
            demo::run(&global, &arguments).await
        }
        Command::Run(arguments) => {
            let settings = Settings::load(&global)?;
            telemetry::begin(&global, settings.log_format, settings.log_level.as_deref(), false);
            run::run(&settings, arguments).await
        }
        Command::Ingest(arguments) => ingest::run(&quiet(&global)?, arguments).await,
        Command::Check { format, fix, history } => check::run(&global, format, fix, history).await,
        Command::Graph { workflow, format, live, out } => {
            graph::run(&global, &workflow, format, live, out.as_ref()).await
        }
        Command::Fmt { check } => fmt::run(&global, check),
        Command::New { recipe, name } => new::run(&global, recipe.as_deref(), name.as_deref()),
        Command::Simulate(arguments) => match (&arguments.partner, &arguments.workflow) {
            (Some(partner), _) => simulate::partner(&quiet(&global)?, partner, &arguments).await,
            (None, Some(workflow)) => simulate::sample(&global, workflow, &arguments),
            (None, None) => Err(Failure::input("of whom? name a partner of the store with --partner, or a workflow")),
        },
        Command::Upcoming { days, workflow, json } => {
            upcoming::run(&quiet(&global)?, days, workflow.as_deref(), json).await
        }
        Command::SendTest { mail, to, partner } => {
            send_test::run(&global, &quiet(&global)?, &mail, &to, partner.as_deref()).await
        }
        Command::Backtest(arguments) => backtest::run(&quiet(&global)?, &arguments).await,
        Command::Dev { listen } => dev::run(&global, listen).await,
        Command::Lsp => lsp::run(&global).await,
        Command::Schema { name, write, json } => schema::run(&global, name.as_deref(), write, json),
        Command::Preview { mail, out, partner, language } => {
            preview::run(&global, &mail, out.as_ref(), partner.as_deref(), language.as_deref()).await
        }
        Command::Test(arguments) => test::run(&global, &arguments),
        Command::Plan(arguments) => plan::run(&global, &arguments).await,
        Command::Apply(arguments) => apply::run(&global, arguments).await,
        Command::Pause(arguments) => pause::pause(&quiet(&global)?, arguments).await,
        Command::Hold(arguments) => pause::hold(&quiet(&global)?, arguments).await,
        Command::Incident { action } => pause::incident(&quiet(&global)?, action).await,
        Command::Journey { action } => pause::journey(&quiet(&global)?, action).await,
        Command::Explain { partner, workflow, at, json } => {
            explain::run(&quiet(&global)?, &partner, workflow.as_deref(), at.as_deref(), json).await
        }
        Command::Notices(arguments) => notices::run(&quiet(&global)?, &arguments).await,
        Command::Feeds(arguments) => feeds::run(&global, arguments).await,
        Command::Report(arguments) => report::run(&quiet(&global)?, &arguments).await,
        Command::Health(arguments) => health::run(&quiet(&global)?, &arguments).await,
        Command::Review(arguments) => review::run(&quiet(&global)?, &arguments).await,
        Command::Task { action } => work::task(&quiet(&global)?, action).await,
        Command::Award(arguments) => award::run(&quiet(&global)?, arguments).await,
        Command::Case { action } => work::case(&quiet(&global)?, action).await,
        Command::Goal { action } => goal::run(&quiet(&global)?, action).await,
        Command::Segment { name, partner, json } => {
            segment::run(&quiet(&global)?, &name, partner.as_deref(), json).await
        }
        Command::Migrate { finish } => migrate::run(&quiet(&global)?, finish).await,
        Command::Doctor { json, accept_clock } => doctor::run(&quiet(&global)?, json, accept_clock).await,
        Command::DeadLetters { action } => dead_letters::run(&quiet(&global)?, action).await,
        Command::Export { partner, out } => erase::export(&quiet(&global)?, &partner, out.as_deref()).await,
        Command::Erase(arguments) => erase::erase(&quiet(&global)?, arguments).await,
        Command::Release { partner: None, json, .. } => release::list(&quiet(&global)?, json).await,
        Command::Release { partner: Some(partner), by, .. } => release::run(&quiet(&global)?, &partner, by).await,
        Command::InDoubt { message: None, json, .. } => in_doubt::list(&quiet(&global)?, json).await,
        Command::InDoubt { message: Some(message), found, by, .. } => {
            in_doubt::resolve(&quiet(&global)?, &message, found, by).await
        }
        Command::Restore { accept } => restore::run(&quiet(&global)?, accept).await,
        Command::Dkim { action } => dkim::run(&global, action),
        Command::Eval { action } => eval::run(&action),
        Command::Code { code } => code::run(code.as_deref()),
        Command::Completions { shell } => completions::run(shell),
    }
}

/// Puts files that were checked into force, for the demo.
pub async fn put_into_force(
    desk: &crate::desk::Desk,
    texts: crate::files::Texts,
    since: Option<jiff::Timestamp>,
) -> Result<(), Failure> {
    apply::by_running(desk, texts, since, false).await
}

/// The settings, for a command that tells by what it prints.
fn quiet(global: &Global) -> Result<Settings, Failure> {
    let settings = Settings::load(global)?;
    telemetry::begin(global, settings.log_format, None, true);
    Ok(settings)
}

/// A date or an instant; a date is its first instant in UTC.
fn instant(text: &str) -> Result<jiff::Timestamp, Failure> {
    let date = || {
        let date: jiff::civil::Date = text.parse().ok()?;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    text.parse().ok().or_else(date).ok_or_else(|| {
        Failure::input(format!("`{text}` is no date")).help("write 2026-03-01, or an instant like 2026-03-01T10:00:00Z")
    })
}

/// Who works here, for the record.
fn login_name() -> String {
    let name = ["RAPPORT_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}
