//! Leads the links of a mail that are counted through the gateway.

use std::collections::BTreeMap;

use rapport_contact::Consent;
use rapport_message::{
    Lead, RenderError, Rendered,
    counted::{Counting, LINKS_MAX},
    link::{Claims, Keys},
};
use rapport_workflow::config::Clicks;
use serde_json::Value;

use super::policy::consent;
use crate::ports::rows::MessageRow;

/// So many days after its mail was planned a counted link leads somewhere: who looks for an old mail still gets there, and an address
/// that we signed is not good for ever.
const DAYS: i64 = 730;
const SECONDS_A_DAY: i64 = 86_400;

/// What clicks of a mail depend on beside its text.
pub(super) struct Counts<'a> {
    /// What the files say; `None` counts nothing.
    pub clicks: Option<&'a Clicks>,
    /// Where the gateway is reached.
    pub base: &'a str,
    /// The keys that sign links.
    pub keys: &'a Keys,
    /// To whom the mail goes: their personal fields.
    pub person: &'a Value,
}

impl Counts<'_> {
    /// Renders the mail, with counted links where some may be. Where they cannot be made, or make the mail too large, it goes with its
    /// own: a mail is worth more than a number. The same mail sent again has the same links.
    pub(super) fn rendered(
        &self,
        message: &MessageRow,
        render: impl Fn(&mut Lead<'_>) -> Result<Rendered, RenderError>,
    ) -> Result<Rendered, RenderError> {
        let Some(clicks) = self.clicks.filter(|clicks| self.may_be(clicks, message)) else {
            return render(&mut |_: &str| None);
        };
        let counting = Counting { hosts: &clicks.hosts, gateway: self.base };
        let mut urls: Vec<String> = Vec::new();
        let plain = render(&mut |url: &str| {
            if urls.len() < LINKS_MAX && counting.counts(url) && !urls.iter().any(|known| known == url) {
                urls.push(url.to_owned());
            }
            None
        })?;
        let Some(led) = self.led(message, &urls).filter(|led| !led.is_empty()) else { return Ok(plain) };
        Ok(render(&mut |url: &str| led.get(url).cloned()).unwrap_or(plain))
    }

    fn may_be(&self, clicks: &Clicks, message: &MessageRow) -> bool {
        // Not of who objects to being judged by figures: what leads through the gateway could be noted, if only as not counted.
        let objects = self.person.get("objects_to_profiling").and_then(Value::as_bool).unwrap_or_default();
        !objects
            && (clicks.service || message.kind != "service")
            && (clicks.without_consent || consent(self.person) == Consent::Granted)
    }

    /// Where each of them leads instead.
    fn led(&self, message: &MessageRow, urls: &[String]) -> Option<BTreeMap<String, String>> {
        let until = message.planned_at.as_second().div_euclid(SECONDS_A_DAY) + DAYS;
        let mut led = BTreeMap::new();
        for (at, url) in urls.iter().enumerate() {
            let claims = Claims::Click {
                message: message.id.clone(),
                link: (at + 1).to_string(),
                of: urls.len().to_string(),
                until: until.to_string(),
                url: url.clone(),
            };
            led.insert(url.clone(), self.keys.url(self.base, &claims).ok()?);
        }
        Some(led)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mailer::sample;

    const BASE: &str = "https://partners.acme.example";

    fn clicks() -> Clicks {
        Clicks { hosts: vec!["acme.example".to_owned()], service: false, without_consent: false }
    }

    /// A mail that is nothing but its links, as it leaves.
    fn sent(clicks: Option<&Clicks>, kind: &str, person: &Value, links: &[&str]) -> Vec<String> {
        let keys = Keys::new([b"k".to_vec()]).unwrap();
        let counts = Counts { clicks, base: BASE, keys: &keys, person };
        let message = MessageRow { kind: kind.to_owned(), ..sample::message("5f0e") };
        let rendered = counts.rendered(&message, |lead| {
            let html: Vec<String> = links.iter().map(|url| lead(url).unwrap_or_else(|| (*url).to_owned())).collect();
            let html = html.join("\n");
            Ok(Rendered { subject: "x".to_owned(), preheader: String::new(), text: html.clone(), html })
        });
        rendered.unwrap().html.lines().map(str::to_owned).collect()
    }

    #[test]
    fn links_to_listed_hosts_lead_through_the_gateway_each_by_its_number() {
        let links = [
            "https://acme.example/a",
            "https://elsewhere.example/",
            "https://shop.acme.example/b",
            "https://acme.example/a",
            "https://partners.acme.example/u/token",
            "mailto:ines@acme.example",
        ];
        let person = json!({ "consent": { "given": true } });
        let sent = sent(Some(&clicks()), "marketing", &person, &links);
        let keys = Keys::new([b"k".to_vec()]).unwrap();
        let claims = |at: usize| keys.verify(sent[at].rsplit('/').next().unwrap()).unwrap();
        assert!(sent[0].starts_with("https://partners.acme.example/l/"), "{}", sent[0]);
        let click = |link: &str, url: &str| Claims::Click {
            message: "5f0e".to_owned(),
            link: link.to_owned(),
            of: "2".to_owned(),
            until: "730".to_owned(),
            url: url.to_owned(),
        };
        assert_eq!(claims(0), click("1", links[0]));
        assert_eq!(claims(2), click("2", links[2]));
        assert_eq!(sent[3], sent[0]);
        assert_eq!([sent[1].as_str(), sent[4].as_str(), sent[5].as_str()], [links[1], links[4], links[5]]);
    }

    #[test]
    fn nothing_is_led_anywhere_unless_the_files_and_the_person_say_so() {
        let link = ["https://acme.example/a"];
        let (yes, no, unknown) =
            (json!({ "consent": { "given": true } }), json!({ "consent": { "given": false } }), json!({}));
        let is_led = |clicks: Option<&Clicks>, kind: &str, person: &Value| sent(clicks, kind, person, &link) != link;
        let (on, everybody) = (clicks(), Clicks { without_consent: true, ..clicks() });
        assert!(!is_led(None, "marketing", &yes));
        assert!(is_led(Some(&on), "marketing", &yes));
        assert!(!is_led(Some(&on), "marketing", &no) && !is_led(Some(&on), "marketing", &unknown));
        assert!(is_led(Some(&everybody), "marketing", &no));
        assert!(!is_led(Some(&on), "service", &yes));
        assert!(is_led(Some(&Clicks { service: true, ..clicks() }), "service", &yes));
        let objects = |objects: bool| json!({ "consent": { "given": true }, "objects_to_profiling": objects });
        let all = Clicks { service: true, ..everybody };
        assert!(!is_led(Some(&all), "marketing", &objects(true)) && !is_led(Some(&all), "service", &objects(true)));
        assert!(is_led(Some(&on), "marketing", &objects(false)), "the objection was taken back");
    }

    #[test]
    fn a_mail_that_counted_links_would_spoil_goes_without_them() {
        let keys = Keys::new([b"k".to_vec()]).unwrap();
        let (clicks, person) = (clicks(), json!({ "consent": { "given": true } }));
        let counts = Counts { clicks: Some(&clicks), base: BASE, keys: &keys, person: &person };
        let rendered = counts.rendered(&sample::message("m"), |lead| match lead("https://acme.example/a") {
            Some(_) => Err(RenderError::TooLarge { path: "x".to_owned(), bytes: 1 }),
            None => Ok(Rendered {
                subject: "x".to_owned(),
                preheader: String::new(),
                html: "plain".to_owned(),
                text: String::new(),
            }),
        });
        assert_eq!(rendered.unwrap().html, "plain");
    }
}
