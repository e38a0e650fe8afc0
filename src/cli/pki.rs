//! `smdpp pki`: make a test PKI, or take one over.
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::cli::CliError;
use crate::config::Fqdn;
use crate::mint;
use crate::mint::Findings;
use crate::mint::Plan;
use crate::mint::TestPki;
use crate::mint::Wanted;
use crate::random::OsRandom;
use crate::time::DAY_MS;
use crate::time::Timestamp;
use crate::types::Oid;
use crate::types::OperatorId;

#[derive(Debug, clap::Subcommand)]
pub enum PkiCommand {
    /// Make a complete test PKI: CI, EUM, eUICCs, SM-DP+ and operator certificates, with their keys
    ///
    /// Twice: on NIST P-256, and below `brainpool` the same eUICCs and SM-DP+ under a CI on brainpoolP256r1.
    /// Everything is fresh and valid from yesterday. Keys are files that only you can read. The folder must be new
    /// or empty: nothing is ever overwritten. Real eUICCs trust none of it.
    InitTest {
        /// Folder to write to
        dir: PathBuf,
        /// The SM-DP+ address (domain name) in the TLS certificate
        #[arg(long, default_value = "smdp.example.com")]
        address: String,
        /// The SM-DP+ OID in the DPauth, DPpb and DPtls certificates
        #[arg(long, default_value = "2.999.10")]
        oid: String,
        /// An operator that gets a client certificate for ES2+; repeat for more
        #[arg(long = "operator", value_name = "NAME", default_values = ["acme", "beta"])]
        operators: Vec<String>,
        /// How many test eUICCs to certify
        #[arg(long, value_name = "N", default_value_t = 1)]
        euiccs: u64,
        /// Days that all but the TLS certificates are valid [default: 30 years]; TLS certificates have 397 days
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(2..))]
        valid_days: Option<u32>,
    },
    /// Show the revocation list of each CI: its age, when the next one is due, and what failed
    ///
    /// Reads what the running server keeps in the folder crl beside the database. Nothing is fetched.
    Crl,
    /// Revoke certificates of a test PKI: write the list (CRL) that its CI would publish now
    ///
    /// The list names all certificates that are revoked, so give each one again. Without any it is empty.
    Revoke {
        /// Folder of the test PKI, with the CI's key
        dir: PathBuf,
        /// Certificates of this CI to revoke; PEM or DER
        certificates: Vec<PathBuf>,
        /// File to write to, in DER; one that is there is replaced
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Days until the next list is due
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        days: u32,
    },
    /// Take over an existing test PKI, such as the GSMA SGP.26 set, and write it in the layout of init-test
    ///
    /// Files may be DER or PEM under any name: certificates are known by their policy, keys by their public key.
    /// What is on brainpoolP256r1 goes below `brainpool`. What is missing or expired is made freshly where the CI key is there, and you are told.
    Import {
        /// Folder to read
        source: PathBuf,
        /// Folder to write to: new or empty
        dir: PathBuf,
        /// Which SM-DP+ to take when the source has several
        #[arg(long)]
        oid: Option<String>,
        /// The SM-DP+ address, if it shall be another one than that of the TLS certificate in the source
        #[arg(long)]
        address: Option<String>,
        /// An operator that gets a client certificate for ES2+; repeat for more
        #[arg(long = "operator", value_name = "NAME", default_values = ["acme", "beta"])]
        operators: Vec<String>,
    },
}

