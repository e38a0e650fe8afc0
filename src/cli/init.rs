//! `smdpp init`: a folder to start from, with configuration, data folder and seal key.
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::cli::CliError;
use crate::config::Answers;
use crate::config::Config;
use crate::config::Fqdn;
use crate::config::OperatorAnswer;
use crate::config::private_folder;
use crate::config::write_private;
use crate::config::write_public;
use crate::mint::MintError;
use crate::mint::Plan;
use crate::mint::TestPki;
use crate::random::OsRandom;
use crate::time::Timestamp;
use crate::types::Secret;
use crate::types::hex;

/// Write a configuration, a data folder and a seal key to start from
///
/// Nothing is ever overwritten. With --with-test-pki the server can start at once, for test eUICCs.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// Folder to write to
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Also make a test PKI in DIR/pki, with the operators acme and beta and one eUICC, and wire it in
    #[arg(long)]
    pub with_test_pki: bool,
    /// The SM-DP+ address: the domain name in Activation Codes and in the TLS certificate
    #[arg(long, default_value = "smdp.example.com")]
    pub address: String,
}

impl Init {
    pub fn run(self, now: Timestamp, out: &mut dyn io::Write) -> Result<(), CliError> {
        let address = Fqdn::parse(&self.address)?;
        let (configuration, data, pki) =
            (self.dir.join("smdpp.toml"), self.dir.join("data"), self.dir.join("pki"));
        // All three before the first is written, so that a refusal leaves nothing behind.
        refuse_existing(&configuration)?;
        refuse_existing(&data.join("seal.key"))?;
        if self.with_test_pki {
            refuse_existing(&pki)?;
        }

        fs::create_dir_all(&self.dir).map_err(failed("make folder", &self.dir))?;
        private_folder(&data).map_err(failed("make folder", &data))?;
        let operators = if self.with_test_pki { test_pki(&address, &pki, now)? } else { Vec::new() };
        write_seal_key(&data.join("seal.key"))?;
        // `pki init-test` and `pki import` may have laid it out before.
        let brainpool = pki.join("brainpool/dpauth.pem").exists();
        let text = Config::template(&Answers { address, pki: "pki".to_owned(), brainpool, operators });
        write_public(&configuration, text.as_bytes()).map_err(failed("write", &configuration))?;

        let said = self.summary(&configuration);
        out.write_all(said.as_bytes()).map_err(failed("write to", Path::new("standard output")))
    }

    fn summary(&self, configuration: &Path) -> String {
        let configuration = configuration.display();
        let mut text = format!(
            "Wrote\n  {configuration}  the configuration, every value with a comment\n  \
             {}  the seal key, yours only: back it up, without it the database is lost\n",
            self.dir.join("data/seal.key").display()
        );
        if self.with_test_pki {
            let pki = self.dir.join("pki");
            text.push_str(&format!(
                "  {0}  a test PKI: see {0}/README.txt\n\nNext: smdpp serve --config {configuration}\n",
                pki.display()
            ));
        } else {
            text.push_str(&format!(
                "\nNext: put your certificates and keys in {}, or make test ones: smdpp pki init-test {}\n\
                 Then add an [[operator]] to {configuration} and type: smdpp serve --config {configuration}\n",
                self.dir.join("pki").display(),
                self.dir.join("pki").display()
            ));
        }
        text
    }
}

fn test_pki(address: &Fqdn, folder: &Path, now: Timestamp) -> Result<Vec<OperatorAnswer>, CliError> {
    let plan = Plan { address: address.as_str().to_owned(), ..Plan::example()? };
    let pki = TestPki::new(&plan, now)?;
    pki.write(folder)?;
    let answer = |operator: &crate::mint::Operator| OperatorAnswer {
        name: operator.name.clone(),
        oid: Some(operator.oid.clone()),
    };
    Ok(pki.operators.iter().map(answer).collect())
}

fn write_seal_key(path: &Path) -> Result<(), CliError> {
    let octets = crate::random::octets::<32>(&OsRandom::new()).map_err(MintError::Random)?;
    let octets = Secret::new(octets);
    let text = Secret::new(format!("{}\n", hex::encode(octets.expose())));
    write_private(path, text.expose().as_bytes()).map_err(failed("write", path))
}

fn refuse_existing(path: &Path) -> Result<(), CliError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(MintError::Exists(path.to_owned()).into()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(cause) => Err(failed("look at", path)(cause)),
    }
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CliError {
    let path = path.to_owned();
    move |cause| CliError::File { what, path, cause }
}
