//! Feeds: what a shop publishes as items, whatever it publishes, and what a mail shows of them on which day.

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rapport_rule::finding::render::human_all;
use rapport_rule::{Source, Sources};
use rapport_shipped::folders;
use rapport_workflow::pulled::{Pulled, Unreadable, file_text, read};
use rapport_workflow::{Feed, compile};
use serde_json::{Value as Json, json};

const CSV: &str = "from: /srv/products.csv, fields: { brand: text }, columns: { id: sku, name: title, url: link, \
                   price: { amount: price, currency: currency }, valid_until: ends }";
const HEADER: &str = "sku,title,link,price,currency,ends,brand\n";

fn with(declaration: &str, file: Option<&str>) -> Sources {
    let mut sources = folders(&["config", "workflows/let-go-review"]);
    sources.add(Source::new("config/feeds.yaml", format!("feeds:\n  shop: {{ {declaration} }}\n")));
    if let Some(file) = file {
        sources.add(Source::new("config/feeds/shop.json", file));
    }
    sources
}

#[track_caller]
fn feed(declaration: &str, file: Option<&str>) -> Feed {
    let sources = with(declaration, file);
    let (rulebook, findings) = compile(&sources);
    let rulebook = rulebook.unwrap_or_else(|| panic!("{}", human_all(&findings, &sources)));
    rulebook.feeds["shop"].clone()
}

#[track_caller]
fn pull(declaration: &str, bytes: &[u8]) -> Result<Pulled, Unreadable> {
    let feed = feed(declaration, None);
    let oslo = TimeZone::get("Europe/Oslo").unwrap();
    read(&feed, feed.origin.as_ref().unwrap(), bytes, date(2026, 10, 1), &oslo)
}

#[track_caller]
fn one(row: &str) -> Json {
    let mut pulled = pull(CSV, format!("{HEADER}{row}\n").as_bytes()).unwrap();
    assert_eq!(pulled.items.len(), 1, "{pulled:?}");
    pulled.items.remove(0)
}

/// Why a row is left out of twenty good ones.
#[track_caller]
fn refused(row: &[u8], expected: &str) {
    let mut text = HEADER.as_bytes().to_vec();
    for at in 0..20 {
        text.extend(format!("good-{at},Lamp,https://shop.example/{at},1,EUR,,Acme\n").as_bytes());
    }
    text.extend(row);
    let pulled = pull(CSV, &text).unwrap();
    assert_eq!((pulled.items.len(), pulled.bad.count), (20, 1), "{pulled:?}");
    let left_out = &pulled.bad.told[0];
    assert_eq!(format!("{}: {}", left_out.place, left_out.why), format!("line 22: {expected}"));
}

