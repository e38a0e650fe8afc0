//! Takes over an existing test PKI, such as the SGP.26 set, by what its files contain and not by their names.
use std::path::Path;

use super::Issued;
use super::MintError;
use super::Overrides;
use super::Press;
use super::Role;
use super::folder::Entry;
use super::folder::write_entries;
use super::issue_dptls;
use super::issue_operator;
use super::issue_operator_ca;
use crate::random::Random;
use crate::time::Timestamp;
use crate::types::Curve;
use crate::types::Oid;
use crate::types::OperatorId;

mod found;

use found::Found;
use found::Set;

/// What to take out of the source.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Which SM-DP+ when there are several; without it, the one that the TLS certificate names.
    pub smdp_oid: Option<Oid>,
    /// The address of a TLS certificate that has to be made; without it, that of the one in the source.
    pub address: Option<String>,
    pub operators: Vec<OperatorId>,
}

/// What an import found and did, to be told to a person.
#[derive(Debug)]
pub struct Findings {
    /// The address in the TLS certificate.
    pub address: String,
    pub smdp_oid: Oid,
    /// Name in the new folder, and where it comes from.
    pub taken: Vec<(String, String)>,
    /// What was missing or expired, and what was done about it.
    pub notes: Vec<String>,
    /// File and reason.
    pub left_alone: Vec<(String, String)>,
    /// Each operator's name and OID, as the configuration wants them.
    pub operators: Vec<(OperatorId, Oid)>,
}

/// Reads `source`, fills what can be filled, and lays the set out in `folder`.
pub fn import(
    source: &Path,
    folder: &Path,
    wanted: &Wanted,
    now: Timestamp,
    random: &dyn Random,
) -> Result<Findings, MintError> {
    let set = found::read(source)?;
    let smdp_oid = choose_smdp(&set, wanted)?;
    let ci = choose_ci(&set, &smdp_oid, Curve::NistP256)?;
    let second = choose_ci(&set, &smdp_oid, Curve::BrainpoolP256r1).ok();
    let mut work = Work {
        set: &set,
        press: Press::new(now, random),
        below: "",
        entries: Vec::new(),
        findings: Findings {
            address: String::new(),
            smdp_oid,
            taken: Vec::new(),
            notes: Vec::new(),
            left_alone: set.left_alone.clone(),
            operators: Vec::new(),
        },
    };
    work.take_chain(ci, wanted)?;
    work.make_operators(wanted)?;
    work.take_euiccs(ci)?;
    if let Some(second) = second {
        work.take_second(second, wanted)?;
    }
    work.note_unused();
    write_entries(folder, &work.entries)?;
    Ok(work.findings)
}

struct Work<'a> {
    set: &'a Set,
    press: Press<'a>,
    /// Where the chain that is being taken goes, below the new folder.
    below: &'static str,
    entries: Vec<Entry>,
    findings: Findings,
}

