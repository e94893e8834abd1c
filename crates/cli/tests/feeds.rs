//! `rapport feeds` with the real binary and a shop that publishes its products by HTTP.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files and sockets")]

mod project;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use self::project::{check, project};

const GOOD: &str = "sku;titel;link;preis;bis\n\
                    lamp;Leselampe;https://shop.example/lamp;79,90;2999-12-31\n\
                    mug;Becher;https://shop.example/mug;9,00;\n\
                    old;Alt;https://shop.example/old;9,00;2020-01-31\n";

/// A shop on this machine, and what it publishes just now.
struct Shop {
    address: String,
    published: Arc<Mutex<String>>,
}

impl Shop {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/products.csv", listener.local_addr().unwrap());
        let published = Arc::new(Mutex::new(GOOD.to_owned()));
        let shown = published.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let body = shown.lock().unwrap().clone();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        Self { address, published }
    }

    fn publish(&self, text: &str) {
        text.clone_into(&mut self.published.lock().unwrap());
    }

    /// A project whose feed `shop` comes from here.
    fn project(&self) -> tempfile::TempDir {
        let project = project();
        let path = project.path().join("config/feeds.yaml");
        let declared = std::fs::read_to_string(&path).unwrap()
            + &format!(
                "  shop:\n    from: {}\n    private: true\n    separator: \";\"\n    fresh_for: 2 days\n    columns:\n      \
                 id: sku\n      name: titel\n      url: link\n      price: {{ amount: preis, in: EUR, decimal: comma }}\n      \
                 valid_until: bis\n",
                self.address
            );
        std::fs::write(path, declared).unwrap();
        project
    }
}