#[test]
fn a_row_becomes_an_item_of_typed_fields() {
    assert_eq!(
        one(r#"l1,"Lamp, ""Nordlys""",https://shop.example/l1,79.90,EUR,2026-12-31,Acme"#),
        json!({
            "id": "l1", "name": "Lamp, \"Nordlys\"", "url": "https://shop.example/l1", "brand": "Acme",
            "price": { "minor": 7990, "currency": "EUR" }, "valid_until": "2026-12-31",
        })
    );
    // Of several lines, with a mark before the first byte, and with cells that look like formulas and markup: texts.
    let pulled = pull(
        CSV,
        "\u{feff}sku,title,link,price,currency,ends,brand\r\n\
         l1,\"Lamp\r\n for \t reading\",https://shop.example/l1,1,EUR,,=1+1\r\n\
         l2,<b>{{x}}</b>,https://shop.example/l2,1,JPY,,@x\r\n"
            .as_bytes(),
    )
    .unwrap();
    let texts: Vec<&Json> = pulled.items.iter().flat_map(|item| [&item["name"], &item["brand"]]).collect();
    assert_eq!(texts, ["Lamp for reading", "=1+1", "<b>{{x}}</b>", "@x"]);
}

#[test]
fn a_price_is_read_as_it_is_meant_or_not_at_all() {
    let price = |amount: &str, currency: &str| {
        one(&format!("l1,Lamp,https://shop.example/l1,{amount},{currency},,Acme"))["price"]["minor"].clone()
    };
    // Four digits are how databases write amounts, three are what some currencies have.
    assert_eq!([price("1500", "EUR"), price("1500.0000", "EUR"), price("1.500", "KWD")], [150_000_i64, 150_000, 1_500]);
}

#[test]
fn what_does_not_fit_is_left_out_with_its_line_and_why() {
    refused(b"x,Lamp,http://shop.example/x,1,EUR,,Acme\n", "`url` is not an https address");
    refused(b"x,Lamp,javascript:alert(1),1,EUR,,Acme\n", "`url` is not an https address");
    refused(b"x,Lamp,https://a@shop.example/x,1,EUR,,Acme\n", "`url` is not an https address");
    refused(b"x,Lamp,https://shop.example/\"\"><,1,EUR,,Acme\n", "`url` is not an https address");
    // What a mail would refuse to link to, or to print.
    refused(b"x,Lamp,https://[::1]/x,1,EUR,,Acme\n", "`url` is not an https address");
    refused("x,Lamp,https://shop.example/\u{202e}x,1,EUR,,Acme\n".as_bytes(), "`url` is not an https address");
    refused(
        "x,\u{202e}\u{feff}\u{200b},https://shop.example/x,1,EUR,,Acme\n".as_bytes(),
        "`name` holds nothing that can be seen",
    );
    refused(b"x,Lamp,https://shop.example/x,-1,EUR,,Acme\n", "`price` is below zero");
    refused(b"x,Lamp,https://shop.example/x,99999999999999,EUR,,Acme\n", "`price` is too large for a price");
    refused(b"x,Lamp,https://shop.example/x,1,,,Acme\n", "`price` has no currency");
    refused(
        b"x,Lamp,https://shop.example/x,\"9,90\",EUR,,Acme\n",
        "`price` has a comma; `decimal: comma` reads cents behind one",
    );
    let thousands = "`price` has three digits behind the point, which may be thousands; write 1500.00 or 1500";
    refused(b"x,Lamp,https://shop.example/x,1.500,EUR,,Acme\n", thousands);
    refused(b"x,Lamp,https://shop.example/x,1,EURO,,Acme\n", "`price` has a currency that is none of ISO 4217");
    refused(
        b"x,Lamp,https://shop.example/x,1,EUR,soon,Acme\n",
        "`valid_until` is not a date like 2026-12-31, nor an instant",
    );
    refused(b",Lamp,https://shop.example/x,1,EUR,,Acme\n", "`id` is missing");
    refused(b"x,\xff\xfe,https://shop.example/x,1,EUR,,Acme\n", "`name` is not UTF-8");
    refused(b"x,La\x1bmp,https://shop.example/x,1,EUR,,Acme\n", "`name` holds control characters");
    refused(b"x,Lamp,https://shop.example/x,1,EUR,,Acme,more\n", "it has 8 cells, and the header 7");
    refused(b"good-3,Lamp,https://shop.example/x,1,EUR,,Acme\n", "its `id` is that of line 5");
    let long = format!("x,{},https://shop.example/x,1,EUR,,Acme\n", "a".repeat(100_000));
    refused(long.as_bytes(), "`name` is longer than 1000 characters");
}

#[test]
fn a_source_of_which_more_than_a_tenth_does_not_fit_is_refused() {
    let rows = |bad: usize| -> String {
        let row =
            |at: usize| format!("s{at},Lamp,{}://shop.example,1,EUR,,Acme\n", if at < bad { "http" } else { "https" });
        (0..20).map(row).collect()
    };
    assert_eq!(pull(CSV, format!("{HEADER}{}", rows(2)).as_bytes()).unwrap().items.len(), 18);
    let error = pull(CSV, format!("{HEADER}{}", rows(3)).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "3 of 20 items do not fit, which is more than a tenth");
}

#[test]
fn rows_that_an_open_quote_swallows_are_counted() {
    let good = |ids: std::ops::Range<usize>| -> String {
        ids.map(|at| format!("s{at},Lamp,https://shop.example/{at},1,EUR,,Acme\n")).collect()
    };
    let open = "x,\"Lamp,https://shop.example/x,1,EUR,,Acme\n";
    let error = pull(CSV, format!("{HEADER}{}{open}{}", good(0..20), good(20..30)).as_bytes()).unwrap_err();
    assert!(matches!(error, Unreadable::TooManyBad { .. }), "{error}");
    let pulled = pull(CSV, format!("{HEADER}{}{open}", good(0..30)).as_bytes()).unwrap();
    assert_eq!((pulled.items.len(), pulled.bad.told.len(), pulled.bad.told[0].place.as_str()), (30, 1, "line 32"));
}

#[test]
fn another_file_than_was_meant_is_refused() {
    assert_eq!(pull(CSV, b"").unwrap_err(), Unreadable::Empty);
    assert_eq!(pull(CSV, HEADER.as_bytes()).unwrap_err(), Unreadable::Empty);
    let error = pull(CSV, b"sku,titel,link,price,currency,ends,brand\n").unwrap_err();
    assert_eq!(error.to_string(), "it has no column `title`; is `titel` meant?");
    assert!(matches!(pull(CSV, b"<!doctype html>").unwrap_err(), Unreadable::NoColumn { .. }));
    let books = "from: books.json, items: data.products, columns: { id: isbn, url: link }";
    assert!(matches!(pull(books, b"{").unwrap_err(), Unreadable::NoJson(_)));
    assert_eq!(pull(books, b"{\"data\": 1}").unwrap_err().to_string(), "there is no list of items at `data.products`");
}

#[test]
fn a_source_of_tiny_values_costs_no_more_than_a_large_one() {
    let books = "from: books.json, columns: { id: isbn, url: link }";
    let zeros = format!("[{}0]", "0,".repeat(1_000_000));
    let error = pull(books, zeros.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "it holds more than 1000000 items");
    let rows = format!("{HEADER}{}", "x\n".repeat(1_000_001));
    assert_eq!(pull(CSV, rows.as_bytes()).unwrap_err().to_string(), "it holds more than 1000000 items");
    let columns = "a,".repeat(10_000);
    assert_eq!(pull(CSV, columns.as_bytes()).unwrap_err().to_string(), "it holds more than 10000 columns");

    let good: Vec<String> =
        (0..20).map(|at| format!("{{ \"isbn\": {at}, \"link\": \"https://books.example/{at}\" }}")).collect();
    let wide = format!("{{ \"isbn\": 99, \"all\": [{}0] }}", "{\"a\":0},".repeat(40_000));
    let deep = format!("{{ \"isbn\": 98, \"all\": {}{} }}", "[".repeat(1_000), "]".repeat(1_000));
    for (item, why) in [(wide, "it is larger than 256 KiB"), (deep, "it cannot be read: recursion limit exceeded")] {
        let text = format!("[{}, {item}]", good.join(","));
        let pulled = pull(books, text.as_bytes()).unwrap();
        assert_eq!((pulled.items.len(), pulled.bad.count), (20, 1));
        let told = &pulled.bad.told[0];
        assert!(told.place == "item 21" && told.why.starts_with(why), "{told:?}");
    }
}

#[test]
fn json_is_read_by_keys_of_keys_and_commas_where_they_are_declared() {
    let books = "from: books.json, items: data.products, columns: { id: isbn, url: links.web, \
                 price: { amount: price.value, in: EUR, decimal: comma } }";
    let text = r#"{ "data": { "products": [
        { "isbn": 12, "links": { "web": "https://books.example/12" }, "price": { "value": "9,90" }, "other": [] }
    ] } }"#;
    assert_eq!(
        pull(books, text.as_bytes()).unwrap().items,
        [json!({ "id": "12", "price": { "minor": 990, "currency": "EUR" }, "url": "https://books.example/12" })]
    );
}

