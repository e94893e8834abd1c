//! `rapport demo`: a year of a programme that might exist, played through the real engine on the embedded layout.

mod folder;
mod play;
mod score;
mod summary;
mod watched;
mod world;

use std::path::PathBuf;

use jiff::tz::TimeZone;

use crate::command_line::{DemoArguments, Global};
use crate::exit::{self, Failure};
use crate::lock::Lock;
use crate::{printed, stop};

use world::{World, WorldSettings};

/// The folder when none is named.
const FOLDER: &str = "rapport-demo";

/// Plays and tells.
pub async fn run(global: &Global, arguments: &DemoArguments) -> Result<u8, Failure> {
    let started = std::time::Instant::now();
    if let Some(file) = &global.config {
        return Err(Failure::input(format!("the demo does not read {}", file.display()))
            .help("it plays in a folder of its own, by the files there; name one with --dir"));
    }
    let folder = global.dir.clone().unwrap_or_else(|| PathBuf::from(FOLDER));
    let (texts, rulebook) = folder::prepare(&folder, arguments.fresh)?;
    let _lock = Lock::take(&folder)?;
    folder::begin_anew(&folder, &texts)?;
    let stop = stop::on_signal()?;
    let program = rulebook.config.program(&rulebook.config.default_program);
    let world = World::new(WorldSettings {
        program: rulebook.config.default_program.to_string(),
        zone: program.map_or(TimeZone::UTC, |program| program.zone.clone()),
        seed: arguments.seed,
        partners: arguments.partners as usize,
        days: arguments.days as usize,
    });
    let played = play::play(&folder, texts, &rulebook, world, arguments, &stop).await?;
    if stop.is_cancelled() {
        return Err(Failure::new("stopped before the year was over").help("start the demo again; it begins anew"));
    }
    let summary = summary::Summary::of(&played, &folder, arguments, started.elapsed());
    folder::keep_summary(&folder, &summary.data())?;
    if arguments.json {
        printed::line(serde_json::to_string_pretty(&summary.data()).unwrap_or_default());
    } else {
        summary.print();
    }
    Ok(exit::OK)
}
