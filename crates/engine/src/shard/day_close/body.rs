//! A shard's part of a day as it is stored: the programme's sums over its partners, once a week their pasts, and the packed parts.

use rapport_partner::ProgramSums;

use super::sales::Besides;

/// The first byte says what comes before the packed parts, each with its length; bare parts begin with their own version, 1.
const WITH_SUMS: u8 = 0xF0;
/// Sums, pasts, and what comes besides.
const WITH_ALL: u8 = 0xF1;

/// A shard's part of a day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Body {
    /// Sums over the shard's partners; none in the parts of an older binary.
    pub sums: Option<ProgramSums>,
    /// Packed pasts; empty but on the day of a fit.
    pub pasts: Vec<u8>,
    /// What else is told of the day; none in the parts of an older binary.
    pub besides: Option<Besides>,
    /// Packed parts.
    pub parts: Vec<u8>,
}

impl Body {
    /// As it is stored.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Some(sums) = &self.sums else { return self.parts.clone() };
        let sums = serde_json::to_vec(sums).unwrap_or_default();
        let mut body = Vec::with_capacity(sums.len() + self.pasts.len() + self.parts.len() + 512);
        match &self.besides {
            None => {
                body.push(WITH_SUMS);
                put(&mut body, &sums);
            }
            Some(besides) => {
                body.push(WITH_ALL);
                put(&mut body, &sums);
                put(&mut body, &self.pasts);
                put(&mut body, &serde_json::to_vec(besides).unwrap_or_default());
            }
        }
        body.extend(&self.parts);
        body
    }

    /// From what is stored. `None` when it is damaged.
    #[must_use]
    pub fn decode(body: &[u8]) -> Option<Self> {
        match body.split_first() {
            Some((&WITH_SUMS, rest)) => {
                let (sums, parts) = take(rest)?;
                let sums = Some(serde_json::from_slice(sums).ok()?);
                Some(Self { sums, parts: parts.to_vec(), ..Self::default() })
            }
            Some((&WITH_ALL, rest)) => {
                let (sums, rest) = take(rest)?;
                let (pasts, rest) = take(rest)?;
                let (besides, parts) = take(rest)?;
                Some(Self {
                    sums: Some(serde_json::from_slice(sums).ok()?),
                    pasts: pasts.to_vec(),
                    besides: Some(serde_json::from_slice(besides).ok()?),
                    parts: parts.to_vec(),
                })
            }
            _ => Some(Self { parts: body.to_vec(), ..Self::default() }),
        }
    }
}

/// Four bytes of length, then the bytes. A shard's share of 20,000 pasts, or a page of sums, is far below 4 GiB.
fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(bytes);
}

fn take(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = rest.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rapport_event::{Extra, Line};
    use rapport_partner::PartnerState;

    use super::*;

    #[test]
    fn a_body_comes_back_and_older_ones_can_be_read() {
        let bare = Body { parts: vec![1, 7, 7], ..Body::default() };
        let with_sums = Body { sums: Some(ProgramSums::default()), ..bare.clone() };
        let whole = Body { pasts: vec![1, 2, 3], besides: Some(Besides::default()), ..with_sums.clone() };
        for body in [bare, with_sums, whole] {
            assert_eq!(Body::decode(&body.encode()), Some(body));
        }
        assert_eq!(Body::decode(&[]), Some(Body::default()));
    }

    #[test]
    fn what_was_sold_comes_back_and_a_part_of_before_tells_of_none() {
        let rope = Line {
            sku: Some(Arc::from("Rope \"9 mm\"")),
            category: Some(Arc::from("ropes")),
            quantity: 3,
            amount: None,
            extra: Extra::NONE,
        };
        let mut state = PartnerState::default();
        state.note_sold(20_000, &[rope]);
        let mut besides = Besides::default();
        besides.add(&state, 20_000, false);
        assert!(!besides.sold.is_empty());
        let body = Body { sums: Some(ProgramSums::default()), besides: Some(besides), ..Body::default() };
        let stored = body.encode();
        assert_eq!(Body::decode(&stored), Some(body));
        // As a binary without it wrote it.
        let mut before = serde_json::to_value(Besides::default()).unwrap();
        assert!(before.get("sold").is_none());
        before["approved"] = serde_json::json!([5]);
        let read: Besides = serde_json::from_value(before).unwrap();
        assert!(read.sold.is_empty() && read.approved == [5]);
    }

    #[test]
    fn a_damaged_body_is_known_as_such() {
        let whole = Body {
            sums: Some(ProgramSums::default()),
            pasts: vec![1; 40],
            besides: Some(Besides::default()),
            parts: vec![],
        };
        let whole = whole.encode();
        for length in 1..whole.len() {
            assert_eq!(Body::decode(&whole[..length]), None, "{length}");
        }
    }
}
