//! `smdpp profile import`: check packages, protect each under its own keys, and put them in stock.
use std::fs;
use std::io::IsTerminal;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use sha2::Digest;
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::metadata::MetadataWords;
use super::metadata::Template;
use crate::bpp::keys::ProfileKeys;
use crate::bpp::protect::protect;
use crate::change;
use crate::change::Change;
use crate::change::Versioned;
use crate::cli::CliError;
use crate::cli::out::Out;
use crate::cli::out::Paint;
use crate::cli::person;
use crate::config::Config;
use crate::profile::Import;
use crate::profile::Profile;
use crate::profile::package::Package;
use crate::profile::package::UPP_OCTETS_MAX;
use crate::random;
use crate::random::OsRandom;
use crate::store::CommitError;
use crate::store::Store;
use crate::time::Timestamp;
use crate::types::Actor;
use crate::types::Iccid;
use crate::types::OperatorId;
use crate::types::ProfileType;
use crate::types::Secret;
use crate::types::hex;
use crate::world::World;

/// Packages under way at once: as many as the store commits in one transaction.
const AT_ONCE: usize = 256;
/// Refusals shown to a person; a machine is given all.
const REFUSALS_SHOWN: usize = 50;

/// Put Profile Packages in stock
///
/// Each package (UPP in DER, TCA interoperable format) is read and checked, encrypted under keys of its own
/// (SGP.22 2.5.3) and sealed in the database. A package that is refused does not stop the others.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  smdpp profile import profile.der --operator acme --type consumer
  smdpp profile import batch/ --operator acme --type consumer --name 'Acme Mobile' --provider Acme
  smdpp profile import *.der --metadata consumer.toml
  smdpp profile import t.der --operator acme --type iot --class test --owner 246-81 --ppr2 \\
        --notify delete=notify.acme.example --notify install=notify.acme.example

A metadata file has the names of the options as keys:
  operator = \"acme\"
  type = \"consumer\"
  name = \"Acme Mobile\"
  notify = [\"install=notify.acme.example\"]")]
pub struct ImportProfiles {
    /// Packages, or folders of which all .der files are taken
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    words: MetadataWords,
    /// TOML file with any of the options above; an option wins over the file
    #[arg(long, value_name = "FILE.toml")]
    metadata: Option<PathBuf>,
}

/// What all packages of one import have in common.
struct Batch {
    store: Store,
    now: Timestamp,
    actor: Actor,
    operator: OperatorId,
    profile_type: ProfileType,
    template: Template,
    iccid: Option<Iccid>,
}

struct Imported {
    iccid: Iccid,
    octets: usize,
    sha256: String,
}

/// File by file in the order of the command line: what became of it.
type Outcome = (PathBuf, Result<Imported, String>);

impl ImportProfiles {
    pub async fn run(self, config: &Config, now: Timestamp, out: &mut Out<'_>) -> Result<(), CliError> {
        let words = match &self.metadata {
            Some(path) => self.words.or_from_file(path)?,
            None => self.words,
        };
        let operator = known_operator(config, words.operator.as_deref())?;
        let profile_type = words.profile_type.as_deref().ok_or_else(|| missing("type"))?;
        let batch = Batch {
            now,
            actor: Actor::Admin { name: person() },
            template: words.template(&config.address, operator.as_str(), profile_type)?,
            operator,
            profile_type: ProfileType::parse(profile_type)?,
            iccid: words.iccid.as_deref().map(Iccid::parse).transpose()?,
            store: World::open_store(config)?,
        };
        let outcomes = import_all(Arc::new(batch), files(self.files)?).await?;
        report(&outcomes, out)
    }
}

fn missing(option: &str) -> CliError {
    CliError::Refused(format!("--{option} is missing: give it here or in the metadata file"))
}

fn known_operator(config: &Config, name: Option<&str>) -> Result<OperatorId, CliError> {
    let name = name.ok_or_else(|| missing("operator"))?;
    if let Some(operator) = config.operator.iter().find(|operator| operator.name.as_str() == name) {
        return Ok(operator.name.clone());
    }
    let names: Vec<&str> = config.operator.iter().map(|operator| operator.name.as_str()).collect();
    Err(CliError::Refused(match names.as_slice() {
        [] => format!("operator {name} is not in the configuration, and no other: add an [[operator]] to it"),
        names => format!(
            "operator {name} is not in the configuration: choose one of {}, or add an [[operator]] to it",
            names.join(", ")
        ),
    }))
}

/// Folders stand for the .der files in them, in the order of their names.
fn files(given: Vec<PathBuf>) -> Result<Vec<PathBuf>, CliError> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path);
            continue;
        }
        let failed = |cause| CliError::File { what: "look into", path: path.clone(), cause };
        let mut inside = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            inside.push(entry.map_err(failed)?.path());
        }
        inside.retain(|path| path.is_file() && path.extension().is_some_and(|end| end == "der"));
        if inside.is_empty() {
            return Err(CliError::Refused(format!("there is no .der file in {}", path.display())));
        }
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}

