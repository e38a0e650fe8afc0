//! The rig with a server made of shell, so that its own promises do not wait for the real one.
use std::os::unix::fs::PermissionsExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::*;

/// A script that is open for writing, in a child that another test forks just then, cannot be run.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Scripted {
    server: Server,
    _alone: MutexGuard<'static, ()>,
}

impl std::ops::Deref for Scripted {
    type Target = Server;
    fn deref(&self) -> &Server {
        &self.server
    }
}

impl std::ops::DerefMut for Scripted {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

/// A server that does `serve` when told to serve, `false` when told to fail, and else repeats its arguments.
fn scripted(serve: &str) -> Scripted {
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("fake-smdpp");
    let script = format!(
        "#!/bin/sh\nready=$5\ncase $3 in fail) exit 1;; serve) ;; *) echo \"$@\"; exit;; esac\n{serve}\n"
    );
    fs::write(&binary, script).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    let server =
        Server { binary, folder: Folder::Temporary(folder), address: ADDRESS.to_owned(), running: None };
    Scripted { server, _alone: alone }
}

const WRITES_READY: &str = r#"echo "{\"es9plus\":\"127.0.0.1:1\",\"es2plus\":\"127.0.0.1:2\",\"pid\":$$,\"key_store\":\"software\"}" > "$ready""#;

#[test]
fn a_started_server_says_where_it_listens_and_what_it_costs() {
    let mut server = scripted(&format!("{WRITES_READY}; while :; do :; done"));
    assert_eq!(server.start().unwrap().es9plus, "127.0.0.1:1");
    std::thread::sleep(Duration::from_millis(100));
    assert!(server.cpu_time().unwrap() > Duration::ZERO);
    assert!(server.peak_rss_kib().unwrap() > 100);
}

#[test]
fn a_server_that_ends_at_once_shows_its_own_words() {
    let failure = scripted("echo the certificate has expired >&2; exit 3").start().unwrap_err().to_string();
    assert!(failure.contains("the certificate has expired") && failure.contains('3'), "{failure}");
}

#[test]
fn a_server_stops_when_asked() {
    let mut server = scripted(&format!("trap 'exit 7' TERM; {WRITES_READY}; while :; do sleep 0.01; done"));
    server.start().unwrap();
    assert_eq!(server.terminate().unwrap().code(), Some(7));
    assert!(matches!(server.ready(), Err(RigError::NotRunning)));
}

#[test]
fn a_killed_server_starts_again_in_the_same_folder() {
    let mut server = scripted(&format!("{WRITES_READY}; exec sleep 60"));
    let first = server.start().unwrap().pid;
    server.kill();
    assert!(!Path::new(&format!("/proc/{first}")).exists());
    assert_ne!(server.start().unwrap().pid, first);
}

#[test]
fn a_failed_command_shows_what_was_typed_and_what_was_said() {
    let server = scripted("");
    assert!(server.smdpp(&["profile", "list"]).unwrap().ends_with("profile list\n"));
    let failure = server.smdpp(&["fail", "now"]).unwrap_err().to_string();
    assert!(failure.contains("fail now") && failure.contains("status: 1"), "{failure}");
}