impl Work<'_> {
    fn take(&mut self, name: &str, says: &str, found: &Found) {
        let name = format!("{}{name}", self.below);
        self.findings.taken.push((name.clone(), found.file.clone()));
        self.entries.push(Entry {
            name,
            says: format!("{says}; from {}", found.file),
            certificate: found.der.clone(),
            key_pkcs8: self.set.key_pkcs8(found),
        });
    }

    fn make(&mut self, name: &str, says: &str, issued: &Issued) {
        let name = format!("{}{name}", self.below);
        self.findings.taken.push((name.clone(), "made freshly".to_owned()));
        self.entries.push(Entry::new(name, says, issued));
    }

    /// What the server needs under one CI.
    fn take_chain(&mut self, ci: &Found, wanted: &Wanted) -> Result<(), MintError> {
        self.take_ci(ci);
        self.take_dp(Role::DpAuth, "dpauth", ci)?;
        self.take_dp(Role::DpPb, "dppb", ci)?;
        self.take_dptls(ci, wanted)
    }

    /// The chain on brainpoolP256r1: whole, or not at all.
    fn take_second(&mut self, ci: &Found, wanted: &Wanted) -> Result<(), MintError> {
        let (entries, taken) = (self.entries.len(), self.findings.taken.len());
        self.below = "brainpool/";
        match self.take_chain(ci, wanted).and_then(|()| self.take_euiccs(ci)) {
            Err(MintError::Incomplete(why)) => {
                self.entries.truncate(entries);
                self.findings.taken.truncate(taken);
                self.findings.notes.push(format!("nothing on brainpoolP256r1 was taken: {why}"));
                Ok(())
            }
            done => done,
        }
    }

    fn take_ci(&mut self, ci: &Found) {
        self.take("ci", "Certificate Issuer", ci);
        if self.set.key(ci).is_none() {
            self.findings.notes.push("no CI key: nothing new can be issued under this CI".to_owned());
        }
    }

    fn take_euiccs(&mut self, ci: &Found) -> Result<(), MintError> {
        let eum = self.set.of(Role::Eum).find(|eum| eum.issued_by(ci));
        let Some(eum) = eum else {
            self.findings.notes.push("no EUM under this CI: bring your own eUICC to test with".to_owned());
            return Ok(());
        };
        self.take("eum", "eUICC manufacturer", eum);
        for euicc in self.set.of(Role::Euicc).filter(|euicc| euicc.issued_by(eum)) {
            let eid = euicc.eid.as_ref().ok_or_else(|| {
                MintError::Incomplete(format!(
                    "{}: an eUICC certificate without EID in its subject",
                    euicc.file
                ))
            })?;
            let name = format!("euicc/{eid}");
            if self.entries.iter().all(|entry| entry.name != format!("{}{name}", self.below)) {
                self.take(&name, "a test eUICC", euicc);
            }
        }
        Ok(())
    }

    fn take_dp(&mut self, role: Role, name: &str, ci: &Found) -> Result<(), MintError> {
        let oid = self.findings.smdp_oid.clone();
        let found = self.set.of(role).filter(|dp| dp.registered.as_ref() == Some(&oid) && dp.issued_by(ci));
        let found = found.max_by_key(|dp| (self.set.key(dp).is_some(), dp.not_after));
        let Some(found) = found else {
            let label = role.label();
            return Err(MintError::Incomplete(format!(
                "no {label} certificate for SM-DP+ OID {oid} in the source"
            )));
        };
        if self.set.key(found).is_none() {
            return Err(MintError::Incomplete(format!("{}: no file in the source has its key", found.file)));
        }
        self.note_expired(found);
        self.take(name, role.label(), found);
        Ok(())
    }

    /// The newest one of this SM-DP+ with its key; a fresh one where that is missing or expired.
    fn take_dptls(&mut self, ci: &Found, wanted: &Wanted) -> Result<(), MintError> {
        let oid = self.findings.smdp_oid.clone();
        let found = self.set.of(Role::DpTls).filter(|tls| tls.registered.as_ref() == Some(&oid));
        let found = found.filter(|tls| tls.issued_by(ci));
        let found = found.max_by_key(|tls| (self.set.key(tls).is_some(), tls.not_after));
        // Both certificates are for one address: the second follows the first.
        let known = Some(self.findings.address.clone()).filter(|address| !address.is_empty());
        let address = wanted.address.clone().or(known);
        let address = address.or_else(|| found.and_then(|tls| tls.dns.first().cloned()));
        let why = match found {
            None => "no TLS certificate of this SM-DP+".to_owned(),
            Some(tls) if self.set.key(tls).is_none() => format!("{} has no key", tls.file),
            Some(tls) if tls.not_after <= self.press.now => format!("{} ended {}", tls.file, tls.not_after),
            Some(tls) if address.as_ref().is_some_and(|address| !tls.dns.contains(address)) => {
                format!("{} has another address", tls.file)
            }
            Some(tls) => {
                self.findings.address = address.unwrap_or_default();
                self.take("dptls", "SM-DP+ TLS", tls);
                return Ok(());
            }
        };
        let Some(address) = address else {
            return Err(MintError::Incomplete(format!("{why}: say --address, so that one can be made")));
        };
        let Some(issuer) = self.set.issuer(ci)? else {
            return Err(MintError::Incomplete(format!("{why}, and without the CI key none can be made")));
        };
        let issued = issue_dptls(self.press, &issuer, &address, &oid, &Overrides::default())?;
        self.findings.notes.push(format!("{why}: made a fresh one for {address}, valid 397 days"));
        self.make("dptls", "SM-DP+ TLS", &issued);
        self.findings.address = address;
        Ok(())
    }

    /// No GSMA set has an operator CA; without one nobody could call ES2+.
    fn make_operators(&mut self, wanted: &Wanted) -> Result<(), MintError> {
        let right = Overrides::default();
        let ca = issue_operator_ca(self.press, &right)?;
        self.make("operator-ca", "issues operators' client certificates for ES2+", &ca);
        self.findings.notes.push("no operator CA in such a set: made one, so that ES2+ works".to_owned());
        for (place, name) in (1_u32..).zip(&wanted.operators) {
            let oid = Oid::parse(&format!("{}.1.{place}", self.findings.smdp_oid))?;
            let client = issue_operator(self.press, &ca, name.as_str(), &oid, &right)?;
            let says = format!("client certificate of operator {name}, OID {oid}");
            self.make(&format!("operators/{name}"), &says, &client);
            self.findings.operators.push((name.clone(), oid));
        }
        Ok(())
    }

    fn note_expired(&mut self, found: &Found) {
        if found.not_after <= self.press.now {
            self.findings
                .notes
                .push(format!("{} ended {}: eUICCs will refuse it", found.file, found.not_after));
        }
    }

    fn note_unused(&mut self) {
        for found in &self.set.certificates {
            if self.findings.taken.iter().all(|(_, file)| *file != found.file) {
                let reason = found.registered.as_ref().map_or_else(
                    || format!("another {}", found.role.label()),
                    |oid| format!("another {} ({oid})", found.role.label()),
                );
                self.findings.left_alone.push((found.file.clone(), reason));
            }
        }
    }
}

