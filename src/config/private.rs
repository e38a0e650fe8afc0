//! Files that only their owner may read: keys and the seal key. Refused when others may.
use std::fs;
use std::fs::DirBuilder;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use crate::types::Secret;

/// A key in PEM has under 1 KiB.
const PRIVATE_BYTES_MAX: u64 = 64 * 1024;

/// The permission bits of group and others.
const OTHERS: u32 = 0o077;

#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    #[error("cannot read {}: {cause}", .path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{} can be read by others (mode {mode:03o}) and is therefore not used. Type: chmod 600 '{}'",
            .path.display(), .path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{} is not a file", .path.display())]
    NotAFile { path: PathBuf },
    #[error("{} has more than {PRIVATE_BYTES_MAX} octets: that is no key", .path.display())]
    TooLarge { path: PathBuf },
}

/// Reads a key file that nobody but its owner may read or write.
pub fn read_private(path: &Path) -> Result<Secret<Vec<u8>>, PrivateError> {
    let unreadable = |cause| PrivateError::Unreadable { path: path.to_owned(), cause };
    let file = fs::File::open(path).map_err(unreadable)?;
    // Of the open file and not of the path, so that nobody can change it in between.
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(PrivateError::NotAFile { path: path.to_owned() });
    }
    let mode = about.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(PrivateError::Exposed { path: path.to_owned(), mode });
    }
    if about.len() > PRIVATE_BYTES_MAX {
        return Err(PrivateError::TooLarge { path: path.to_owned() });
    }
    let mut content = Vec::new();
    file.take(PRIVATE_BYTES_MAX).read_to_end(&mut content).map_err(unreadable)?;
    Ok(Secret::new(content))
}

/// Writes a new file with mode 0600; an existing one is an error.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    write_new(path, content, 0o600)
}

/// Writes a new file that everybody may read; an existing one is an error.
pub fn write_public(path: &Path, content: &[u8]) -> io::Result<()> {
    write_new(path, content, 0o644)
}

/// Makes a folder, with those above it, that only its owner may enter. One that is there stays as it is.
pub fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_command_that_helps() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("a.key");
        write_private(&key, b"secret").unwrap();
        assert_eq!(read_private(&key).unwrap().expose(), b"secret");

        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
            let refused = read_private(&key).unwrap_err().to_string();
            assert!(refused.contains("chmod 600"), "{refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("a.key");
        write_private(&key, b"first").unwrap();
        assert!(write_private(&key, b"second").is_err());
        assert_eq!(fs::read(&key).unwrap(), b"first");
    }

    #[test]
    fn what_is_missing_no_file_or_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_private(&folder.path().join("none")), Err(PrivateError::Unreadable { .. })));
        assert!(matches!(read_private(folder.path()), Err(PrivateError::NotAFile { .. })));
        let large = folder.path().join("large");
        write_private(&large, &vec![0; 65 * 1024]).unwrap();
        assert!(matches!(read_private(&large), Err(PrivateError::TooLarge { .. })));
    }
}
