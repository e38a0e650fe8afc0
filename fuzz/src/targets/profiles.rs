//! What an operator hands in, and what the vault hands back: packages of elements, stored bindings.
use smdpp::bpp::bind::BoundPackage;
use smdpp::profile::package::{Package, UPP_OCTETS_MAX};

/// A package that is taken agrees with itself, and all its octets are accounted for.
pub(super) fn package(input: &[u8]) {
    let Ok(package) = Package::read(input) else { return };
    assert!(input.len() <= UPP_OCTETS_MAX, "too large and taken");
    assert_eq!(package.agrees_with(&package.iccid), Ok(()));
    assert_eq!(package.elements.iter().map(|element| element.octets).sum::<usize>(), input.len());
}

pub(super) fn bound_package(input: &[u8]) {
    let Ok(bound) = BoundPackage::from_octets(input) else { return };
    let written = bound.to_octets();
    assert_eq!(written, input);
    assert_eq!(BoundPackage::from_octets(&written), Ok(bound));
}
