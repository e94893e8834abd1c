//! Commands about mail on its way out and back.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Of `dkim`.
#[derive(Debug, Subcommand)]
pub enum DkimAction {
    /// Make a private key, and print the DNS record of its public half and what to write in config/rapport.yaml
    New {
        /// The domain mail is sent from
        #[arg(long, value_name = "DOMAIN")]
        domain: String,
        /// The key's name in DNS; a new one for each new key, like r2026a
        #[arg(long, value_name = "NAME")]
        selector: String,
        /// Which kind; every receiver knows RSA, Ed25519 is shorter and signs beside it
        #[arg(long, value_enum, default_value = "rsa")]
        kind: DkimKind,
        /// Where the private key goes; the file must not exist [default: keys/SELECTOR.DOMAIN.pem in the project]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print the DNS records of the keys in config/rapport.yaml
    Show {
        /// As data
        #[arg(long)]
        json: bool,
    },
}

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DkimKind {
    /// 2048 bits.
    Rsa,
    /// RFC 8463.
    Ed25519,
}

/// Of `notices`.
#[derive(Debug, Args)]
pub struct NoticesArguments {
    /// Only this notice: a workflow with the key `notice:`
    pub workflow: Option<String>,
    /// Only partners of whom nothing proves that they know
    #[arg(long)]
    pub missing: bool,
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    pub format: NoticeFormat,
}

/// How notices are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NoticeFormat {
    /// Columns, with totals
    Text,
    /// A row for each partner and notice
    Csv,
    /// Everything, each mail with the server's reply
    Json,
}

/// Of `feeds`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct FeedsArguments {
    /// What to do; without it, the feeds are listed
    #[command(subcommand)]
    pub action: Option<FeedAction>,
    /// The list as data
    #[arg(long)]
    pub json: bool,
}

/// What to do with feeds.
#[derive(Debug, Subcommand)]
pub enum FeedAction {
    /// Fetch the items of feeds that say `from`, hold each against its fields, and write them to config/feeds/NAME.json
    Pull(PullArguments),
}

/// Of `feeds pull`.
#[derive(Debug, Args)]
pub struct PullArguments {
    /// Which feeds [default: all that say `from`]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Put the items into force afterwards; what else differs in the folder waits for `rapport apply`
    #[arg(long, conflicts_with = "dry_run")]
    pub apply: bool,
    /// Only tell what would be written
    #[arg(long)]
    pub dry_run: bool,
    /// With --apply: who applies, for the record [default: the login name]
    #[arg(long, value_name = "NAME", requires = "apply")]
    pub by: Option<String>,
}
