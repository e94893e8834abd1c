//! Mail into a folder instead of to people: the default outside production.
//!
//! The folder is a maildir; every file in `new/` is a whole mail that a mail program opens. The name of a file follows from the
//! Message-ID, so a mail sent again after a crash replaces itself instead of being there twice.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use xxhash_rust::xxh3::xxh3_64;

use crate::dkim::Signer;
use crate::mime;
use rapport_engine::ports::transport::{Connection, Deadline, Delivery, Envelope, Letter, Transport, TransportError};

/// Writes every mail to a maildir. Nothing leaves the machine.
pub struct CaptureTransport {
    folder: Arc<Folder>,
    permits: Arc<Semaphore>,
    connections: usize,
    signer: Arc<Signer>,
}

struct Folder {
    root: PathBuf,
    /// Names in `tmp/` must differ between writers of one process; the process id tells processes apart.
    written: AtomicU64,
}

impl CaptureTransport {
    /// Captures into `root`, making `root/tmp`, `root/new` and `root/cur` where missing. `connections` mails are written at a time.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn new(root: &Path, connections: usize) -> io::Result<Self> {
        for folder in ["tmp", "new", "cur"] {
            std::fs::create_dir_all(root.join(folder))?;
        }
        let connections = connections.max(1);
        let folder = Arc::new(Folder { root: root.to_owned(), written: AtomicU64::new(0) });
        let permits = Arc::new(Semaphore::new(connections));
        Ok(Self { folder, permits, connections, signer: Arc::default() })
    }

    /// The same, signing every mail it makes: what is captured is what would be sent.
    #[must_use]
    pub fn signing(self, signer: Arc<Signer>) -> Self {
        Self { signer, ..self }
    }
}

#[async_trait]
impl Transport for CaptureTransport {
    async fn ready(&self) -> Result<Box<dyn Connection>, TransportError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| TransportError::Unreachable("the transport is closed".into()))?;
        Ok(Box::new(CaptureConnection { folder: Arc::clone(&self.folder), _permit: permit }))
    }

    fn compose(&self, letter: &Letter) -> Result<Vec<u8>, String> {
        mime::signed(letter, &self.signer)
    }

    fn connections_max(&self) -> usize {
        self.connections
    }

    fn delivers(&self) -> bool {
        false
    }
}

struct CaptureConnection {
    folder: Arc<Folder>,
    _permit: OwnedSemaphorePermit,
}

#[async_trait]
impl Connection for CaptureConnection {
    async fn send(&mut self, envelope: &Envelope, bytes: &[u8], deadline: &Deadline) -> Delivery {
        if deadline.is_over(Instant::now()) {
            return Delivery::NotSent { reason: "stopped or timed out before writing".into() };
        }
        // A few microseconds on a local disk; a hop to another thread would cost more than it hides.
        match self.folder.write(envelope, bytes) {
            Ok(name) => Delivery::Accepted { reply: format!("captured as {name}"), relay: "capture".into() },
            // The rename is the last thing done: after an error there is no new mail in `new/`.
            Err(error) => Delivery::NotSent { reason: error.to_string() },
        }
    }
}

impl Folder {
    /// Writes beside and renames, so that a reader sees whole mails only. Not synced to disk: a captured mail was promised to nobody.
    fn write(&self, envelope: &Envelope, bytes: &[u8]) -> io::Result<String> {
        let name = file_name(bytes);
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let beside = self.root.join("tmp").join(format!("{}-{number}.{name}", std::process::id()));
        // What a final delivery adds (RFC 5321, 4.4): who really sent to whom.
        let one_line = |text: &str| text.replace(|c: char| c.is_control(), " ");
        let top =
            format!("Return-Path: <{}>\r\nDelivered-To: {}\r\n", one_line(&envelope.from), one_line(&envelope.to));
        std::fs::write(&beside, [top.as_bytes(), bytes].concat())?;
        std::fs::rename(&beside, self.root.join("new").join(&name)).inspect_err(|_| {
            // The first error is the one to tell; a file left in tmp/ is no mail.
            let _ = std::fs::remove_file(&beside);
        })?;
        Ok(name)
    }
}

/// `local@domain.eml` from the Message-ID; where that holds other characters or is long, a readable part and its hash.
fn file_name(bytes: &[u8]) -> String {
    let Some(id) = message_id(bytes) else { return format!("{:016x}.eml", xxh3_64(bytes)) };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@' | '.');
    if id.len() <= 120 && !id.is_empty() && !id.starts_with('.') && id.chars().all(is_plain) {
        return format!("{id}.eml");
    }
    let readable: String = id.chars().filter(|c| c.is_ascii_alphanumeric()).take(40).collect();
    format!("{readable}-{:016x}.eml", xxh3_64(id.as_bytes()))
}

/// The Message-ID in the head of a mail, without its brackets.
fn message_id(bytes: &[u8]) -> Option<String> {
    let mut lines = bytes.split(|octet| *octet == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let value = lines.by_ref().take_while(|line| !line.is_empty()).find_map(|line| {
        let colon = line.iter().position(|octet| *octet == b':')?;
        let (name, value) = line.split_at(colon);
        name.eq_ignore_ascii_case(b"message-id")
            .then(|| String::from_utf8_lossy(value.get(1..).unwrap_or_default()).into_owned())
    })?;
    let value = value.trim();
    // A folded header has its value on the next line.
    let value = if value.is_empty() { String::from_utf8_lossy(lines.next()?).into_owned() } else { value.to_owned() };
    Some(value.trim().trim_start_matches('<').trim_end_matches('>').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_message_id() {
        let name = |text: &str| file_name(text.as_bytes());
        assert_eq!(name("Subject: x\r\nMessage-ID: <ab12@mail.example>\r\n\r\nhi"), "ab12@mail.example.eml");
        assert_eq!(name("message-id:\r\n <ab12@mail.example>\r\n\r\nhi"), "ab12@mail.example.eml");
        let odd = name("Message-ID: <../../etc/passwd@x>\r\n\r\n");
        assert!(odd.starts_with("etcpasswdx-") && !odd.contains('/'), "{odd}");
        assert!(!name("Message-ID: <.hidden@x>\r\n\r\n").starts_with('.'));
        // Only the head counts.
        assert_ne!(name("Subject: x\r\n\r\nMessage-ID: <a@b>\r\n"), "a@b.eml");
        assert_ne!(name("Subject: x\r\n\r\n1"), name("Subject: x\r\n\r\n2"));
    }
}
