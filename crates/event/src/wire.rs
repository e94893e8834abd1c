//! What travels in headers: CloudEvents attributes, where a record came from, and its stamp.

use jiff::Timestamp;

/// The header that carries a [`SourcePosition`].
pub const SOURCE_HEADER: &str = "rapport-source";
/// The header that carries a [`Stamp`] in replay; live the log's own append time is the stamp.
pub const STAMP_HEADER: &str = "rapport-stamp";
/// The header with the content type, in Kafka and HTTP alike.
pub const CONTENT_TYPE: &str = "content-type";

/// Headers as names and bytes, borrowed from whoever consumed the record. Names are compared without case.
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'a>(pub &'a [(&'a str, &'a [u8])]);

impl<'a> Headers<'a> {
    /// No headers.
    pub const NONE: Headers<'static> = Headers(&[]);

    /// The bytes of the first header of this name.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The first header of this name as text, if it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where a record stood upstream. Per (source, incarnation, partition) the engine keeps the highest (offset, index) it has folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct SourcePosition {
    /// The source: a hash of its configured name, or of a file's content.
    pub source: u64,
    /// Raised by hand when a topic was created anew.
    pub incarnation: u32,
    /// The partition.
    pub partition: i32,
    /// The offset, or the line of a file.
    pub offset: i64,
    /// Which of the events made from that record.
    pub index: u32,
}

/// How many bytes a [`SourcePosition`] takes on the wire.
pub const SOURCE_BYTES: usize = 29;
const FORMAT: u8 = 1;

impl SourcePosition {
    /// The small form: a format byte and the five numbers, big endian.
    pub fn to_bytes(self) -> [u8; SOURCE_BYTES] {
        let mut bytes = [0u8; SOURCE_BYTES];
        let numbers = [FORMAT]
            .into_iter()
            .chain(self.source.to_be_bytes())
            .chain(self.incarnation.to_be_bytes())
            .chain(self.partition.to_be_bytes())
            .chain(self.offset.to_be_bytes())
            .chain(self.index.to_be_bytes());
        for (place, byte) in bytes.iter_mut().zip(numbers) {
            *place = byte;
        }
        bytes
    }

    /// Reads the small form; none for any other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&format, rest) = bytes.split_first()?;
        let (source, rest) = rest.split_first_chunk()?;
        let (incarnation, rest) = rest.split_first_chunk()?;
        let (partition, rest) = rest.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let (index, rest) = rest.split_first_chunk()?;
        (format == FORMAT && rest.is_empty()).then(|| Self {
            source: u64::from_be_bytes(*source),
            incarnation: u32::from_be_bytes(*incarnation),
            partition: i32::from_be_bytes(*partition),
            offset: i64::from_be_bytes(*offset),
            index: u32::from_be_bytes(*index),
        })
    }

    /// What `seen` is kept for: everything but the place within the partition.
    pub fn stream(self) -> (u64, u32, i32) {
        (self.source, self.incarnation, self.partition)
    }

    /// The place within the partition; only higher ones are news.
    pub fn place(self) -> (i64, u32) {
        (self.offset, self.index)
    }

    /// The position in these headers.
    pub fn of(headers: &Headers<'_>) -> Option<Self> {
        Self::from_bytes(headers.get(SOURCE_HEADER)?)
    }
}

/// When a record arrived, to the millisecond: the `now` of folding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub Timestamp);

impl Stamp {
    /// Eight bytes, big endian milliseconds of the Unix epoch.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.as_millisecond().to_be_bytes()
    }

    /// Reads the eight bytes; none for any other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let millis = i64::from_be_bytes(bytes.try_into().ok()?);
        Timestamp::from_millisecond(millis).ok().map(Stamp)
    }

    /// The stamp in these headers.
    pub fn of(headers: &Headers<'_>) -> Option<Self> {
        Self::from_bytes(headers.get(STAMP_HEADER)?)
    }
}
