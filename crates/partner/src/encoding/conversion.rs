//! The stored form of a conversion.

use rapport_event::ConversionStatus;

use crate::conversion::{ConversionState, Told};
use crate::encoding::{EncodingError, Unknown, Writer, open, put, put_instant, put_signed};

const STATUS: u64 = 1;
const REVISION: u64 = 2;
const TIMES: u64 = 3;
const MONEY: u64 = 4;
const CUSTOMER: u64 = 5;
const PRODUCT: u64 = 6;
const CATEGORY: u64 = 7;

const STATUSES: [ConversionStatus; 4] =
    [ConversionStatus::Pending, ConversionStatus::Approved, ConversionStatus::Paid, ConversionStatus::Reversed];

impl ConversionState {
    /// The stored bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.field(STATUS, |bytes| {
            bytes.push(STATUSES.iter().position(|status| *status == self.status).unwrap_or(0) as u8);
            bytes.push(self.told.0);
        });
        if let Some(revision) = self.revision {
            writer.field(REVISION, |bytes| put(bytes, revision));
        }
        writer.field(TIMES, |bytes| {
            put_instant(bytes, self.updated_at);
            put_instant(bytes, self.sold_at);
            put_instant(bytes, self.first_told_at);
        });
        if self.priced {
            writer.field(MONEY, |bytes| {
                put_signed(bytes, self.amount);
                put_signed(bytes, self.commission);
            });
        }
        if let Some(new) = self.new_customer {
            writer.field(CUSTOMER, |bytes| bytes.push(u8::from(new)));
        }
        // An empty text is not told from none; cleaning leaves no empty ones.
        if let Some(product) = &self.product {
            writer.field(PRODUCT, |bytes| bytes.extend_from_slice(product.as_bytes()));
        }
        if let Some(category) = &self.category {
            writer.field(CATEGORY, |bytes| bytes.extend_from_slice(category.as_bytes()));
        }
        writer.finish(&Unknown::default())
    }

    /// Reads stored bytes. Conversions are rebuilt whole by whoever merges them, so that unknown fields are not kept.
    pub fn decode(bytes: &[u8]) -> Result<ConversionState, EncodingError> {
        let mut fields = open(bytes)?;
        let (mut status, mut times) = (None, None);
        let (mut revision, mut money, mut new_customer, mut product, mut category) = (None, None, None, None, None);
        while !fields.is_empty() {
            let (tag, mut field) = fields.field()?;
            let text = || std::str::from_utf8(field.0).map_err(|_| EncodingError::Corrupt);
            match tag {
                STATUS => {
                    let known = STATUSES.get(usize::from(field.byte()?)).ok_or(EncodingError::Corrupt)?;
                    status = Some((*known, Told(field.byte()?)));
                }
                REVISION => revision = Some(field.number()?),
                TIMES => times = Some((field.instant()?, field.instant()?, field.instant()?)),
                MONEY => money = Some((field.signed()?, field.signed()?)),
                CUSTOMER => new_customer = Some(field.byte()? != 0),
                PRODUCT => product = Some(text()?.into()),
                CATEGORY => category = Some(text()?.into()),
                _ => {}
            }
        }
        let (status, told) = status.ok_or(EncodingError::Corrupt)?;
        let (updated_at, sold_at, first_told_at) = times.ok_or(EncodingError::Corrupt)?;
        let (amount, commission) = money.unwrap_or((0, 0));
        Ok(ConversionState {
            status,
            revision,
            updated_at,
            sold_at,
            amount,
            commission,
            priced: money.is_some(),
            new_customer,
            product,
            category,
            told,
            first_told_at,
        })
    }
}
