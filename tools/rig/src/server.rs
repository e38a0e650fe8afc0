//! The real `smdpp` as a child process, in a folder of its own.
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::error::RigError;
use crate::figures;
use crate::pki::Pki;

/// The address of a fresh server; Activation Codes and certificates bear it, sockets do not.
pub const ADDRESS: &str = "smdp.example.com";
/// The address in the certificates of SGP.26.
pub const SGP26_ADDRESS: &str = "testsmdpplus1.example.com";

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);
/// Lines of the server's log that an error shows.
const LOG_LINES: usize = 30;

/// Where a fresh server's certificates come from.
#[derive(Debug, Clone, Copy)]
pub enum Certificates<'a> {
    /// Made now, with so many test eUICCs.
    Fresh { euiccs: usize },
    /// Taken from a folder with the set of SGP.26.
    Sgp26(&'a Path),
}

/// What `serve --ready-file` says once it listens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ready {
    pub es9plus: String,
    pub es2plus: String,
    pub pid: u32,
    #[serde(default)]
    pub key_store: String,
}

#[derive(Debug)]
enum Folder {
    Kept(PathBuf),
    /// Goes away with the server.
    Temporary(TempDir),
}

#[derive(Debug)]
struct Running {
    child: Child,
    ready: Ready,
}

/// A server with its folder; it runs between `start` and `kill` or `terminate`, as often as wanted.
#[derive(Debug)]
pub struct Server {
    binary: PathBuf,
    folder: Folder,
    address: String,
    running: Option<Running>,
}

impl Server {
    /// A new folder that goes away with the server; not started yet.
    pub fn fresh(certificates: Certificates<'_>) -> Result<Self, RigError> {
        let folder = tempfile::Builder::new()
            .prefix("smdpp-rig-")
            .tempdir()
            .map_err(RigError::file("make a folder in", std::env::temp_dir()))?;
        Self::create(smdpp()?, Folder::Temporary(folder), certificates)
    }

    /// The same in `folder`, which stays.
    pub fn fresh_in(folder: &Path, certificates: Certificates<'_>) -> Result<Self, RigError> {
        Self::create(smdpp()?, Folder::Kept(folder.to_owned()), certificates)
    }

    /// A folder that `smdpp init` made before.
    pub fn attach(folder: &Path, address: &str) -> Result<Self, RigError> {
        let (folder, address) = (Folder::Kept(folder.to_owned()), address.to_owned());
        Ok(Self { binary: smdpp()?, folder, address, running: None })
    }

    fn create(binary: PathBuf, folder: Folder, certificates: Certificates<'_>) -> Result<Self, RigError> {
        let address = match certificates {
            Certificates::Fresh { .. } => ADDRESS,
            Certificates::Sgp26(_) => SGP26_ADDRESS,
        };
        let server = Self { binary, folder, address: address.to_owned(), running: None };
        let folder = server.folder().display().to_string();
        let pki = format!("{folder}/pki");
        match certificates {
            Certificates::Fresh { euiccs: 1 } => {
                server.run(&["init", &folder, "--with-test-pki", "--address", address])?;
            }
            Certificates::Fresh { euiccs } => {
                let euiccs = euiccs.to_string();
                let said =
                    server.run(&["pki", "init-test", &pki, "--address", address, "--euiccs", &euiccs])?;
                server.init_around_pki(&said)?;
            }
            Certificates::Sgp26(source) => {
                let said = server.run(&["pki", "import", &source.display().to_string(), &pki])?;
                server.init_around_pki(&said)?;
            }
        }
        Ok(server)
    }

    /// What a person does after `smdpp pki`: `init`, and the operators that were `said` into the configuration.
    fn init_around_pki(&self, said: &str) -> Result<(), RigError> {
        self.run(&["init", &self.folder().display().to_string(), "--address", &self.address])?;
        let operators = said.find("[[operator]]").and_then(|place| said.get(place..)).unwrap_or_default();
        let path = self.config();
        let append = || {
            let mut file = OpenOptions::new().append(true).open(&path)?;
            writeln!(file, "\n{operators}")
        };
        append().map_err(RigError::file("add the operators to", &path))
    }

    pub fn folder(&self) -> &Path {
        match &self.folder {
            Folder::Kept(path) => path,
            Folder::Temporary(folder) => folder.path(),
        }
    }

    pub fn config(&self) -> PathBuf {
        self.folder().join("smdpp.toml")
    }

