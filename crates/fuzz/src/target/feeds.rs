//! What shops publish: tables and JSON that become items of feeds.

use std::sync::OnceLock;

use jiff::civil::date;
use jiff::tz::TimeZone;
use rapport_rule::Source;
use rapport_workflow::pulled::{Unreadable, read};
use rapport_workflow::{Feed, compile_applied};

const FEEDS: &str = "feeds:
  table:
    from: /srv/products.csv
    columns:
      id: sku
      name: title
      url: link
      price: { amount: price, currency: currency }
      valid_until: ends
  list:
    from: /srv/products.json
    items: data.products
    columns: { id: sku, url: link, price: { amount: price.value, in: EUR, decimal: comma } }
";

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let all = [
        "sku,title,link,price,currency,ends\nl1,\"Lamp, red\",https://shop.example/l1,79.90,EUR,2026-12-31\n",
        "\u{feff}sku,title,link,price,currency,ends\r\nl1,\"a\r\nb\",https://shop.example/l1,1,JPY,\r\nl2,b,http://x,1,EUR,\r\n",
        "sku,title,link,price,currency,ends\n",
        "sku;title\n",
        "{\"data\":{\"products\":[{\"sku\":1,\"link\":\"https://shop.example/1\",\"price\":{\"value\":\"9,90\"}}]}}",
        "{\"data\":{\"products\":[]}}",
        "{\"data\":1}",
        "",
    ];
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn feeds() -> &'static [Feed] {
    static ALL: OnceLock<Vec<Feed>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut sources = rapport_shipped::folders(&["config", "workflows/let-go-review"]);
        sources.add(Source::new("config/feeds.yaml", FEEDS));
        let (rulebook, _) = compile_applied(&sources);
        rulebook.expect("feeds that are sound").feeds.into_values().collect()
    })
}

/// What is taken leads to https and costs no less than nothing; what is not has a reason.
pub(super) fn feed(bytes: &[u8]) -> String {
    let mut told = Vec::new();
    let mut is_taken = false;
    for feed in feeds() {
        let origin = feed.origin.as_ref().expect("a feed that is pulled");
        told.push(match read(feed, origin, bytes, date(2026, 10, 1), &TimeZone::UTC) {
            Ok(pulled) => {
                is_taken = true;
                for item in &pulled.items {
                    let url = item.get("url").and_then(|url| url.as_str()).unwrap_or_default();
                    assert!(url.starts_with("https://") && !url.contains(['"', '<', '>']), "{item}");
                    let minor = item.get("price").and_then(|price| price.get("minor")?.as_i64());
                    assert!(minor.is_some_and(|minor| minor >= 0), "{item}");
                }
                assert!(pulled.bad.told.len() <= pulled.bad.count);
                if pulled.bad.count > 0 { "some" } else { "all" }
            }
            Err(why) => {
                assert!(!why.to_string().is_empty());
                match why {
                    Unreadable::NoJson(_) => "no_json",
                    Unreadable::NoList(_) => "no_list",
                    Unreadable::NoColumn { .. } => "no_column",
                    Unreadable::Empty => "empty",
                    Unreadable::TooMany { .. } => "too_many",
                    Unreadable::TooManyBad { .. } => "too_many_bad",
                }
            }
        });
    }
    format!("{}{}", if is_taken { "ok " } else { "" }, told.join(" "))
}
