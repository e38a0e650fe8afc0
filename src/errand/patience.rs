//! How long to wait for the next try: from 1 s, doubled each time, to 5 minutes, and never all at the same moment.
use crate::time::{MINUTE_MS, SECOND_MS};

const MOST_MS: i64 = 5 * MINUTE_MS;
/// 2^9 s is beyond the most.
const DOUBLINGS_MAX: u32 = 9;

/// After `tries` failed tries and this one; `dice` moves it by up to a quarter in either direction.
pub fn wait_ms(tries: u32, dice: u8) -> i64 {
    let base = SECOND_MS.saturating_mul(1_i64 << tries.min(DOUBLINGS_MAX)).min(MOST_MS);
    let quarter = base / 4;
    let moved = quarter.saturating_mul(2).saturating_mul(i64::from(dice)) / 255;
    base.saturating_sub(quarter).saturating_add(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_from_one_second_to_five_minutes_and_stays_there() {
        let middle: Vec<i64> =
            (0..11).map(|tries| (wait_ms(tries, 0) + wait_ms(tries, 255)) / 2000).collect();
        assert_eq!(middle, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(wait_ms(u32::MAX, 0), 225_000);
    }

    #[test]
    fn the_dice_moves_it_by_a_quarter_at_most() {
        assert_eq!((wait_ms(0, 0), wait_ms(0, 255)), (750, 1250));
        assert!((0..=255).all(|dice| (750..=1250).contains(&wait_ms(0, dice))));
    }
}
