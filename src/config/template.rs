//! The commented configuration that `smdpp init` writes.
use crate::types::Oid;
use crate::types::OperatorId;

/// What the template does not know by itself.
#[derive(Debug, Clone)]
pub struct Answers {
    pub address: super::Fqdn,
    /// Folder of the PKI, as written in the file: relative to it.
    pub pki: String,
    /// Whether that folder has a second chain below `brainpool`.
    pub brainpool: bool,
    pub operators: Vec<OperatorAnswer>,
}

#[derive(Debug, Clone)]
pub struct OperatorAnswer {
    pub name: OperatorId,
    pub oid: Option<Oid>,
}

pub(super) fn write(answers: &Answers) -> String {
    let mut text =
        TEMPLATE.replace("{address}", answers.address.as_str()).replace("{pki}", &quoted(&answers.pki));
    // Without that chain its lines stay as an example.
    let mark = if answers.brainpool { "" } else { "# " };
    text = text.replace("{brainpool}", mark);
    for operator in &answers.operators {
        text.push_str("\n[[operator]]\n");
        text.push_str(&format!("name = \"{}\"\n", operator.name));
        if let Some(oid) = &operator.oid {
            text.push_str(&format!("oid = \"{oid}\"\n"));
        }
        text.push_str(&format!("common_name = \"{}\"\n", operator.name));
    }
    text
}

/// For the inside of a TOML basic string.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

const TEMPLATE: &str = r#"# smdpp: configuration of an SM-DP+ (GSMA SGP.22). Clauses in brackets are of SGP.22.
#
# Paths are relative to the folder of this file. Secrets never stand here: this file names the files they are in.
# Every value can come from the environment instead: SMDPP_ and the path in capitals, joined by _ , for example
# SMDPP_ADDRESS, SMDPP_ES9PLUS_LISTEN, and for lists with their number from 0, SMDPP_OPERATOR_0_OID. Only in this
# file stand: eligibility, [operator.policy] and [[profile_type]].

# This server's name: in Activation Codes (4.1) and in the TLS certificate. A domain name, without port.
address = "{address}"

# Where orders, sessions and the audit trail are kept: "sqlite:" and a file.
database = "sqlite:data/smdpp.db"

# "test" or "production". Production refuses keys that lie in files.
mode = "test"

# The door for phones (LPA), open to the Internet (5.6).
[es9plus]
# IP address and port.
listen = "0.0.0.0:8443"
# CERT.DP.TLS (4.5.2.1) and its key; PEM.
tls_certificate = "{pki}/dptls.pem"
tls_key = "{pki}/dptls.key"
# The same on brainpoolP256r1: shown to LPAs that offer that curve and not NIST P-256, over TLS 1.2. Optional.
{brainpool}brainpool_tls_certificate = "{pki}/brainpool/dptls.pem"
{brainpool}brainpool_tls_key = "{pki}/brainpool/dptls.key"

# The door for operators, with client certificates (5.3, 6.1).
[es2plus]
# IP address and port; 127.0.0.1 is this machine only.
listen = "127.0.0.1:8444"
# The server certificate operators see, and its key; PEM.
tls_certificate = "{pki}/dptls.pem"
tls_key = "{pki}/dptls.key"
# Who issues the operators' client certificates; PEM, one or more.
client_ca = "{pki}/operator-ca.pem"

# A Certificate Issuer whose eUICCs are served (4.5.2): on NIST P-256 or brainpoolP256r1. Repeat for each.
[[ci]]
certificate = "{pki}/ci.pem"
# Where its revocation list comes from (4.6): files, http:// addresses (the list is signed; https is not needed), or
# "cdp" for the addresses in its certificate and ours. All are asked, the newest list counts. Default: none.
crl = []
{brainpool}[[ci]]
{brainpool}certificate = "{pki}/brainpool/ci.pem"

# When a revocation list cannot be had. The last good one is kept in the folder crl beside the database.
[revocation]
# After nextUpdate: "warn" in the log, or "refuse" all eUICCs under this CI. Default warn.
stale = "warn"
# Hours after nextUpdate until "refuse" refuses. Default 24.
grace_hours = 24
# At start without any list of a CI that has a source: "warn", or "refuse" to start. Default warn.
missing = "warn"

# This server's own certificates under one CI (4.5.2). Repeat for each CI; the eUICC chooses (2.6.7.1).
[[credentials]]
# CERT.DPauth: authenticates this server to the eUICC (5.6.1).
dpauth_certificate = "{pki}/dpauth.pem"
dpauth_key = "{pki}/dpauth.key"
# CERT.DPpb: binds Profiles to the eUICC (5.6.2).
dppb_certificate = "{pki}/dppb.pem"
dppb_key = "{pki}/dppb.key"
{brainpool}[[credentials]]
{brainpool}dpauth_certificate = "{pki}/brainpool/dpauth.pem"
{brainpool}dpauth_key = "{pki}/brainpool/dpauth.key"
{brainpool}dppb_certificate = "{pki}/brainpool/dppb.pem"
{brainpool}dppb_key = "{pki}/brainpool/dppb.key"

