//! The GSMA TS.48 test profiles, when they lie beside the tree (or where `SMDPP_TS48` says): read and bound.
use std::path::PathBuf;

use smdpp::bpp::keys::ProfileKeys;
use smdpp::bpp::protect::protect;
use smdpp::profile::package::Package;
use smdpp::profile::package::Version;

fn ts48() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/ts48");
    let folder = std::env::var_os("SMDPP_TS48").map_or_else(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no TS.48 packages in {}", folder.display());
        return Ok(Vec::new());
    };
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let packages = paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "der"));
    packages.map(|path| Ok((path.display().to_string(), std::fs::read(&path)?))).collect()
}

#[test]
fn every_ts_48_package_is_read() {
    for (name, upp) in ts48().unwrap() {
        let package = Package::read(&upp).unwrap();
        assert_eq!(package.iccid.as_str(), "89000123456789012341", "{name}");
        assert_eq!(package.imsi.as_deref(), Some("001010123456789"), "{name}");
        assert_eq!(package.profile_type, "GSMA Generic eUICC Test Profile");
        assert_eq!(package.version, Version { major: 2, minor: 3 });
        let services = &package.mandatory_services;
        assert!(services.iter().any(|service| service == "profile-b-p256"), "{services:?}");
        assert!(package.elements.iter().all(|element| element.name != "unknown"), "{name}");
        assert_eq!(package.elements.iter().map(|element| element.octets).sum::<usize>(), upp.len());
    }
}

#[test]
fn every_ts_48_package_is_protected_in_thirteen_segments_or_fewer() {
    for (name, upp) in ts48().unwrap() {
        let protected = protect(&upp, &ProfileKeys::from_octets(&[7; 48]));
        let segments = smdpp::asn1::tlv::split(protected.octets()).unwrap();
        assert_eq!(segments.len(), upp.len().div_ceil(1007), "{name}");
    }
}
