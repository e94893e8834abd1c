//! A record's headers and stamp, between Kafka's shape and the engine's.

use jiff::Timestamp;
use rapport_engine::ports::log::{LogRecord, SourceRecord};
use rapport_event::wire::{Headers as WireHeaders, SOURCE_HEADER, STAMP_HEADER, SourcePosition, Stamp};
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers};

/// The headers a record of the log carries.
pub(crate) fn log_headers(position: Option<SourcePosition>, stamp: Option<Timestamp>) -> Vec<(String, Vec<u8>)> {
    let position = position.map(|position| (SOURCE_HEADER.to_owned(), position.to_bytes().to_vec()));
    let stamp = stamp.map(|stamp| (STAMP_HEADER.to_owned(), Stamp(stamp).to_bytes().to_vec()));
    position.into_iter().chain(stamp).collect()
}

/// A record of the log as the engine reads it. Its stamp is the header's if there is one (replay), else Kafka's.
pub(crate) fn log_record(message: &BorrowedMessage<'_>) -> LogRecord {
    let mut pairs: Vec<(&str, &[u8])> = Vec::new();
    if let Some(headers) = message.headers() {
        pairs.extend(headers.iter().filter_map(|header| Some((header.key, header.value?))));
    }
    let headers = WireHeaders(&pairs);
    let stamp = Stamp::of(&headers).map(|stamp| stamp.0).or_else(|| timestamp(message));
    LogRecord {
        offset: message.offset(),
        // A broker stamps every record (message format 1 and later); without a stamp nothing is due before the record.
        stamp: stamp.unwrap_or(Timestamp::UNIX_EPOCH),
        position: SourcePosition::of(&headers),
        value: message.payload().unwrap_or_default().to_vec(),
    }
}

/// A record of an upstream topic, as it is.
pub(crate) fn source_record(message: &BorrowedMessage<'_>) -> SourceRecord {
    let headers = message.headers().map(|headers| {
        let owned = |header: rdkafka::message::Header<'_, &[u8]>| {
            (header.key.to_owned(), header.value.unwrap_or_default().to_vec())
        };
        headers.iter().map(owned).collect()
    });
    SourceRecord {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        timestamp: timestamp(message),
        headers: headers.unwrap_or_default(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
    }
}

fn timestamp(message: &BorrowedMessage<'_>) -> Option<Timestamp> {
    message.timestamp().to_millis().and_then(|millis| Timestamp::from_millisecond(millis).ok())
}