#[test]
fn what_has_ended_and_what_is_too_much_is_left_out_and_counted() {
    let declared = format!("{CSV}, at_most: 2");
    let row = |id: &str, ends: &str| format!("{id},Lamp,https://shop.example/{id},1,EUR,{ends},Acme\n");
    // The first of October: what ends today is shown, what ended yesterday not, nor what ends today before the day does.
    let text = [
        HEADER.to_owned(),
        row("a", "2026-09-30"),
        row("b", "2026-10-01T10:00:00+02:00"),
        row("c", "2026-10-01"),
        row("d", "2026-10-01T23:59:59+02:00"),
        row("e", "2026-10-02T00:00:00+02:00"),
    ];
    let pulled = pull(&declared, text.concat().as_bytes()).unwrap();
    assert_eq!((pulled.items.len(), pulled.expired, pulled.beyond, pulled.bad.count), (2, 2, 1, 0));
    assert_eq!(pulled.items[1]["valid_until"], "2026-10-01");
}

#[test]
fn a_mail_shows_what_is_valid_on_its_day_and_nothing_that_is_not_fresh() {
    let items = [
        json!({ "id": "a", "url": "https://shop.example/a", "valid_until": "2026-10-01" }),
        json!({ "id": "b", "url": "https://shop.example/b" }),
    ];
    let pulled_at: Timestamp = "2026-10-01T06:00:00Z".parse().unwrap();
    let declared = "from: /srv/products.csv, columns: { id: sku, url: link, valid_until: ends }, fresh_for: 2 days";
    let shop = feed(declared, Some(&file_text(&items, pulled_at)));
    assert_eq!((shop.items.as_slice(), shop.pulled_at), (items.as_slice(), Some(pulled_at)));
    let oslo = TimeZone::get("Europe/Oslo").unwrap();
    let shown = |feed: &Feed, at: &str| -> Vec<String> {
        let items = feed.newest(9, at.parse().unwrap(), &oslo);
        items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    // What is planned for the past of a pull, as a replay does, shows what was pulled.
    assert_eq!(shown(&shop, "2026-09-01T06:00:00Z"), ["a", "b"]);
    assert_eq!(shown(&shop, "2026-10-01T21:59:59Z"), ["a", "b"]);
    assert_eq!(shown(&shop, "2026-10-01T22:00:00Z"), ["b"]);
    assert_eq!(shown(&shop, "2026-10-03T06:00:00Z"), ["b"]);
    assert!(shown(&shop, "2026-10-03T06:00:01Z").is_empty());
    // Nobody knows how old a list is that does not say it, and without `fresh_for` nobody asks.
    let list = serde_json::to_string(&items).unwrap();
    assert!(shown(&feed(declared, Some(&list)), "2026-10-01T06:00:00Z").is_empty());
    let always = "file: feeds/shop.json, fields: { id: text, url: url, valid_until: date }";
    assert_eq!(shown(&feed(always, Some(&list)), "2036-10-01T06:00:00Z"), ["b"]);
    // What was not pulled yet is empty, and no error.
    assert!(shown(&feed(declared, None), "2026-10-01T06:00:00Z").is_empty());
}

/// Cells as shops write them, and as nobody should.
fn cell() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"https://shop.example/a".to_vec()),
        Just(b"javascript:alert(1)".to_vec()),
        Just(b"-1e999".to_vec()),
        Just(b"2026-12-31".to_vec()),
        Just(b"EUR".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\"\r\n\"".to_vec()),
        "[0-9]{1,30}(\\.[0-9]{1,4})?".prop_map(String::into_bytes),
        "[a-z]{1,6}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..12),
    ]
}

