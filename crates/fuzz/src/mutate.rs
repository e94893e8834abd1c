//! Damage: what happens to bytes on the way, and what somebody would write who means no good.

use std::ops::Range;

use rand::Rng as _;
use rand::rngs::StdRng;

/// The longest input that is made.
pub const BYTES_MAX: usize = 1 << 16;
/// How much is done to one input at most.
const CHANGES_MAX: usize = 4;
/// A stretch that is doubled or taken out is no longer.
const STRETCH_MAX: usize = 200;
/// So often a bracket is opened, or a letter repeated.
const OFTEN: usize = 5_000;

/// Pieces that mean something to one parser or another.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\r",
    b"\n",
    b"\r\n\r\n",
    b"\t",
    b" ",
    b"\xff\xfe",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    "\u{feff}".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{85}".as_bytes(),
    "e\u{301}".as_bytes(),
    "\u{1f44d}\u{1f3fd}".as_bytes(),
    "\u{130}".as_bytes(),
    b"\\u0000",
    b"\\ud800",
    b"\\\"",
    b"NaN",
    b"-0",
    b"1e999",
    b"0.1e-999",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"999999999999999999999999999999999",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"\"\"",
    b"-9999-01-01T00:00:00Z",
    b"9999-12-31T23:59:60Z",
    b"T24:00:00+25:59",
    b"{{",
    b"}}",
    b"{{#if ",
    b"{{/if}}",
    b"{{{",
    b"[[",
    b"<mj-text>",
    b"<!--",
    b"---\n",
    b"\n...\n",
    b": ",
    b"- ",
    b"&a ",
    b"*a",
    b"!!int ",
    b"<<: ",
    b"? ",
    b"| ",
    b"=?utf-8?b?////?=",
    b"--boundary",
    b"Content-Type: message/rfc822\n\n",
    b"%00",
    b"%",
    b"..",
    b"()x4294967295",
    b" && ",
    b"\"",
];

/// An input with a few things done to it; `other` is another input, of which a piece may come in.
#[must_use]
pub fn mutate(input: &[u8], other: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..random.random_range(1..=CHANGES_MAX) {
        change(&mut bytes, other, random);
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut StdRng) {
    let at = random.random_range(0..=bytes.len());
    let stretch = stretch(bytes, at, random);
    match random.random_range(0..12) {
        0 => {
            let bit = 1_u8 << random.random_range(0..8_u32);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bit;
            }
        }
        1 => {
            let new = random.random_range(0..=u8::MAX);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = new;
            }
        }
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(stretch)),
        4 => {
            let again = bytes.get(stretch).unwrap_or_default().repeat(random.random_range(1..=8));
            insert(bytes, at, &again);
        }
        5 | 6 => insert(bytes, at, piece(random)),
        7 => drop(bytes.splice(stretch, piece(random).iter().copied())),
        8 => {
            if let Some(number) = number_from(bytes, at) {
                let huge: &[u8] = if random.random_bool(0.5) { b"99999999999999999999" } else { b"-1" };
                drop(bytes.splice(number, huge.iter().copied()));
            }
        }
        9 => {
            let (open, close) =
                [(b'[', b']'), (b'{', b'}'), (b'(', b')'), (b'<', b'>')][random.random_range(0..4_usize)];
            let depth = random.random_range(1..=OFTEN);
            insert(bytes, at, &[vec![open; depth], vec![close; depth]].concat());
        }
        10 => {
            let letter = [b'x', b' ', b'0', b',', b'.', b'/', b'-', b'\n'][random.random_range(0..8_usize)];
            insert(bytes, at, &vec![letter; random.random_range(1..=OFTEN)]);
        }
        _ => {
            let from = random.random_range(0..=other.len());
            let length = random.random_range(0..=(other.len() - from).min(STRETCH_MAX));
            insert(bytes, at, other.get(from..from + length).unwrap_or_default());
        }
    }
}

fn stretch(bytes: &[u8], at: usize, random: &mut StdRng) -> Range<usize> {
    at..at + random.random_range(0..=(bytes.len() - at).min(STRETCH_MAX))
}

fn piece(random: &mut StdRng) -> &'static [u8] {
    PIECES[random.random_range(0..PIECES.len())]
}

fn insert(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    drop(bytes.splice(at..at, new.iter().copied()));
}

/// The first number from a place on.
fn number_from(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes.get(at..)?;
    let start = at + rest.iter().position(u8::is_ascii_digit)?;
    let digits = bytes.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    Some(start..start + digits)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn the_same_seed_does_the_same_damage_and_nothing_grows_without_end() {
        let damaged = |seed: u64| -> Vec<Vec<u8>> {
            let mut random = StdRng::seed_from_u64(seed);
            let mut input = b"{\"amount\": 4000}".to_vec();
            let mut all = Vec::new();
            for _ in 0..300 {
                input = mutate(&input, b"other [1]", &mut random);
                all.push(input.clone());
            }
            all
        };
        let one = damaged(3);
        assert_eq!(one, damaged(3));
        assert_ne!(one, damaged(4));
        assert!(one.iter().all(|input| input.len() <= BYTES_MAX));
        // Nothing to change is changed, too.
        let mut random = StdRng::seed_from_u64(1);
        assert!((0..100).any(|_| !mutate(b"", b"", &mut random).is_empty()));
    }

    #[test]
    fn a_number_is_found_from_its_first_digit_on() {
        assert_eq!(number_from(b"a: 4000, b: 7", 0), Some(3..7));
        assert_eq!(number_from(b"a: 4000, b: 7", 8), Some(12..13));
        assert_eq!(number_from(b"none", 0), None);
    }
}
