//! Makes small Profiles for tests, the demo and the bench: the right structure, and no secret worth keeping.

/// A Profile Package with header, MF and EF.ICCID, PINs, USIM with EF.IMSI and the other mandatory files,
/// authentication and end.
///
/// The key is all zero with the test algorithm (SGP.22 2.4.5.3), so nobody can use it on a network.
/// `iccid` has 19 or 20 digits, `imsi` 6 to 15; `padding_octets` of content go into a nonStandard element.
pub fn test_profile(iccid: &str, imsi: &str, padding_octets: usize) -> Vec<u8> {
    let mut elements =
        vec![header(iccid), master_file(iccid), puk_codes(), pin_codes(), usim(imsi), aka_parameter()];
    if padding_octets > 0 {
        elements.push(padding(padding_octets));
    }
    elements.push(tlv(&[0xAA], &[element_header(7)]));
    elements.concat()
}

fn header(iccid: &str) -> Vec<u8> {
    let services = [tlv(&[0x81], &[]), tlv(&[0x91], &[])]; // usim, usim-test-algorithm
    let templates = [template(1), template(4)].map(|oid| tlv(&[0x06], &[oid]));
    let members = [
        tlv(&[0x80], &[vec![2]]),
        tlv(&[0x81], &[vec![3]]),
        tlv(&[0x82], &[b"smdpp test profile".to_vec()]),
        tlv(&[0x83], &[bcd(&format!("{iccid:F<20}"))]),
        tlv(&[0xA5], &services),
        tlv(&[0xA6], &templates),
    ];
    tlv(&[0xA0], &members)
}

fn master_file(iccid: &str) -> Vec<u8> {
    let directory = tlv(&[0xA1], &[tlv(&[0x8B], &[vec![0x2F, 0x06, 0x01]])]);
    let ef_iccid = file([0x2F, 0xE2], &swapped(&format!("{iccid:F<20}")));
    let directory_file = record_file([0x2F, 0x00], b"\x61\x09\x4F\x07\xA0\x00\x00\x00\x87\x10\x02");
    // The one rule of EF.ARR: read always.
    let rules = record_file([0x2F, 0x06], &[0x80, 0x01, 0x01, 0x90, 0x00]);
    let members = [
        element_header(1),
        tlv(&[0x81], &[template(1)]),
        tlv(&[0xA2], &[directory]),
        tlv(&[0xA4], &[ef_iccid]),
        tlv(&[0xA5], &[directory_file]),
        tlv(&[0xA6], &[rules]),
    ];
    tlv(&[0xB0], &members)
}

fn puk_codes() -> Vec<u8> {
    let puk = [tlv(&[0x80], &[vec![0x01]]), tlv(&[0x81], &[b"12345678".to_vec()])];
    tlv(&[0xA3], &[element_header(2), tlv(&[0xA1], &[tlv(&[0x30], &puk)])])
}

fn pin_codes() -> Vec<u8> {
    let pin = [
        tlv(&[0x80], &[vec![0x01]]),
        tlv(&[0x81], &[b"0000\xFF\xFF\xFF\xFF".to_vec()]),
        tlv(&[0x82], &[vec![0x01]]),
        tlv(&[0x83], &[vec![0x06]]),
    ];
    let configured = tlv(&[0xA0], &[tlv(&[0x30], &pin)]);
    tlv(&[0xA2], &[element_header(3), tlv(&[0xA1], &[configured])])
}

fn usim(imsi: &str) -> Vec<u8> {
    let directory = [
        tlv(&[0x83], &[vec![0x7F, 0xD0]]),
        tlv(&[0x84], &[b"\xA0\x00\x00\x00\x87\x10\x02\xFF\x49\xFF\x05\x89".to_vec()]),
    ];
    let members = [
        element_header(4),
        tlv(&[0x81], &[template(4)]),
        tlv(&[0xA2], &[tlv(&[0xA1], &directory)]),
        tlv(&[0xA3], &[file([0x6F, 0x07], &imsi_octets(imsi))]),
        tlv(&[0xA4], &[record_file([0x6F, 0x06], &[0x80, 0x01, 0x01, 0x90, 0x00])]), // EF.ARR: read always
        tlv(&[0xA8], &[file([0x6F, 0x38], &[0; 9])]),                                // EF.UST: no service
        tlv(&[0xAD], &[file([0x6F, 0x46], b"\x00smdpp test\xFF\xFF\xFF\xFF\xFF\xFF")]), // EF.SPN
        tlv(&[0xAE], &[file([0x6F, 0x56], &[0])]),                                   // EF.EST: nothing on
        tlv(&[0xB2], &[file([0x6F, 0x78], &[0, 1])]),                                // EF.ACC: class 0
        tlv(&[0xB6], &[record_file([0x6F, 0xB7], &[0x11, 0xF2, 0xFF, 0x00])]),       // EF.ECC: 112
    ];
    tlv(&[0xB3], &members)
}

