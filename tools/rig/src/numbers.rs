//! ICCIDs and IMSIs for test Profiles.

/// The `n`th test ICCID: 19 digits, telecom (89), a country code nobody has (999), Luhn check digit.
pub fn iccid(n: u64) -> String {
    let body = format!("89999{:013}", n % 10_000_000_000_000);
    format!("{body}{}", luhn(&body))
}

/// The `n`th IMSI of the test network 001-01.
pub fn imsi(n: u64) -> String {
    format!("00101{:010}", n % 10_000_000_000)
}

/// The digit that makes the Luhn sum a multiple of ten.
fn luhn(body: &str) -> u32 {
    let sum: u32 = body
        .chars()
        .rev()
        .filter_map(|digit| digit.to_digit(10))
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit) {
            (0, 5..) => digit * 2 - 9,
            (0, _) => digit * 2,
            _ => digit,
        })
        .sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_that_of_luhn() {
        assert_eq!(luhn("7992739871"), 3);
    }

    #[test]
    fn numbers_have_their_lengths_and_differ() {
        assert_eq!(iccid(1).len(), 19);
        assert_eq!(imsi(1).len(), 15);
        assert_ne!(iccid(1), iccid(2));
    }
}