    /// The SM-DP+ address, as in Activation Codes.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn pki(&self) -> Pki {
        Pki::new(self.folder().join("pki"))
    }

    /// Where it listens, while it runs.
    pub fn ready(&self) -> Result<&Ready, RigError> {
        self.running.as_ref().map(|running| &running.ready).ok_or(RigError::NotRunning)
    }

    /// Runs `smdpp --config … arguments` and gives what it prints.
    pub fn smdpp<S: AsRef<str>>(&self, arguments: &[S]) -> Result<String, RigError> {
        let config = self.config().display().to_string();
        let mut all = vec!["--config", &config];
        all.extend(arguments.iter().map(AsRef::as_ref));
        self.run(&all)
    }

    fn run(&self, arguments: &[&str]) -> Result<String, RigError> {
        let output = Command::new(&self.binary)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(RigError::file("run", &self.binary))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        let output_text = format!("{text}{}", String::from_utf8_lossy(&output.stderr));
        let (arguments, status) = (arguments.join(" "), output.status.to_string());
        Err(RigError::Command { arguments, status, output: output_text })
    }

    /// Starts the server and waits until it listens. The ports are new each time.
    pub fn start(&mut self) -> Result<&Ready, RigError> {
        self.kill();
        let ready_file = self.folder().join("ready.json");
        fs::remove_file(&ready_file).ok();
        let (log, log_too) = self.open_log()?;
        let child = Command::new(&self.binary)
            .arg("--config")
            .arg(self.config())
            .args(["serve", "--ready-file"])
            .arg(&ready_file)
            .arg("--until-eof")
            .env("SMDPP_ES9PLUS_LISTEN", "127.0.0.1:0")
            .env("SMDPP_ES2PLUS_LISTEN", "127.0.0.1:0")
            // Held open as long as we live: the server ends with us, however we end.
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(log_too)
            .spawn()
            .map_err(RigError::file("run", &self.binary))?;
        let running = self.wait_until_ready(child, &ready_file)?;
        Ok(&self.running.insert(running).ready)
    }

    fn wait_until_ready(&self, mut child: Child, ready_file: &Path) -> Result<Running, RigError> {
        let start = Instant::now();
        let what = loop {
            // An object without its end is still being written.
            let line = fs::read_to_string(ready_file).unwrap_or_default();
            if let Ok(ready) = serde_json::from_str(&line) {
                return Ok(Running { child, ready });
            }
            match child.try_wait() {
                Ok(Some(status)) => break format!("ended before it was ready ({status})"),
                Ok(None) if start.elapsed() > START_LIMIT => {
                    break format!("was not ready after {} s", START_LIMIT.as_secs());
                }
                Ok(None) => std::thread::sleep(POLL),
                Err(cause) => break format!("cannot be watched: {cause}"),
            }
        };
        end(&mut child);
        Err(RigError::Start { what, log: self.log() })
    }

    /// Ends the server at once (SIGKILL), as a crash would. Its folder stays for the next `start`.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            end(&mut running.child);
        }
    }

    /// Asks the server to stop (SIGTERM) and waits until it has.
    pub fn terminate(&mut self) -> Result<ExitStatus, RigError> {
        let mut running = self.running.take().ok_or(RigError::NotRunning)?;
        let pid = running.child.id().to_string();
        // The shell's own kill: the standard library knows only SIGKILL.
        Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &pid])
            .status()
            .map_err(RigError::file("run", "sh"))?;
        let start = Instant::now();
        while start.elapsed() < STOP_LIMIT {
            if let Ok(Some(status)) = running.child.try_wait() {
                return Ok(status);
            }
            std::thread::sleep(POLL);
        }
        end(&mut running.child);
        Err(RigError::Start { what: "did not stop when asked".to_owned(), log: self.log() })
    }

    /// Processor time since the start, user and system.
    pub fn cpu_time(&self) -> Result<Duration, RigError> {
        figures::cpu_time(self.ready()?.pid)
    }

    pub fn peak_rss_kib(&self) -> Result<u64, RigError> {
        figures::peak_rss_kib(self.ready()?.pid)
    }

    /// The end of what the server logged.
    pub fn log(&self) -> String {
        let text = fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let (_, last) = lines.split_at(lines.len().saturating_sub(LOG_LINES));
        last.join("\n")
    }

    fn log_file(&self) -> PathBuf {
        self.folder().join("server.log")
    }

    /// The log twice, for both streams; a restart appends.
    fn open_log(&self) -> Result<(File, File), RigError> {
        let path = self.log_file();
        let open = || {
            let log = OpenOptions::new().create(true).append(true).open(&path)?;
            Ok((log.try_clone()?, log))
        };
        open().map_err(RigError::file("open", &path))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills and reaps; both fail only if the child is gone already.
fn end(child: &mut Child) {
    child.kill().ok();
    child.wait().ok();
}

/// The server's binary: `SMDPP_BIN`, else the one cargo built into the same target folder as this program.
pub fn smdpp() -> Result<PathBuf, RigError> {
    let path = match std::env::var_os("SMDPP_BIN") {
        Some(named) => PathBuf::from(named),
        None => beside_this_program()?,
    };
    if path.is_file() { Ok(path) } else { Err(RigError::NoBinary(path)) }
}

fn beside_this_program() -> Result<PathBuf, RigError> {
    let this = std::env::current_exe().map_err(RigError::file("find", "this program"))?;
    let folder = this.parent().unwrap_or(Path::new("."));
    // Test programs live one folder deeper.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    Ok(folder.join("smdpp"))
}

#[cfg(test)]
mod tests;
