//! The sheet: every case that there must be, with its lettered sub-cases.

/// What has no letters needs one part at least.
pub(crate) const SHEET: [(&str, &str); 119] = [
    // Transport: TLS, HTTP, encodings.
    ("TR-01", "ab"),
    ("TR-02", ""),
    ("TR-03", "abc"),
    ("TR-04", "abcd"),
    ("TR-05", ""),
    ("TR-06", "abcdef"),
    ("TR-07", "abc"),
    ("TR-08", "abcdefghijk"),
    ("TR-09", ""),
    // InitiateAuthentication.
    ("IA-01", ""),
    ("IA-02", ""),
    ("IA-03", ""),
    ("IA-04", "abc"),
    ("IA-05", "abc"),
    ("IA-06", ""),
    ("IA-07", "ab"),
    ("IA-08", ""),
    ("IA-09", "abcd"),
    // AuthenticateClient that succeeds.
    ("AC-01", "ab"),
    ("AC-02", ""),
    ("AC-03", "ab"),
    ("AC-04", "ab"),
    ("AC-05", "ab"),
    ("AC-06", "abc"),
    ("AC-07", "ab"),
    ("AC-08", "abc"),
    ("AC-09", ""),
    ("AC-10", "abc"),
    ("AC-11", "abcde"),
    // AuthenticateClient that is refused.
    ("AE-01", "abcde"),
    ("AE-02", ""),
    ("AE-03", "abcd"),
    ("AE-04", "abcde"),
    ("AE-05", ""),
    ("AE-06", "abc"),
    ("AE-07", "abcd"),
    ("AE-08", "ab"),
    ("AE-09", ""),
    ("AE-10", ""),
    ("AE-11", "abcd"),
    ("AE-12", "abcd"),
    ("AE-13", ""),
    ("AE-14", "abc"),
    ("AE-15", "ab"),
    ("AE-16", ""),
    ("AE-17", ""),
    ("AE-18", ""),
    ("AE-19", "abc"),
    ("AE-20", ""),
    ("AE-21", "abc"),
    ("AE-22", "ab"),
    // GetBoundProfilePackage: the package, what is in it, bound again, refused.
    ("GB-01", "abcd"),
    ("GB-02", "ab"),
    ("E8-01", ""),
    ("E8-02", ""),
    ("E8-03", ""),
    ("E8-04", ""),
    ("E8-05", "ab"),
    ("E8-06", ""),
    ("GR-01", "1234"),
    ("GR-02", "1234"),
    ("GR-03", "1234"),
    ("GR-04", ""),
    ("GR-05", ""),
    ("GE-01", "abc"),
    ("GE-02", "abc"),
    ("GE-03", "abcd"),
    ("GE-04", ""),
    ("GE-05", ""),
    ("GE-06", "abcd"),
    ("GE-07", ""),
    ("GE-08", "abcde"),
    ("GE-09", ""),
    // HandleNotification.
    ("HN-01", ""),
    ("HN-02", ""),
    ("HN-03", ""),
    ("HN-04", "abc"),
    ("HN-05", ""),
    ("HN-06", "abcdef"),
    // CancelSession, and the other curve.
    ("CS-01", ""),
    ("CS-02", ""),
    ("CS-03", "ab"),
    ("CS-04", ""),
    ("CS-05", ""),
    ("CS-06", ""),
    ("CS-07", ""),
    ("CS-08", "abcdef"),
    ("BR-01", ""),
    // ES2+: all functions, then one by one, then the operator's end point.
    ("OP-01", ""),
    ("OP-02", "ab"),
    ("OP-03", "abcdef"),
    ("DO-01", "abcdef"),
    ("DO-02", ""),
    ("DO-03", ""),
    ("DO-04", "abcd"),
    ("CO-01", "abcd"),
    ("CO-02", ""),
    ("CO-03", ""),
    ("CO-04", ""),
    ("CO-05", ""),
    ("CO-06", "abc"),
    ("CO-07", "ab"),
    ("CO-08", ""),
    ("CO-09", "abcde"),
    ("XO-01", "ab"),
    ("XO-02", ""),
    ("XO-03", "ab"),
    ("XO-04", "abcde"),
    ("RP-01", "ab"),
    ("RP-02", ""),
    ("PI-01", ""),
    ("PI-02", "abc"),
    // ES12.
    ("DS-01", ""),
    ("DS-02", "abcd"),
    ("DS-03", "abcd"),
    // State, persistence, many at once.
    ("ST-01", ""),
    ("ST-02", "abcd"),
    ("ST-03", ""),
    ("ST-04", ""),
];

/// What the sheet asks for and these cases have not, as `AE-03` or `AE-03 (a)`; and what no row asks for.
pub(crate) fn missing(cases: &[crate::case::Case]) -> Vec<String> {
    let mut missing = Vec::new();
    for (id, letters) in SHEET {
        let Some(case) = cases.iter().find(|case| case.id == id && !case.parts.is_empty()) else {
            missing.push(id.to_owned());
            continue;
        };
        let lacking =
            letters.chars().filter(|letter| !case.parts.iter().any(|part| part.letter.starts_with(*letter)));
        missing.extend(lacking.map(|letter| crate::case::label(id, &letter.to_string())));
    }
    let unknown = cases.iter().filter(|case| !SHEET.iter().any(|(id, _)| *id == case.id));
    missing.extend(unknown.map(|case| format!("{} is not on the sheet", case.id)));
    missing
}