fn file(folder: &Path) -> Option<serde_json::Value> {
    let text = std::fs::read_to_string(folder.join("config/feeds/shop.json")).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn what_a_shop_publishes_is_pulled_checked_and_put_into_force() {
    let shop = Shop::open();
    let project = shop.project();
    let folder = project.path();
    check(folder, &["apply", "--approved-by", "ines"], 0, &["R0472", "rapport feeds pull shop"]);
    check(folder, &["feeds"], 0, &["shop", "nothing was pulled yet", "new-this-month", "written by hand"]);
    check(folder, &["feeds", "pull", "--dry-run"], 0, &["shop: 2 items (1 ended already)", "nothing was written"]);
    assert_eq!(file(folder), None);

    check(folder, &["feeds", "pull", "shop", "--apply", "--by", "kari"], 0, &["written to", "applied"]);
    let pulled = file(folder).unwrap();
    assert_eq!(pulled["items"][0]["price"], serde_json::json!({ "minor": 7990, "currency": "EUR" }));
    assert_eq!(pulled["items"].as_array().unwrap().len(), 2);
    check(folder, &["apply", "--history"], 0, &["kari"]);
    check(folder, &["doctor"], 0, &["1 feed fresh"]);
    let listed = check(folder, &["feeds"], 0, &["shop", "2 items", "fresh until", "the next ends after 2999-12-31"]);
    assert!(!listed.contains("NOT FRESH"), "{listed}");
    let data = check(folder, &["feeds", "--json"], 0, &[]);
    let data: serde_json::Value = serde_json::from_str(data.trim()).unwrap();
    let of_shop = data["feeds"].as_array().unwrap().iter().find(|feed| feed["id"] == "shop").unwrap();
    assert_eq!((&of_shop["items"], &of_shop["fresh"]), (&2.into(), &true.into()));

    // The same again is no other version.
    check(folder, &["feeds", "pull", "--apply"], 0, &["unchanged", "in force already"]);
    assert_eq!(file(folder).unwrap(), pulled);
    let mut drafts = std::fs::read_dir(folder.join("config/feeds")).unwrap().flatten();
    assert!(drafts.all(|entry| !entry.file_name().to_string_lossy().starts_with('.')));
}

#[test]
fn a_pull_puts_into_force_what_it_pulled_and_nothing_else_of_the_folder() {
    let shop = Shop::open();
    let project = shop.project();
    let folder = project.path();
    // Before anything is applied there is nothing that items could go into.
    check(folder, &["feeds", "pull", "--apply"], 1, &["written to", "rapport apply"]);
    check(folder, &["apply", "--approved-by", "ines"], 0, &["applied"]);
    // Somebody is at work in the folder: a workflow that is half done, and a feed that nobody knows yet.
    let declared = std::fs::read_to_string(folder.join("config/feeds.yaml")).unwrap();
    let shops = declared.find("\n  shop:\n").unwrap();
    let second = declared.get(shops + 1..).unwrap().replace("  shop:\n", "  second:\n");
    std::fs::write(folder.join("config/feeds.yaml"), declared.clone() + &second).unwrap();
    let welcome = folder.join("workflows/welcome/workflow.yaml");
    let before = std::fs::read_to_string(&welcome).unwrap();
    std::fs::write(&welcome, before.clone() + "# half done\n").unwrap();
    shop.publish(&GOOD.replace("Becher", "Tasse"));
    let said = ["items of shop", "no such feed is in force", "run `rapport apply`"];
    check(folder, &["feeds", "pull", "--apply", "--by", "timer"], 1, &said);

    // In force are the new cup and the old workflow: the folder as it was, with these items, is what is in force.
    std::fs::write(&welcome, &before).unwrap();
    std::fs::write(folder.join("config/feeds.yaml"), &declared).unwrap();
    std::fs::remove_file(folder.join("config/feeds/second.json")).unwrap();
    assert_eq!(file(folder).unwrap()["items"][1]["name"], "Tasse");
    check(folder, &["apply"], 0, &["in force already"]);

    // Items of other columns wait for their declaration.
    std::fs::write(&welcome, before + "# half done\n").unwrap();
    shop.publish(&GOOD.replace("Becher", "Krug"));
    check(folder, &["feeds", "pull", "--apply"], 0, &["applied", "what else differs", "rapport plan"]);
    project::edit(folder, "config/feeds.yaml", "      name: titel\n", "");
    check(folder, &["feeds", "pull", "--apply"], 1, &["do not fit what is in force"]);
}

#[test]
fn what_is_broken_leaves_what_was_there() {
    let shop = Shop::open();
    let project = shop.project();
    let folder = project.path();
    check(folder, &["feeds", "pull"], 0, &["2 items"]);
    let before = file(folder);
    for (published, says) in [
        ("<html>Sorry</html>", "it has no column"),
        ("sku;titel;link;preis;bis\n", "it holds no item"),
        ("sku;titel;link;preis;bis\na;A;javascript:alert(1);1,00;\n", "line 2: `url` is not an https address"),
        ("sku;titel;link;preis;bis\na;A;https://shop.example/a;1.00;\n", "1 of 1 items do not fit"),
    ] {
        shop.publish(published);
        check(folder, &["feeds", "pull", "--apply"], 1, &[says, "what was there stays"]);
        assert_eq!(file(folder), before);
    }
    check(folder, &["feeds", "pull", "shpo"], 2, &["there is no feed `shpo`", "did you mean `shop`?"]);
    // Columns that change make the items that are there unfit, and a pull puts that right.
    shop.publish(GOOD);
    project::edit(folder, "config/feeds.yaml", "      name: titel\n", "");
    check(folder, &["check"], 2, &["R0523"]);
    check(folder, &["feeds", "pull"], 0, &["written to"]);
    check(folder, &["check"], 0, &[]);
}

#[test]
fn items_that_nobody_renewed_are_told_to_be_stale() {
    let shop = Shop::open();
    let project = shop.project();
    let folder = project.path();
    let items =
        r#"[{ "id": "a", "name": "A", "url": "https://shop.example/a", "price": { "minor": 1, "currency": "EUR" } }]"#;
    let text = format!(r#"{{ "pulled_at": "2020-01-01T06:00:00Z", "items": {items} }}"#);
    std::fs::write(folder.join("config/feeds/shop.json"), text).unwrap();
    check(folder, &["apply", "--approved-by", "ines"], 0, &["applied"]);
    check(folder, &["feeds"], 0, &["NOT FRESH since 3 Jan 2020"]);
    check(folder, &["doctor"], 1, &["not fresh, so mails show none of shop"]);
    // A file on this machine is a source, too.
    std::fs::write(folder.join("products.csv"), GOOD).unwrap();
    project::edit(folder, "config/feeds.yaml", &shop.address, "products.csv");
    check(folder, &["feeds", "pull", "--apply"], 0, &["shop: 2 items", "applied"]);
    check(folder, &["doctor"], 0, &["1 feed fresh"]);
}
