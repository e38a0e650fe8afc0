//! Every message as it went over the wire, in a folder, for somebody with another codec to read.

use std::path::{Path, PathBuf};

use super::Binding;

/// `0007-cancelSession-request.der` or `…-response.json`; a folder that exists is continued.
pub(super) fn write(
    folder: &Path,
    function: &str,
    binding: Binding,
    request: &[u8],
    response: &[u8],
) -> Result<(), (PathBuf, std::io::Error)> {
    let failed = |cause| (folder.to_owned(), cause);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let number = std::fs::read_dir(folder).map_err(failed)?.count() / 2;
    let ending = match binding {
        Binding::Json => "json",
        Binding::Asn1 => "der",
    };
    for (what, octets) in [("request", request), ("response", response)] {
        let file = folder.join(format!("{number:04}-{function}-{what}.{ending}"));
        std::fs::write(&file, octets).map_err(|cause| (file, cause))?;
    }
    Ok(())
}
