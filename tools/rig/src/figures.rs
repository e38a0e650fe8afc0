//! What a process costs, from /proc; and what a row of measurements says.
use std::fs;
use std::time::Duration;

use crate::error::RigError;

/// Length of a clock tick in /proc: USER_HZ is 100 on every Linux that runs this.
const TICK_MS: u64 = 10;

/// User and system time of all threads of a process.
pub fn cpu_time(pid: u32) -> Result<Duration, RigError> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).map_err(RigError::file("read", &path))?;
    ticks(&text)
        .map(|ticks| Duration::from_millis(ticks * TICK_MS))
        .ok_or_else(|| RigError::Wrong(format!("{path} has another form than expected")))
}

/// utime and stime, fields 14 and 15; the name before them may hold blanks and parentheses.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// The most memory the process ever held.
pub fn peak_rss_kib(pid: u32) -> Result<u64, RigError> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).map_err(RigError::file("read", &path))?;
    text.lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok())
        .ok_or_else(|| RigError::Wrong(format!("{path} has no VmHWM")))
}

pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The value that `percent` of the measurements do not exceed.
pub fn percentile(measured: &mut [Duration], percent: usize) -> Duration {
    measured.sort_unstable();
    let place = (measured.len() * percent).div_ceil(100).saturating_sub(1);
    measured.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_with_blanks_does_not_shift_the_fields() {
        assert_eq!(ticks("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 40 2 0 0"), Some(42));
        assert_eq!(ticks("7 (x) S 1"), None);
    }

    #[test]
    fn percentiles_are_measured_values() {
        let mut measured: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut measured, 50), Duration::from_millis(100));
        assert_eq!(percentile(&mut measured, 99), Duration::from_millis(198));
        assert_eq!(percentile(&mut [], 99), Duration::ZERO);
    }

    #[test]
    fn this_process_has_a_cost() {
        assert!(peak_rss_kib(std::process::id()).unwrap() > 0);
        cpu_time(std::process::id()).unwrap();
    }
}
