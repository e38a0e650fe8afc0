//! ES8+.ConfigureISDP (SGP.22 section 5.5.2): makes the home of the Profile on the eUICC.

/// The command without dpProprietaryData: nobody here has any.
pub const fn encode() -> [u8; 3] {
    [0xBF, 0x24, 0x00]
}