async fn import_all(batch: Arc<Batch>, files: Vec<PathBuf>) -> Result<Vec<Outcome>, CliError> {
    let total = files.len();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let (mut tasks, mut outcomes) = (JoinSet::new(), Vec::with_capacity(total));
    for (place, file) in files.into_iter().enumerate() {
        let stopped = |_| CliError::Refused("the import was stopped".to_owned());
        let permit = Arc::clone(&places).acquire_owned().await.map_err(stopped)?;
        let batch = Arc::clone(&batch);
        tasks.spawn(async move {
            let result = import_one(&batch, &file).await;
            drop(permit);
            (place, (file, result))
        });
        while let Some(done) = tasks.try_join_next() {
            outcomes.push(done.map_err(broken)?);
        }
        show_progress(outcomes.len(), total);
    }
    while let Some(done) = tasks.join_next().await {
        outcomes.push(done.map_err(broken)?);
        show_progress(outcomes.len(), total);
    }
    outcomes.sort_by_key(|(place, _)| *place);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

fn broken(error: tokio::task::JoinError) -> CliError {
    CliError::Refused(format!("an import task broke off: {error}"))
}

async fn import_one(batch: &Batch, file: &Path) -> Result<Imported, String> {
    let upp = read(file)?;
    let package = Package::read(upp.expose()).map_err(|error| error.to_string())?;
    if let Some(wanted) = &batch.iccid {
        package.agrees_with(wanted).map_err(|error| error.to_string())?;
    }
    let iccid = package.iccid;
    let taken = batch.store.reader().profile(&iccid).await.map_err(|fault| fault.story())?;
    if taken.is_some() {
        return Err(in_stock(&iccid));
    }

    let keys = random::octets::<48>(&OsRandom::new()).map_err(|fault| fault.story())?;
    let keys = ProfileKeys::from_octets(Secret::new(keys).expose());
    let octets = upp.expose().len();
    let sha256 = hex::encode(&Sha256::digest(upp.expose()));
    let stored = change::Package {
        iccid: iccid.clone(),
        metadata: batch.template.for_iccid(&iccid).encode(),
        octets,
        version: Some(package.version),
        keys: keys.octets(),
        protected: protect(upp.expose(), &keys).octets().to_vec(),
    };
    let import = Import {
        iccid: iccid.clone(),
        operator: batch.operator.clone(),
        profile_type: batch.profile_type.clone(),
        package_sha256: sha256.clone(),
        octets,
    };
    let transition = Profile::imported(batch.actor.clone(), import);
    let change = Change::default().profile(Versioned::new(transition)).package(stored);
    batch.store.commit(batch.now, change).await.map_err(|error| match error {
        CommitError::Conflict => in_stock(&iccid),
        CommitError::Fault(fault) => fault.story(),
    })?;
    Ok(Imported { iccid, octets, sha256 })
}

fn in_stock(iccid: &Iccid) -> String {
    format!("ICCID {iccid} is already in stock: a Profile is imported once")
}

/// The package is the subscriber's secret: wiped from memory after use.
fn read(file: &Path) -> Result<Secret<Vec<u8>>, String> {
    let failed = |cause| format!("cannot read it: {cause}");
    // One octet more than allowed is enough for the refusal.
    let limit = u64::try_from(UPP_OCTETS_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut upp = Vec::new();
    fs::File::open(file).and_then(|open| open.take(limit).read_to_end(&mut upp)).map_err(failed)?;
    Ok(Secret::new(upp))
}

/// A bar for people who wait; nothing for a log file.
fn show_progress(done: usize, total: usize) {
    const WIDTH: usize = 40;
    if total < AT_ONCE || !std::io::stderr().is_terminal() {
        return;
    }
    let filled = done.saturating_mul(WIDTH).checked_div(total).unwrap_or(0);
    eprint!("\r[{}{}] {done}/{total}", "#".repeat(filled), " ".repeat(WIDTH.saturating_sub(filled)));
    if done == total {
        eprintln!();
    }
}

fn report(outcomes: &[Outcome], out: &mut Out<'_>) -> Result<(), CliError> {
    let refused: Vec<_> = outcomes
        .iter()
        .filter_map(|(file, result)| Some((file.display().to_string(), result.as_ref().err()?)))
        .collect();
    let imported: Vec<_> =
        outcomes.iter().filter_map(|(file, result)| Some((file, result.as_ref().ok()?))).collect();
    if out.json {
        let imported: Vec<_> = imported
            .iter()
            .map(|(file, one)| {
                json!({ "file": file.display().to_string(), "iccid": one.iccid.as_str(),
                        "octets": one.octets, "sha256": one.sha256 })
            })
            .collect();
        let listed: Vec<_> = refused.iter().map(|(file, why)| json!({ "file": file, "why": why })).collect();
        out.document(&json!({ "imported": imported, "refused": listed }))?;
    } else {
        for (file, why) in refused.iter().take(REFUSALS_SHOWN) {
            let word = out.paint(Paint::Bad, "refused");
            out.text(&format!("{word}  {file}: {why}\n"))?;
        }
        if let Some(more) = refused.len().checked_sub(REFUSALS_SHOWN).filter(|more| *more > 0) {
            out.text(&format!("… and {more} more\n"))?;
        }
        if let [(_, one)] = imported.as_slice() {
            let word = out.paint(Paint::Good, "imported");
            out.text(&format!("{word}  ICCID {}, {} octets\n", one.iccid, one.octets))?;
        } else {
            out.text(&format!("{} imported, {} refused\n", imported.len(), refused.len()))?;
        }
    }
    match refused.len() {
        0 => Ok(()),
        some => Err(CliError::Refused(format!("{some} of {} packages refused", outcomes.len()))),
    }
}
