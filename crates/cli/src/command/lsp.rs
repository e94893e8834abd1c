//! `rapport lsp`: the language server over stdin and stdout.

use lsp_server::Connection;

use crate::command_line::Global;
use crate::exit::{self, Doing, Failure};
use crate::files;

/// Serves one editor until it says goodbye.
pub async fn run(global: &Global) -> Result<u8, Failure> {
    let folder = global.dir.clone().unwrap_or_else(|| ".".into());
    let folder = folder.canonicalize().doing("looking for the project folder")?;
    let served = tokio::task::spawn_blocking(move || {
        let (connection, threads) = Connection::stdio();
        // A folder that cannot be read is an empty project: the editor shows what is missing.
        let read = Box::new(|folder: &std::path::Path| files::read(folder).unwrap_or_default());
        let served = rapport_editor::serve(&connection, folder, read).map_err(|error| error.to_string());
        drop(connection);
        served.and_then(|()| threads.join().map_err(|error| error.to_string()))
    });
    served.await.doing("serving the editor")?.map_err(|error| Failure::new(format!("the editor: {error}")))?;
    Ok(exit::OK)
}