fn is_sound(item: &Json) -> bool {
    let text =
        |name: &str| item[name].as_str().is_some_and(|text| !text.is_empty() && !text.contains(char::is_control));
    let until = &item["valid_until"];
    text("id")
        && text("name")
        && text("brand")
        && item["url"].as_str().is_some_and(|url| url.starts_with("https://") && !url.contains(['"', '<', '>', ' ']))
        && item["price"]["minor"].as_i64().is_some_and(|minor| minor >= 0)
        && (until.is_null() || until.as_str().is_some_and(|day| day >= "2026-10-01"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever stands in the rows, what is taken of them is sound, and compiles as it was written.
    #[test]
    fn nothing_unsound_is_taken(rows in prop::collection::vec(prop::collection::vec(cell(), 0..9), 0..12), good in 0usize..40) {
        use std::sync::OnceLock;
        static FEED: OnceLock<Feed> = OnceLock::new();
        let feed = FEED.get_or_init(|| feed(CSV, None));
        let mut text = HEADER.as_bytes().to_vec();
        for at in 0..good {
            text.extend(format!("good-{at},Lamp,https://shop.example/{at},1,EUR,,Acme\n").as_bytes());
        }
        for row in &rows {
            text.extend(row.join(&b','));
            text.push(b'\n');
        }
        let oslo = TimeZone::get("Europe/Oslo").unwrap();
        if let Ok(pulled) = read(feed, feed.origin.as_ref().unwrap(), &text, date(2026, 10, 1), &oslo) {
            for item in &pulled.items {
                prop_assert!(is_sound(item), "{item}");
            }
            let written: Json = serde_json::from_str(&file_text(&pulled.items, Timestamp::UNIX_EPOCH)).unwrap();
            prop_assert_eq!(written["items"].as_array().unwrap(), &pulled.items);
        }
    }

    /// Any bytes are read or refused, as a table and as JSON.
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        use std::sync::OnceLock;
        static FEEDS: OnceLock<[Feed; 2]> = OnceLock::new();
        let feeds = FEEDS.get_or_init(|| [feed(CSV, None), feed("from: a.json, columns: { id: a, url: b }", None)]);
        for feed in feeds {
            let _ = read(feed, feed.origin.as_ref().unwrap(), &bytes, date(2026, 10, 1), &TimeZone::UTC);
        }
    }
}