/// The CI of a folder with this key identifier, ready to issue; of several, if none is named, the uppermost.
pub(super) fn ci_with_key(folder: &Path, key_id: Option<&[u8]>) -> Result<Issued, MintError> {
    let set = found::read(folder)?;
    let issuers =
        set.of(Role::Ci).filter_map(|ci| Some((ci.file.matches('/').count(), set.issuer(ci).ok()??)));
    let wanted = issuers.filter(|(_, ci)| key_id.is_none_or(|id| ci.key_id() == id));
    let none = || MintError::Incomplete(format!("no CI certificate with its key in {}", folder.display()));
    wanted.min_by_key(|(depth, _)| *depth).map(|(_, ci)| ci).ok_or_else(none)
}

/// The SM-DP+ that was asked for, the one of the TLS certificate, or the only one.
fn choose_smdp(set: &Set, wanted: &Wanted) -> Result<Oid, MintError> {
    let oids = |role| {
        let mut oids: Vec<Oid> = set.of(role).filter_map(|found| found.registered.clone()).collect();
        oids.sort();
        oids.dedup();
        oids
    };
    let there = oids(Role::DpAuth);
    if let Some(oid) = &wanted.smdp_oid {
        let known = there.contains(oid).then(|| oid.clone());
        return known.ok_or_else(|| {
            MintError::Incomplete(format!(
                "no DPauth certificate has OID {oid}; there are: {}",
                listed(&there)
            ))
        });
    }
    if let [only] = there.as_slice() {
        return Ok(only.clone());
    }
    let with_tls: Vec<Oid> = oids(Role::DpTls).into_iter().filter(|oid| there.contains(oid)).collect();
    match with_tls.as_slice() {
        [only] => Ok(only.clone()),
        [] | [_, _, ..] if there.is_empty() => {
            Err(MintError::Incomplete("no DPauth certificate in the source".to_owned()))
        }
        [] | [_, _, ..] => Err(MintError::Incomplete(format!(
            "several SM-DP+ in the source; choose with --oid: {}",
            listed(&there)
        ))),
    }
}

fn choose_ci<'a>(set: &'a Set, smdp_oid: &Oid, curve: Curve) -> Result<&'a Found, MintError> {
    let dpauths: Vec<&Found> =
        set.of(Role::DpAuth).filter(|dp| dp.registered.as_ref() == Some(smdp_oid)).collect();
    let fits = |ci: &&Found| dpauths.iter().any(|dp| dp.issued_by(ci));
    let cis = set.of(Role::Ci).filter(|ci| ci.curve == curve).filter(fits);
    cis.max_by_key(|ci| (set.key(ci).is_some(), ci.not_after)).ok_or_else(|| {
        let curve = curve.name();
        MintError::Incomplete(format!(
            "no CI certificate on {curve} in the source has issued the DPauth of {smdp_oid}"
        ))
    })
}

fn listed(oids: &[Oid]) -> String {
    oids.iter().map(Oid::to_string).collect::<Vec<_>>().join(", ")
}
