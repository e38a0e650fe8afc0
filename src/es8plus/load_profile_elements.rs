//! ES8+.LoadProfileElements (SGP.22 section 5.5.5): the Profile itself, cut to fit its segments.

/// What one encrypted segment of 1020 octets carries: 1008 octets of body, at least one of them padding (2.5.3).
pub const PIECE_OCTETS_MAX: usize = 1007;

/// The plaintexts of the '86' segments, in order. The cut ignores the borders of Profile Elements (2.5.1).
pub fn pieces(upp: &[u8]) -> impl Iterator<Item = &[u8]> {
    upp.chunks(PIECE_OCTETS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_cut_into_full_pieces_and_a_rest() {
        let upp = vec![1; 2015];
        let sizes: Vec<usize> = pieces(&upp).map(<[u8]>::len).collect();
        assert_eq!(sizes, [1007, 1007, 1]);
        assert_eq!(pieces(&[]).count(), 0);
    }
}
