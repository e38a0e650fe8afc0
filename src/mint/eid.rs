//! EIDs in sequence, with check digits by ISO/IEC 7064 MOD 97-10 (SGP.02 2.2.2, SGP.29).
use crate::types::Eid;
use crate::types::Malformed;

/// The IIN of the test EUM: the first eight digits of each of its EIDs.
pub const TEST_IIN: &str = "89049032";

/// The eUICC of the SGP.26 test set, and the first of ours.
pub const FIRST_EID: &str = "89049032123451234512345678901235";

/// The first thirty digits of [`FIRST_EID`], as a number.
const FIRST_BODY: u128 = 890_490_321_234_512_345_123_456_789_012;

/// The EID `place` places after [`FIRST_EID`].
pub fn nth_eid(place: u64) -> Result<Eid, Malformed> {
    let body = FIRST_BODY.checked_add(u128::from(place)).ok_or(Malformed("EID"))?;
    with_check_digits(body)
}

/// Whether the whole number is 1 modulo 97.
pub fn check_digits_fit(eid: &Eid) -> bool {
    eid.as_str().parse::<u128>().is_ok_and(|number| number % 97 == 1)
}

fn with_check_digits(body: u128) -> Result<Eid, Malformed> {
    let shifted = body.checked_mul(100).ok_or(Malformed("EID"))?;
    let check = 98_u128.saturating_sub(shifted % 97);
    Eid::parse(&format!("{body:030}{check:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_eid_is_that_of_the_sgp_26_test_set() {
        assert_eq!(nth_eid(0).unwrap().as_str(), FIRST_EID);
    }

    #[test]
    fn a_thousand_eids_have_right_check_digits_and_stay_within_the_iin() {
        for place in 0..1000 {
            let eid = nth_eid(place).unwrap();
            assert!(check_digits_fit(&eid), "{eid}");
            assert!(eid.as_str().starts_with(TEST_IIN), "{eid}");
        }
        assert!(!check_digits_fit(&Eid::parse("89049032123451234512345678901299").unwrap()));
    }
}
