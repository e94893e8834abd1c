use jiff::Timestamp;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use rapport_rule::Money;

use super::*;

const KWD: &str = "KWD";

fn sheet(columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Sheet {
    Sheet { report: "partners", program: "default".into(), as_of: Timestamp::UNIX_EPOCH, columns, rows }
}

fn written(sheet: &Sheet) -> SerializedFileReader<std::fs::File> {
    let mut file = tempfile::tempfile().unwrap();
    write(sheet, &mut file).unwrap();
    SerializedFileReader::new(file).unwrap()
}

fn number(value: f64) -> Cell {
    Cell::Number { value, decimals: 4 }
}

/// What CSV would show of a value that was read.
fn as_csv(field: &Field, cell: &Cell) -> String {
    match (field, cell) {
        (Field::Null, _) => String::new(),
        (Field::Str(text), _) => super::super::csv_field(text),
        (Field::Long(count), _) => count.to_string(),
        (Field::Double(value), Cell::Number { decimals, .. }) => format!("{value:.0$}", *decimals),
        (Field::Double(value), Cell::Money(money)) => format!("{value:.0$}", money.currency.exponent() as usize),
        (Field::Double(value), _) => format!("{value:.0}"),
        (Field::Decimal(decimal), Cell::Money(money)) => {
            assert_eq!(decimal.scale(), money.currency.exponent() as i32);
            let minor = i64::from_be_bytes(decimal.data().try_into().unwrap());
            let text = Money::new(minor, money.currency).to_string();
            text.split(' ').next().unwrap().to_owned()
        }
        (other, _) => panic!("nobody wrote {other:?}"),
    }
}

#[track_caller]
fn same_as_csv(sheet: &Sheet) {
    let reader = written(sheet);
    let read: Vec<String> = reader
        .get_row_iter(None)
        .unwrap()
        .zip(&sheet.rows)
        .map(|(row, cells)| {
            let row = row.unwrap();
            assert_eq!(row.len(), cells.len());
            row.get_column_iter().zip(cells).map(|((_, field), cell)| as_csv(field, cell)).collect::<Vec<_>>().join(",")
        })
        .collect();
    assert_eq!(read, sheet.csv()[1..]);
    assert_eq!(reader.metadata().file_metadata().num_rows(), sheet.rows.len() as i64);
}

#[test]
fn what_was_written_is_read_back_as_csv_says_it() {
    let kwd = Currency::parse(KWD).unwrap();
    let columns = vec![
        Column::text("partner"),
        Column::count("conversions_28d"),
        Column::by_row("all"),
        Column::money("revenue_28d", Currency::EUR),
        Column::money("commission_28d", kwd),
    ];
    let hostile =
        ["=HYPERLINK(\"http://x\")", "a,b\"c\r\nd", "-1+1", "\u{202e}gnp.exe", "'; DROP TABLE partner; --", ""];
    let mut rows: Vec<Vec<Cell>> = hostile
        .iter()
        .map(|name| {
            vec![
                Cell::text(*name),
                Cell::Count(i64::MAX),
                Cell::Money(Money::new(-5, Currency::EUR)),
                Cell::Money(Money::new(-5, Currency::EUR)),
                Cell::Money(Money::new(999_999_999_999_999_999, kwd)),
            ]
        })
        .collect();
    rows.push(vec![Cell::text("ada"), Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty]);
    rows.push(vec![
        Cell::text("bo"),
        Cell::Count(0),
        number(-12.345_67),
        Cell::Money(Money::new(0, Currency::EUR)),
        Cell::Empty,
    ]);
    rows.push(vec![Cell::text("cy"), Cell::Count(-3), Cell::Count(7), Cell::Empty, Cell::Empty]);
    let sheet = sheet(columns, rows);
    same_as_csv(&sheet);
    // Text is data, not what a spreadsheet makes of it.
    let first = written(&sheet).get_row_iter(None).unwrap().next().unwrap().unwrap();
    assert_eq!(first.get_column_iter().next().unwrap().1, &Field::Str(hostile[0].to_owned()));
}

#[test]
fn more_rows_than_stand_together_are_all_there() {
    let rows = (0..=GROUP_ROWS as i64).map(|at| vec![Cell::Count(at)]).collect();
    let sheet = sheet(vec![Column::count("n")], rows);
    assert_eq!(written(&sheet).num_row_groups(), 2);
    same_as_csv(&sheet);
}

#[test]
fn a_report_of_nothing_is_a_file_with_heads() {
    let sheet = sheet(vec![Column::text("partner")], Vec::new());
    let reader = written(&sheet);
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    assert_eq!(reader.metadata().file_metadata().schema_descr().column(0).name(), "partner");
}

#[test]
fn the_file_says_which_report_it_is_and_in_what_it_counts() {
    let columns = vec![Column::text("partner"), Column::money("revenue_28d", Currency::EUR), Column::by_row("Unit")];
    let reader = written(&sheet(columns, Vec::new()));
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let value = |key: &str| metadata.iter().find(|pair| pair.key == key).unwrap().value.clone().unwrap();
    assert_eq!(value("rapport.report"), "partners");
    assert_eq!(value("rapport.program"), "default");
    assert_eq!(value("rapport.as_of"), "1970-01-01T00:00:00Z");
    let columns: Value = serde_json::from_str(&value("rapport.columns")).unwrap();
    assert_eq!(columns[1], json!({ "name": "revenue_28d", "head": "revenue_28d", "unit": "money", "currency": "EUR" }));
    assert_eq!(columns[2]["unit"], "by row");
}

#[test]
fn no_two_columns_have_one_name() {
    let heads = ["unit", "Unit", "unit_2", "", "", "ünit"].map(Column::by_row);
    assert_eq!(names(&heads), ["unit", "Unit_2", "unit_2_2", "_", "__2", "ünit"]);
}

#[test]
fn what_does_not_fit_its_column_is_told_by_name() {
    let fails = |column: Column, cell: Cell| {
        write(&sheet(vec![column], vec![vec![cell]]), Vec::<u8>::new()).unwrap_err().to_string()
    };
    let revenue = || Column::money("revenue", Currency::EUR);
    let large = Cell::Money(Money::new(i64::MAX, Currency::EUR));
    assert!(fails(revenue(), large).contains("the column `revenue` holds an amount of more than 18 digits"));
    let foreign = Cell::Money(Money::new(1, Currency::parse(KWD).unwrap()));
    assert!(fails(revenue(), foreign).contains("two currencies"));
    assert!(fails(Column::count("n"), number(0.5)).contains("no count"));
    assert!(fails(Column::text("\u{1b}[2J"), Cell::Count(1)).contains("the column ` [2J` holds a number"));
}
