//! `rapport dkim`: keys that sign mail.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use openssl::rsa::Rsa;
use rapport_smtp::{DkimKey, RSA_BITS_MIN};
use serde_json::json;

use crate::command_line::{DkimAction, DkimKind, Global};
use crate::exit::{self, Doing, Failure};
use crate::printed::line;
use crate::settings::Settings;

/// A TXT record is made of strings of at most so many octets (RFC 1035, 3.3.14).
const TXT_OCTETS: usize = 255;

/// Makes or shows keys.
pub fn run(global: &Global, action: DkimAction) -> Result<u8, Failure> {
    match action {
        DkimAction::New { domain, selector, kind, out } => {
            let folder = global.dir.clone().unwrap_or_else(|| PathBuf::from("."));
            new(&folder, &domain, &selector, kind, out)
        }
        DkimAction::Show { json } => show(&Settings::load(global)?, json),
    }
}

fn new(folder: &Path, domain: &str, selector: &str, kind: DkimKind, out: Option<PathBuf>) -> Result<u8, Failure> {
    let bad = |error: rapport_smtp::DkimError| Failure::input(error.to_string());
    let (key, pem) = match kind {
        DkimKind::Ed25519 => DkimKey::generate_ed25519(domain, selector).map_err(bad)?,
        DkimKind::Rsa => {
            let bits = u32::try_from(RSA_BITS_MIN).unwrap_or(2048);
            let rsa = Rsa::generate(bits).doing("making an RSA key")?;
            let pem = rsa.private_key_to_pem().doing("writing an RSA key")?;
            let pem = String::from_utf8(pem).doing("writing an RSA key")?;
            (DkimKey::from_pem(domain, selector, &pem).map_err(bad)?, pem)
        }
    };
    let written = out.clone().unwrap_or_else(|| format!("keys/{}.{}.pem", key.selector(), key.domain()).into());
    let file = out.unwrap_or_else(|| folder.join(&written));
    write_secret(&file, &pem)?;
    line(format!("The private key is in {}. Keep it secret, and out of version control.", file.display()));
    line("\nPublish this record, and wait until your name servers tell it:\n");
    line(zone_line(&key));
    line("\nThen write in config/rapport.yaml, under `mail:`\n");
    line(format!(
        "  dkim:\n    - {{ domain: {}, selector: {}, key: \"{}\" }}",
        key.domain(),
        key.selector(),
        written.display()
    ));
    Ok(exit::OK)
}

/// A file that only its owner may read; one that exists is never replaced, for it may be in use.
fn write_secret(file: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).doing(&format!("making the folder {}", folder.display()))?;
    }
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut opened = match opened {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Failure::input(format!("there is a file {} already", file.display()))
                .help("a new key gets a new selector; the old one stays published until its mails are read"));
        }
        Err(error) => return Err(Failure::new(format!("{} cannot be written: {error}", file.display()))),
    };
    opened.write_all(text.as_bytes()).doing(&format!("writing {}", file.display()))
}

fn show(settings: &Settings, as_data: bool) -> Result<u8, Failure> {
    let keys = settings.mail.signer.keys();
    if as_data {
        let all: Vec<_> = keys
            .iter()
            .map(|key| json!({ "name": key.record_name(), "algorithm": key.algorithm(), "txt": key.record() }))
            .collect();
        line(serde_json::Value::from(all).to_string());
        return Ok(exit::OK);
    }
    if keys.is_empty() {
        line("No keys: mail leaves unsigned. `rapport dkim new` makes one.");
    }
    for key in keys {
        line(zone_line(key));
    }
    Ok(exit::OK)
}

/// As a zone file has it.
fn zone_line(key: &DkimKey) -> String {
    let record = key.record();
    let strings: Vec<String> = record
        .as_bytes()
        .chunks(TXT_OCTETS)
        .map(|part| format!("\"{}\"", std::str::from_utf8(part).unwrap_or_default()))
        .collect();
    format!("{}. IN TXT ( {} )", key.record_name(), strings.join(" "))
}