impl PkiCommand {
    pub fn run(self, now: Timestamp, out: &mut dyn io::Write) -> Result<(), CliError> {
        let said = match self {
            // `command.rs` runs it, since it needs the configuration.
            Self::Crl => String::new(),
            Self::Revoke { dir, certificates, out, days } => {
                let next_update = now.plus_ms(DAY_MS.saturating_mul(i64::from(days)));
                let list = mint::revoke(&dir, &certificates, next_update, now)?;
                let failed = |cause| CliError::File { what: "write", path: out.clone(), cause };
                let aside = out.with_extension("part");
                std::fs::write(&aside, list).and_then(|()| std::fs::rename(&aside, &out)).map_err(failed)?;
                format!("{}: {} revoked, next list due in {days} days\n", out.display(), certificates.len())
            }
            Self::InitTest { dir, address, oid, operators, euiccs, valid_days } => {
                let plan = Plan {
                    address: Fqdn::parse(&address)?.as_str().to_owned(),
                    smdp_oid: Oid::parse(&oid)?,
                    operators: operator_ids(&operators)?,
                    euiccs,
                    valid_days,
                };
                let pki = TestPki::new(&plan, now)?;
                pki.write(&dir)?;
                init_test_summary(&pki, &plan, &dir.display().to_string())
            }
            Self::Import { source, dir, oid, address, operators } => {
                let wanted = Wanted {
                    smdp_oid: oid.as_deref().map(Oid::parse).transpose()?,
                    address: match address {
                        Some(address) => Some(Fqdn::parse(&address)?.as_str().to_owned()),
                        None => None,
                    },
                    operators: operator_ids(&operators)?,
                };
                let findings = mint::import(&source, &dir, &wanted, now, &OsRandom::new())?;
                import_summary(&findings, &dir.display().to_string())
            }
        };
        let path = PathBuf::from("standard output");
        out.write_all(said.as_bytes()).map_err(|cause| CliError::File { what: "write to", path, cause })
    }
}

/// Parses the names, each once.
pub(super) fn operator_ids(names: &[String]) -> Result<Vec<OperatorId>, CliError> {
    let mut ids: Vec<OperatorId> = Vec::new();
    for name in names {
        let id = OperatorId::parse(name)?;
        if ids.contains(&id) {
            return Err(CliError::Refused(format!("operator {id} is named twice")));
        }
        ids.push(id);
    }
    Ok(ids)
}

/// More rows than this do not help a reader.
const ROWS_MAX: usize = 16;

fn init_test_summary(pki: &TestPki, plan: &Plan, dir: &str) -> String {
    let contents = pki.contents();
    let mut text = format!("Test PKI of {} ({}) in {dir}\n\n", plan.address, plan.smdp_oid);
    text.push_str(&table(&contents));
    text.push_str(&format!(
        "\nEach is a .pem (certificate) and a .key (private key, yours only). {dir}/README.txt says more.\n\
         For tests only: no real eUICC trusts this CI.\n"
    ));
    let operators: Vec<_> = pki.operators.iter().map(|one| (one.name.clone(), one.oid.clone())).collect();
    text.push_str(&next_step(dir, &plan.address, &operators));
    text
}

fn import_summary(findings: &Findings, dir: &str) -> String {
    let mut text = format!("Imported the PKI of {} ({}) to {dir}\n\n", findings.address, findings.smdp_oid);
    text.push_str(&table(&findings.taken));
    if !findings.notes.is_empty() {
        text.push_str("\nNote:\n");
        findings.notes.iter().for_each(|note| text.push_str(&format!("  - {note}\n")));
    }
    if !findings.left_alone.is_empty() {
        text.push_str("\nLeft alone:\n");
        text.push_str(&table(&findings.left_alone));
    }
    text.push_str(&next_step(dir, &findings.address, &findings.operators));
    text
}

/// The configuration looks for `pki` beside it; a PKI elsewhere has to be named there.
fn next_step(dir: &str, address: &str, operators: &[(OperatorId, Oid)]) -> String {
    let path = Path::new(dir);
    let beside = path.file_name().is_some_and(|name| name == "pki");
    let parent = path.parent().filter(|parent| beside && !parent.as_os_str().is_empty());
    let home = parent.unwrap_or(Path::new("."));
    let configured = beside && home.join("smdpp.toml").exists();
    let home = home.display();
    let mut text = if configured {
        format!("\nNext: see that {home}/smdpp.toml has the address {address}.\n")
    } else {
        format!("\nNext: smdpp init {home} --address {address}\n")
    };
    if !beside {
        text.push_str(&format!("Then put {dir} in the place of pki in {home}/smdpp.toml.\n"));
    }
    text.push_str("Then add the operators at its end:\n");
    for (name, oid) in operators {
        text.push_str(&format!("\n[[operator]]\nname = \"{name}\"\noid = \"{oid}\"\n"));
    }
    text
}

fn table(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(left, _)| left.len()).max().unwrap_or(0);
    let shown = rows.iter().take(ROWS_MAX);
    let mut text: String = shown.map(|(left, right)| format!("  {left:<width$}  {right}\n")).collect();
    if let Some(more) = rows.len().checked_sub(ROWS_MAX).filter(|more| *more > 0) {
        text.push_str(&format!("  … and {more} more\n"));
    }
    text
}
