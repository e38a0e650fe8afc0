//! ES8+.StoreMetadata (SGP.22 section 5.5.3): what a person sees of the Profile, cut to fit its segments.
use crate::asn1::tlv::split;
use crate::types::Malformed;

/// What one '88' segment of 1020 octets carries: all but tag, three length octets and eight of MAC (2.5.3).
pub const PIECE_OCTETS_MAX: usize = 1008;

/// Largest metadata we send: an icon of 1024 octets, 96 characters of names, and room for many addresses.
pub const METADATA_OCTETS_MAX: usize = 8 * 1024;

/// An encoded StoreMetadataRequest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreMetadata<'a>(&'a [u8]);

impl<'a> StoreMetadata<'a> {
    /// Takes the whole `BF25`, the same octets that AuthenticateClient showed to the LPA.
    pub fn from_der(request: &'a [u8]) -> Result<Self, Malformed> {
        let malformed = Malformed("StoreMetadataRequest");
        if request.len() > METADATA_OCTETS_MAX {
            return Err(malformed);
        }
        match split(request)?.as_slice() {
            [one] if one.tag == 0xBF25 && !one.content.is_empty() => Ok(Self(request)),
            _ => Err(malformed),
        }
    }

    /// The content of the '88' segments, in order.
    pub fn pieces(self) -> impl Iterator<Item = &'a [u8]> {
        self.0.chunks(PIECE_OCTETS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::tlv::tlv;

    #[test]
    fn metadata_with_an_icon_continues_in_a_second_piece() {
        let request = tlv(&[0xBF, 0x25], &tlv(&[0x94], &[7; 1024]));
        let metadata = StoreMetadata::from_der(&request).unwrap();
        let pieces: Vec<&[u8]> = metadata.pieces().collect();
        assert_eq!(pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(), [1008, request.len() - 1008]);
        assert_eq!(pieces.concat(), request);
    }

    #[test]
    fn another_command_two_commands_and_too_much_are_refused() {
        let one = tlv(&[0xBF, 0x25], &[0x5A, 0]);
        assert!(StoreMetadata::from_der(&one).is_ok());
        assert!(StoreMetadata::from_der(&[]).is_err());
        assert!(StoreMetadata::from_der(&tlv(&[0xBF, 0x25], &[])).is_err());
        assert!(StoreMetadata::from_der(&tlv(&[0xBF, 0x24], &[0x5A, 0])).is_err());
        assert!(StoreMetadata::from_der(&[one.clone(), one].concat()).is_err());
        assert!(StoreMetadata::from_der(&tlv(&[0xBF, 0x25], &[0; METADATA_OCTETS_MAX])).is_err());
    }
}
