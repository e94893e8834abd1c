//! `rapport migrate`.

use rapport_engine::ports::store::Store as _;
use rapport_store::SCHEMA_VERSION;

use crate::desk::connect_store;
use crate::exit::{self, Doing, Failure};
use crate::printed;
use crate::settings::Settings;

/// The format of partner states this binary writes; a new one is written only after `--finish`.
const STATE_FORMAT: &str = "1";

/// Brings the schema to this version.
pub async fn run(settings: &Settings, finish: bool) -> Result<u8, Failure> {
    let database = connect_store(settings).await?;
    let before = database.schema_version().await.doing("reading the schema's version")?;
    database.migrate().await.doing("migrating")?;
    match before {
        Some(before) if before == SCHEMA_VERSION => printed::line(format!("the schema is at version {SCHEMA_VERSION}")),
        Some(before) => printed::line(format!("the schema went from version {before} to {SCHEMA_VERSION}")),
        None => printed::line(format!("the schema was made, version {SCHEMA_VERSION}")),
    }
    if finish {
        database.set_meta("state_format", STATE_FORMAT).await.doing("raising the written format")?;
        printed::line(format!("partner states are written in format {STATE_FORMAT} from now on"));
    }
    database.close().await;
    Ok(exit::OK)
}
