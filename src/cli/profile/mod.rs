//! `smdpp profile`: put Profiles in stock, and look at them.
pub mod import;
pub mod metadata;
pub mod show;

use crate::cli::CliError;
use crate::cli::out::Out;
use crate::config::Config;
use crate::time::Timestamp;

#[derive(Debug, clap::Subcommand)]
pub enum ProfileCommand {
    Import(import::ImportProfiles),
    List(show::ListProfiles),
    Show(show::ShowProfile),
}

impl ProfileCommand {
    pub async fn run(self, config: &Config, now: Timestamp, out: &mut Out<'_>) -> Result<(), CliError> {
        match self {
            Self::Import(import) => import.run(config, now, out).await,
            Self::List(list) => list.run(config, out).await,
            Self::Show(show) => show.run(config, out).await,
        }
    }
}