fn aka_parameter() -> Vec<u8> {
    let algorithm = [
        tlv(&[0x80], &[vec![3]]), // the test algorithm
        tlv(&[0x81], &[vec![2]]),
        tlv(&[0x82], &[vec![0; 16]]),
        tlv(&[0x83], &[vec![0; 16]]),
    ];
    let configuration = tlv(&[0xA1], &[tlv(&[0xA1], &algorithm)]);
    tlv(&[0xA4], &[element_header(5), configuration])
}

/// nonStandard: an issuer (the example arc 2.999) and octets that mean nothing.
fn padding(octets: usize) -> Vec<u8> {
    let content: Vec<u8> = (0..octets).map(|place| place.to_le_bytes()[0]).collect();
    tlv(&[0xA9], &[element_header(6), tlv(&[0x81], &[vec![0x88, 0x37]]), tlv(&[0x82], &[content])])
}

fn element_header(identification: u8) -> Vec<u8> {
    tlv(&[0xA0], &[tlv(&[0x80], &[]), tlv(&[0x81], &[vec![identification]])])
}

/// A template of the TCA format, 2.23.143.1.2.n.
fn template(number: u8) -> Vec<u8> {
    vec![0x67, 0x81, 0x0F, 0x01, 0x02, number]
}

/// fileDescriptor of a transparent file, and its content.
fn file(id: [u8; 2], content: &[u8]) -> Vec<u8> {
    let descriptor = [tlv(&[0x82], &[vec![0x41, 0x21]]), tlv(&[0x83], &[id.to_vec()])];
    [tlv(&[0xA1], &descriptor), tlv(&[0x83], &[content.to_vec()])].concat()
}

/// fileDescriptor of a linear fixed file, and its only record.
fn record_file(id: [u8; 2], record: &[u8]) -> Vec<u8> {
    let octets = u8::try_from(record.len()).unwrap_or(u8::MAX);
    let descriptor = [
        tlv(&[0x82], &[vec![0x42, 0x21, 0x00, octets]]),
        tlv(&[0x83], &[id.to_vec()]),
        tlv(&[0x80], &[vec![octets]]),
    ];
    [tlv(&[0xA1], &descriptor), tlv(&[0x83], &[record.to_vec()])].concat()
}

/// EF.IMSI (3GPP TS 31.102): length, then parity and digits, nibbles swapped, nine octets in all.
fn imsi_octets(imsi: &str) -> Vec<u8> {
    let odd = imsi.len() % 2 == 1;
    let digits = format!("{}{imsi}{}", if odd { '9' } else { '1' }, if odd { "" } else { "F" });
    let octets = swapped(&digits);
    let length = u8::try_from(octets.len()).unwrap_or(0);
    let mut file = [vec![length], octets].concat();
    file.resize(9, 0xFF);
    file
}

fn swapped(digits: &str) -> Vec<u8> {
    bcd(digits).into_iter().map(|octet| octet.rotate_left(4)).collect()
}

/// Two digits an octet; `F` pads.
fn bcd(digits: &str) -> Vec<u8> {
    let nibble = |digit: Option<char>| {
        digit.and_then(|digit| digit.to_digit(16)).and_then(|value| u8::try_from(value).ok()).unwrap_or(0x0F)
    };
    let digits: Vec<char> = digits.chars().collect();
    digits.chunks(2).map(|pair| nibble(pair.first().copied()) << 4 | nibble(pair.get(1).copied())).collect()
}

fn tlv(tag: &[u8], contents: &[Vec<u8>]) -> Vec<u8> {
    let content = contents.concat();
    let length: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
    let length = match content.len() {
        0 => vec![0],
        1..0x80 => length,
        _ => [vec![0x80 | u8::try_from(length.len()).unwrap_or(8)], length].concat(),
    };
    [tag.to_vec(), length, content].concat()
}
