//! A sheet as a Parquet file: typed columns, empty cells as nulls, and in its metadata which report it is and the units.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};
use rapport_rule::Currency;
use serde_json::{Value, json};

use super::sheet::{Cell, Column, Kind, Sheet};

/// Rows that stand together: readers take so many at once.
const GROUP_ROWS: usize = 100_000;
/// The most digits that a decimal of 64 bits may have.
const MONEY_DIGITS: u32 = 18;

/// Writes it.
pub(super) fn write(sheet: &Sheet, to: impl Write + Send) -> Result<()> {
    let names = names(&sheet.columns);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("rapport ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(metadata(sheet, &names)))
        .build();
    let mut file = SerializedFileWriter::new(to, schema(&sheet.columns, &names)?, Arc::new(properties))?;
    for rows in sheet.rows.chunks(GROUP_ROWS) {
        let mut group = file.next_row_group()?;
        for (at, column) in sheet.columns.iter().enumerate() {
            let cells = rows.iter().map(|row| row.get(at).unwrap_or(&Cell::Empty));
            let mut writer = group.next_column()?.ok_or_else(|| wrong(column, "has no place in the file"))?;
            put_column(&mut writer, column, cells)?;
            writer.close()?;
        }
        group.close()?;
    }
    file.close()?;
    Ok(())
}

/// Heads, each once: many readers take no second column of a name, also if only capitals differ.
fn names(columns: &[Column]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut names = Vec::with_capacity(columns.len());
    for column in columns {
        let head = if column.name.is_empty() { "_" } else { column.name.as_str() };
        let mut name = head.to_owned();
        let mut again = 2;
        while !taken.insert(name.to_lowercase()) {
            name = format!("{head}_{again}");
            again += 1;
        }
        names.push(name);
    }
    names
}

fn schema(columns: &[Column], names: &[String]) -> Result<TypePtr> {
    let fields = columns.iter().zip(names).map(|(column, name)| {
        let (physical, converted) = match column.kind {
            Kind::Text => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
            Kind::Count => (Physical::INT64, ConvertedType::NONE),
            Kind::Number => (Physical::DOUBLE, ConvertedType::NONE),
            Kind::Money(_) => (Physical::INT64, ConvertedType::DECIMAL),
        };
        let mut field = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_converted_type(converted);
        if let Kind::Money(currency) = column.kind {
            field = field.with_precision(MONEY_DIGITS as i32).with_scale(currency.exponent() as i32);
        }
        field.build().map(Arc::new)
    });
    let fields = fields.collect::<Result<Vec<_>>>()?;
    Type::group_type_builder("report").with_fields(fields).build().map(Arc::new)
}

fn metadata(sheet: &Sheet, names: &[String]) -> Vec<KeyValue> {
    let columns: Vec<Value> = sheet
        .columns
        .iter()
        .zip(names)
        .map(|(column, name)| {
            let mut told = json!({ "name": name, "head": column.name, "unit": column.unit });
            if let Kind::Money(currency) = column.kind {
                told["currency"] = json!(currency.code());
            }
            told
        })
        .collect();
    [
        ("rapport.report", sheet.report.to_owned()),
        ("rapport.program", sheet.program.clone()),
        ("rapport.as_of", sheet.as_of.to_string()),
        ("rapport.columns", Value::Array(columns).to_string()),
    ]
    .map(|(key, value)| KeyValue::new(key.to_owned(), value))
    .into()
}

fn put_column<'c>(
    writer: &mut SerializedColumnWriter<'_>,
    column: &Column,
    cells: impl Iterator<Item = &'c Cell>,
) -> Result<()> {
    match column.kind {
        Kind::Text => put::<ByteArrayType>(writer, cells.map(|cell| text(cell, column))),
        Kind::Count => put::<Int64Type>(writer, cells.map(|cell| whole(cell, column))),
        Kind::Number => put::<DoubleType>(writer, cells.map(|cell| number(cell, column))),
        Kind::Money(currency) => put::<Int64Type>(writer, cells.map(|cell| minor(cell, currency, column))),
    }
}

/// Values, and for each row whether it has one.
fn put<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    cells: impl Iterator<Item = Result<Option<T::T>>>,
) -> Result<()> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for cell in cells {
        let cell = cell?;
        levels.push(i16::from(cell.is_some()));
        values.extend(cell);
    }
    writer.typed::<T>().write_batch(&values, Some(&levels), None)?;
    Ok(())
}

fn text(cell: &Cell, column: &Column) -> Result<Option<ByteArray>> {
    match cell {
        Cell::Empty => Ok(None),
        Cell::Text(text) => Ok(Some(ByteArray::from(text.as_str()))),
        _ => Err(wrong(column, "holds a number among text")),
    }
}

fn whole(cell: &Cell, column: &Column) -> Result<Option<i64>> {
    match cell {
        Cell::Empty => Ok(None),
        Cell::Count(count) => Ok(Some(*count)),
        _ => Err(wrong(column, "holds what is no count")),
    }
}

fn number(cell: &Cell, column: &Column) -> Result<Option<f64>> {
    match cell {
        Cell::Empty => Ok(None),
        Cell::Count(count) => Ok(Some(*count as f64)),
        Cell::Number { value, .. } => Ok(Some(*value)),
        Cell::Money(money) => Ok(Some(money.minor as f64 / money.currency.minor_per_unit() as f64)),
        Cell::Text(_) => Err(wrong(column, "holds text among numbers")),
    }
}

fn minor(cell: &Cell, currency: Currency, column: &Column) -> Result<Option<i64>> {
    match cell {
        Cell::Empty => Ok(None),
        Cell::Money(money) if money.currency != currency => Err(wrong(column, "holds money of two currencies")),
        Cell::Money(money) if money.minor.unsigned_abs() >= 10_u64.pow(MONEY_DIGITS) => {
            Err(wrong(column, "holds an amount of more than 18 digits"))
        }
        Cell::Money(money) => Ok(Some(money.minor)),
        _ => Err(wrong(column, "holds what is no money")),
    }
}

fn wrong(column: &Column, what: &str) -> ParquetError {
    ParquetError::General(format!("the column `{}` {what}", crate::printed::harmless(&column.name)))
}

#[cfg(test)]
mod tests;