# Where the keys live.
[vault]
# "software": in the files above. For tests only.
kind = "software"
# File with 32 random octets in hexadecimal; Profiles and codes are sealed under it. Lose it and they are lost.
seal_key = "data/seal.key"

# Orders through an SM-DS (3.6): this server tells it of the order, with mutual TLS (5.9).
[es12]
# CERT.DP.TLS and its key, by which the SM-DS knows this server; PEM. Default: those of [es9plus].
# tls_certificate = "{pki}/dptls.pem"
# tls_key = "{pki}/dptls.key"
# Seconds until an SM-DS counts as inaccessible; the operator's call waits so long. Default 10.
timeout_seconds = 10

# An SM-DS that is not found by its name at port 443, or whose certificate is of another issuer than a [[ci]].
# [[smds]]
# address = "smds.example.com"
# connect = "127.0.0.1:9444"
# ca = "pki/smds-ca.pem"

# How patient this server is. The same members, but for session_minutes, may stand in [operator.policy] and in
# [profile_type.policy]; `smdpp order set` changes some for one order. The narrower wins, each member alone.
[policy]
# Times a download may be started before its order ends in error (3.1.3). Default 10.
download_attempts_max = 10
# Wrong Confirmation Codes before the order ends in error (3.1.3, 4.7). Default 3.
confirmation_code_attempts_max = 3
# Days until an order that nobody downloads ends. Default 0: never.
order_valid_days = 0
# Minutes until an unfinished download session ends. Default 15.
session_minutes = 15
# Keys that a Profile travels under (2.5.3): "prepared", its own; or "session", those of the session. Default prepared.
keys = "prepared"
# May an eUICC that tries again bring another one-time key (5.6.2)? If not, the order ends. Default true.
rebind = true
# After which failed installations the same eUICC may try again (2.5.6): "none"; "temporary", which is
# InsufficientMemoryForProfile and Interruption; "all"; or a list of errorReasons. Default temporary.
retry_after = "temporary"
# Which eUICCs and devices may have a Profile (3.1.3 step 5, annex F). Most useful for a profile type. All rules are one
# value: where an operator or a profile type has an eligibility of its own, none of the rules before it is left.
# [policy.eligibility]
# tac_allow = ["35290611", "8610"]      only devices whose TAC begins so
# tac_deny = []                          never these
# device = ["nr", "eutran >= 13"]        what the device must state; the number is a release
# profile_version = true                 the eUICC must read the version of the package. Default true
# pp_version_min = "1.0.0"               ppVersion of the eUICC
# euicc_category = ["mediumEuicc"]       other, basicEuicc, mediumEuicc, contactlessEuicc
# test_profile_support = true            a test Profile needs an eUICC for test Profiles. Default true

# What one peer may cost.
[limits]
# Octets of one request, larger ones are refused unread. Default 65536.
request_bytes_max = 65536
# Connections open at once, per door. Default 1000.
connections_max = 1000
# Seconds for the TLS handshake. Default 10.
handshake_seconds = 10
# Seconds for the HTTP headers. Default 10.
header_seconds = 10
# Seconds for the body of a request. Default 30.
body_seconds = 30
# Download sessions open at once; each costs a signature and a row (5.6.1). Default 100000.
open_sessions_max = 100000

# What waits to be told to operators (5.3.5) and SM-DSs (5.9.2): kept in the database until it is delivered.
[outbox]
# Days of trying until it is given up; `smdpp outbox list` shows it, `smdpp outbox retry` tries again. Default 7.
give_up_days = 7

[log]
# error, warn, info, debug or trace. Default info.
level = "info"
# "text" for people, "json" for machines. Default text.
format = "text"

# Operators that may order (5.3). Only the client certificate says who calls (6.1.1), so each needs at least one
# of oid (registeredID in its subjectAltName), common_name (of its subject), certificate_sha256 (64 hexadecimal
# digits of: openssl x509 -noout -fingerprint -sha256 -in FILE). All that are given must fit.
#
# [[operator]]
# name = "acme"
# oid = "2.999.10.1.1"
# common_name = "acme"
# certificate_sha256 = ""
#
# Where this operator is told how its downloads go (ES2+.HandleDownloadProgressInfo, 5.3.5), with mutual TLS: this
# server shows [es2plus] tls_certificate. Without this section it is told nothing.
# [operator.progress]
# url = "https://esim.acme.example"
# Who issues the operator's server certificate; PEM, one or more.
# ca = "pki/acme-ca.pem"
# Points that were agreed: 1 eligibility, 2 confirmation failure, 3 download, 4 installation. Default [2, 3, 4].
# What ends an order, and a Confirmation Code that fails, is told in any case.
# points = [2, 3, 4]
# Numbers from 100 up that were agreed for what the eUICC reports later (3.5). Default: not told.
# install_point = 103
# enable_point = 100
# disable_point = 101
# delete_point = 102
#
# [operator.policy]
# download_attempts_max = 5
#
# What is different for one profile type: everybody's, or of one operator.
#
# [[profile_type]]
# name = "iot"
# operator = "acme"
# [profile_type.policy]
# retry_after = ["Interruption"]
"#;
