//! Ways to spoil DER: every element of a tree, one at a time, the lengths around it put right again.
use euicc::tlv;

use crate::house::Dice;

/// More than any element of a request, and still under the limit of a body.
const OVERSIZED_OCTETS: usize = 64 * 1024;
/// Lengths at which a message is cut.
const CUTS: usize = 40;

/// Octets of an element in which a bit is changed, beside the first, the middle and the last.
const RANDOM_FLIPS: usize = 5;

/// What was done, and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Spoiled {
    pub(crate) kind: &'static str,
    pub(crate) place: String,
    pub(crate) octets: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Node {
    tag: u32,
    raw: Vec<u8>,
    content: Vec<u8>,
    children: Vec<Node>,
}

/// Every way for every element, and every cut; nothing that equals the original.
///
/// `open` are the ways to the SEQUENCEs that nobody signs: an unknown element at their end is what a later version
/// adds, and no spoiling (EXTENSIBILITY IMPLIED).
pub(crate) fn spoil(der: &[u8], open: &[&[usize]], dice: &mut Dice) -> Vec<Spoiled> {
    let root = tree(der);
    let mut all = Vec::new();
    for path in paths(&root) {
        let node = at(&root, &path);
        let place = format!("{path:?} {:X}", node.tag);
        let ends_open = path.split_last().is_some_and(|(last, parent)| {
            open.contains(&parent) && last + 1 == at(&root, parent).children.len()
        });
        for (kind, octets) in spoil_node(node, dice) {
            if ends_open && kind == "unknown put after" {
                continue;
            }
            all.push(Spoiled { kind, place: place.clone(), octets: replaced(&root, &path, &octets) });
        }
        for place in 1..node.children.len() {
            let mut children = node.children.clone();
            children.swap(place - 1, place);
            let content: Vec<u8> = children.iter().flat_map(|child| child.raw.clone()).collect();
            let octets = replaced(&root, &path, &tlv::write(node.tag, &content));
            all.push(Spoiled { kind: "swapped", place: format!("{path:?}.{place}"), octets });
        }
    }
    for cut in 0..CUTS {
        let length = der.len() * cut / CUTS;
        all.push(Spoiled { kind: "cut", place: format!("to {length}"), octets: der[..length].to_vec() });
    }
    for tail in [&[0][..], &[0x05, 0x00], der] {
        all.push(Spoiled { kind: "octets after", place: String::new(), octets: [der, tail].concat() });
    }
    all.retain(|one| one.octets != der);
    all
}

/// Each element replaced by the one at the same place of another message.
pub(crate) fn graft(der: &[u8], other: &[u8]) -> Vec<Spoiled> {
    let (root, donor) = (tree(der), tree(other));
    let mut all = Vec::new();
    for path in paths(&root) {
        let Some(part) = find(&donor, &path) else { continue };
        if part.tag == at(&root, &path).tag && part.raw != at(&root, &path).raw {
            let place = format!("{path:?} {:X}", part.tag);
            all.push(Spoiled { kind: "grafted", place, octets: replaced(&root, &path, &part.raw) });
        }
    }
    all
}

fn spoil_node(node: &Node, dice: &mut Dice) -> Vec<(&'static str, Vec<u8>)> {
    let Node { tag, raw, content, .. } = node;
    let header = &raw[..raw.len() - content.len()];
    let tag_octets = tlv::header(*tag, 0);
    let (_, tag_octets) = tag_octets.split_last().unwrap();
    let with_length = |length: &[u8]| [tag_octets, length, content].concat();
    let mut all = vec![
        ("deleted", Vec::new()),
        ("duplicated", [&raw[..], raw].concat()),
        ("tag changed", [&[header[0] ^ 1], &raw[1..]].concat()),
        ("class changed", [&[header[0] ^ 0x40], &raw[1..]].concat()),
        ("primitive or constructed", [&[header[0] ^ 0x20], &raw[1..]].concat()),
        ("length not minimal", with_length(&long_length(content.len(), 4))),
        ("length of nine octets", with_length(&long_length(content.len(), 8))),
        ("length too long", with_length(&minimal_length(content.len() + 1))),
        ("length near 2^32", with_length(&[0x84, 0xFF, 0xFF, 0xFF, 0xFF])),
        ("length indefinite", [&with_length(&[0x80])[..], &[0, 0]].concat()),
        ("emptied", tlv::write(*tag, &[])),
        ("oversized", tlv::write(*tag, &vec![0x41; OVERSIZED_OCTETS])),
        ("null put before", [&[0x05, 0x00], &raw[..]].concat()),
        ("unknown put after", [&raw[..], &[0x9F, 0x7E, 0x01, 0x00]].concat()),
    ];
    if let Some(shorter) = content.len().checked_sub(1) {
        all.push(("length too short", with_length(&minimal_length(shorter))));
        all.push(("last octet lost", tlv::write(*tag, &content[..shorter])));
        all.push(("zero put before", tlv::write(*tag, &[&[0], &content[..]].concat())));
    }
    if node.children.is_empty() && !content.is_empty() {
        let mut places = vec![0, content.len() / 2, content.len() - 1];
        let length = u64::try_from(content.len()).unwrap();
        places.extend((0..RANDOM_FLIPS).map(|_| usize::try_from(dice.under(length)).unwrap()));
        places.sort_unstable();
        places.dedup();
        for place in places {
            let mut bent = content.clone();
            bent[place] ^= 1 << dice.under(8);
            all.push(("bit flipped", tlv::write(*tag, &bent)));
        }
    }
    all
}

fn minimal_length(length: usize) -> Vec<u8> {
    let header = tlv::header(0x30, length);
    header[1..].to_vec()
}

fn long_length(length: usize, octets: usize) -> Vec<u8> {
    let number = u64::try_from(length).unwrap().to_be_bytes();
    [&[0x80 | u8::try_from(octets).unwrap()], &number[8 - octets..]].concat()
}

fn tree(der: &[u8]) -> Node {
    let one = tlv::all(der).unwrap();
    assert_eq!(one.len(), 1, "a message is one element");
    node(&one[0])
}

fn node(element: &tlv::Tlv<'_>) -> Node {
    let constructed = element.raw[0] & 0x20 != 0;
    let children = if constructed { element.children().unwrap_or_default() } else { Vec::new() };
    Node {
        tag: element.tag,
        raw: element.raw.to_vec(),
        content: element.value.to_vec(),
        children: children.iter().map(node).collect(),
    }
}

/// The way to each element, from the root.
fn paths(root: &Node) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for (place, child) in root.children.iter().enumerate() {
        all.extend(paths(child).into_iter().map(|path| [vec![place], path].concat()));
    }
    all
}

fn find<'a>(root: &'a Node, path: &[usize]) -> Option<&'a Node> {
    path.iter().try_fold(root, |node, place| node.children.get(*place))
}

fn at<'a>(root: &'a Node, path: &[usize]) -> &'a Node {
    find(root, path).unwrap()
}

/// The message with other octets in place of one element.
fn replaced(root: &Node, path: &[usize], octets: &[u8]) -> Vec<u8> {
    let Some((first, rest)) = path.split_first() else { return octets.to_vec() };
    let content: Vec<u8> = root
        .children
        .iter()
        .enumerate()
        .flat_map(
            |(place, child)| {
                if place == *first { replaced(child, rest, octets) } else { child.raw.clone() }
            },
        )
        .collect();
    tlv::write(root.tag, &content)
}
