//! Remembered ids in a column: for each minute its instant in milliseconds, how many ids, and the ids, all little-endian.

use jiff::Timestamp;
use rapport_engine::ports::rows::Ids;
use rapport_engine::ports::store::StoreError;

pub(crate) fn pack(ids: &Ids) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ids.iter().map(|(_, ids)| 16 + 8 * ids.len()).sum());
    for (minute, ids) in ids {
        bytes.extend(minute.as_millisecond().to_le_bytes());
        bytes.extend((ids.len() as u64).to_le_bytes());
        ids.iter().for_each(|id| bytes.extend(id.to_le_bytes()));
    }
    bytes
}

pub(crate) fn unpack(bytes: &[u8]) -> Result<Ids, StoreError> {
    let damaged = || StoreError::Damaged("remembered ids of a shard".into());
    let (words, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(damaged());
    }
    let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
    let mut ids = Ids::new();
    while let Some(minute) = words.next() {
        let minute = Timestamp::from_millisecond(minute as i64).map_err(|_| damaged())?;
        let count = words.next().and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|count| *count <= words.len()).ok_or_else(damaged)?;
        ids.push((minute, words.by_ref().take(count).collect()));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back_and_damage_is_told() {
        let ids = vec![(Timestamp::UNIX_EPOCH, vec![1, u64::MAX]), (Timestamp::from_second(60).unwrap(), vec![3])];
        let bytes = pack(&ids);
        assert_eq!(unpack(&bytes).unwrap(), ids);
        assert_eq!(unpack(&[]).unwrap(), Ids::new());
        for broken in [&bytes[..bytes.len() - 1], &bytes[..bytes.len() - 8]] {
            assert!(unpack(broken).is_err());
        }
    }
}
