//! Leads the links of a mail that are counted through the gateway, and marks those to the programme's own site (`utm_…`).

use std::collections::BTreeMap;

use rapport_contact::Consent;
use rapport_message::{
    Draft, Lead, RenderError, Rendered,
    counted::{Counting, LINKS_MAX},
    link::{Claims, Keys},
    utm::Marks,
};
use rapport_workflow::config::{Clicks, Utm};
use serde_json::Value;

use super::policy::consent;
use crate::ports::rows::MessageRow;

/// So many days after its mail was planned a counted link leads somewhere: who looks for an old mail still gets there, and an address
/// that we signed is not good for ever.
const DAYS: i64 = 730;
const SECONDS_A_DAY: i64 = 86_400;

/// What the links of a mail depend on beside its text.
pub(super) struct Counts<'a> {
    /// What the files say; `None` counts nothing.
    pub clicks: Option<&'a Clicks>,
    /// With what links are marked; `None` marks none.
    pub utm: Option<&'a Utm>,
    /// Where the gateway is reached.
    pub base: &'a str,
    /// The keys that sign links.
    pub keys: &'a Keys,
    /// To whom the mail goes: their personal fields.
    pub person: &'a Value,
}

/// A link of a mail that leads elsewhere than it was written.
struct Led {
    written: String,
    marked: Option<String>,
    counts: bool,
}

impl Led {
    /// Where it leads in the end.
    fn end(&self) -> &str {
        self.marked.as_deref().unwrap_or(&self.written)
    }
}

/// A mail whose links can be looked at before they are led elsewhere.
pub(super) trait Drafted: Clone {
    /// Tells each of its links.
    fn links(&mut self, tell: &mut dyn FnMut(&str)) -> Result<(), RenderError>;

    /// As it is sent.
    fn rendered(self, lead: &mut Lead<'_>) -> Result<Rendered, RenderError>;
}

impl Drafted for Draft<'_> {
    fn links(&mut self, tell: &mut dyn FnMut(&str)) -> Result<(), RenderError> {
        Draft::links(self, tell)
    }

    fn rendered(self, lead: &mut Lead<'_>) -> Result<Rendered, RenderError> {
        Draft::rendered(self, lead)
    }
}

impl Counts<'_> {
    /// Renders the mail, with marked and counted links where some may be. Where they cannot be made, or make the mail too large, it goes
    /// with its own: a mail is worth more than a number. The same mail sent again has the same links.
    pub(super) fn rendered(&self, message: &MessageRow, mut draft: impl Drafted) -> Result<Rendered, RenderError> {
        let clicks = self.clicks.filter(|clicks| self.may_be(clicks, message));
        let utm = self.utm.filter(|utm| utm.service || message.kind != "service");
        if clicks.is_none() && utm.is_none() {
            return draft.rendered(&mut |_: &str| None);
        }
        let mut links: Vec<Led> = Vec::new();
        draft.links(&mut |url: &str| {
            if links.len() < LINKS_MAX && !links.iter().any(|known| known.written == url) {
                let marked = utm.and_then(|utm| self.marked(utm, message, url));
                let led = Led { written: url.to_owned(), marked, counts: false };
                let counts = clicks.is_some_and(|clicks| self.is_among(&clicks.hosts, led.end()));
                if counts || led.marked.is_some() {
                    links.push(Led { counts, ..led });
                }
            }
        })?;
        let mut counted: Vec<&str> = Vec::new();
        for end in links.iter().filter(|led| led.counts).map(Led::end) {
            if !counted.contains(&end) {
                counted.push(end);
            }
        }
        let through = self.led(message, &counted).unwrap_or_default();
        let elsewhere: BTreeMap<&str, &str> = links
            .iter()
            .filter_map(|led| {
                let through = through.get(led.end()).map(String::as_str);
                Some((led.written.as_str(), through.or(led.marked.as_deref())?))
            })
            .collect();
        if elsewhere.is_empty() {
            return draft.rendered(&mut |_: &str| None);
        }
        let led = draft.clone().rendered(&mut |url: &str| elsewhere.get(url).map(|led| (*led).to_owned()));
        led.or_else(|_| draft.rendered(&mut |_: &str| None))
    }

    /// Whether an address that can be read in one way only leads to one of these hosts, and not to the gateway.
    fn is_among(&self, hosts: &[String], url: &str) -> bool {
        Counting { hosts, gateway: self.base }.counts(url)
    }

    fn marked(&self, utm: &Utm, message: &MessageRow, url: &str) -> Option<String> {
        let marks = Marks { source: &utm.source, workflow: &message.workflow, mail: &message.mail };
        self.is_among(&utm.hosts, url).then(|| marks.on(url)).flatten()
    }

    fn may_be(&self, clicks: &Clicks, message: &MessageRow) -> bool {
        // Not of who objects to being judged by figures: what leads through the gateway could be noted, if only as not counted.
        let objects = self.person.get("objects_to_profiling").and_then(Value::as_bool).unwrap_or_default();
        !objects
            && (clicks.service || message.kind != "service")
            && (clicks.without_consent || consent(self.person) == Consent::Granted)
    }

    /// Where each of them leads instead.
    fn led(&self, message: &MessageRow, urls: &[&str]) -> Option<BTreeMap<String, String>> {
        let until = message.planned_at.as_second().div_euclid(SECONDS_A_DAY) + DAYS;
        let mut led = BTreeMap::new();
        for (at, url) in urls.iter().enumerate() {
            let claims = Claims::Click {
                message: message.id.clone(),
                link: (at + 1).to_string(),
                of: urls.len().to_string(),
                until: until.to_string(),
                url: (*url).to_owned(),
            };
            led.insert((*url).to_owned(), self.keys.url(self.base, &claims).ok()?);
        }
        Some(led)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mailer::sample;

    /// A mail that is made anew each time.
    #[derive(Clone)]
    struct Made<F>(F);

    fn made<F: Fn(&mut Lead<'_>) -> Result<Rendered, RenderError> + Clone>(make: F) -> Made<F> {
        Made(make)
    }

    impl<F: Fn(&mut Lead<'_>) -> Result<Rendered, RenderError> + Clone> Drafted for Made<F> {
        fn links(&mut self, tell: &mut dyn FnMut(&str)) -> Result<(), RenderError> {
            let mut lead = |url: &str| -> Option<String> {
                tell(url);
                None
            };
            (self.0)(&mut lead).map(drop)
        }

        fn rendered(self, lead: &mut Lead<'_>) -> Result<Rendered, RenderError> {
            (self.0)(lead)
        }
    }

    const BASE: &str = "https://partners.acme.example";

    fn clicks() -> Clicks {
        Clicks { hosts: vec!["acme.example".to_owned()], service: false, without_consent: false }
    }

    /// A mail that is nothing but its links, as it leaves.
    fn sent(clicks: Option<&Clicks>, kind: &str, person: &Value, links: &[&str]) -> Vec<String> {
        sent_marked(clicks, None, kind, person, links)
    }

    fn sent_marked(
        clicks: Option<&Clicks>,
        utm: Option<&Utm>,
        kind: &str,
        person: &Value,
        links: &[&str],
    ) -> Vec<String> {
        let keys = Keys::new([b"k".to_vec()]).unwrap();
        let counts = Counts { clicks, utm, base: BASE, keys: &keys, person };
        let (workflow, mail) = ("welcome".to_owned(), "first-tips".to_owned());
        let message = MessageRow { kind: kind.to_owned(), workflow, mail, ..sample::message("5f0e") };
        let draft = made(|lead| {
            let html: Vec<String> = links.iter().map(|url| lead(url).unwrap_or_else(|| (*url).to_owned())).collect();
            let html = html.join("\n");
            Ok(Rendered { subject: "x".to_owned(), preheader: String::new(), text: html.clone(), html })
        });
        let rendered = counts.rendered(&message, draft);
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
    fn links_to_the_programmes_site_are_marked_once_and_counted_with_their_marks() {
        const MARKS: &str = "utm_source=partner-mail&utm_medium=email&utm_campaign=welcome&utm_content=first-tips";
        let utm = Utm { source: "partner-mail".to_owned(), hosts: vec!["acme.example".to_owned()], service: false };
        let person = json!({ "consent": { "given": true } });
        let links = [
            "https://acme.example/a?x=1#top",
            "https://elsewhere.example/",
            "https://acme.example/b?utm_source=blog",
            "https://partners.acme.example/u/token",
            "mailto:ines@acme.example",
        ];
        let marked = format!("https://acme.example/a?x=1&{MARKS}#top");
        let sent = sent_marked(None, Some(&utm), "marketing", &person, &links);
        assert_eq!(sent[0], marked);
        assert_eq!(sent[1..], links[1..]);
        assert_eq!(sent_marked(None, Some(&utm), "service", &person, &links), links);
        let all = Utm { service: true, ..utm.clone() };
        assert_eq!(sent_marked(None, Some(&all), "service", &person, &links[..1]), [marked.as_str()]);

        // What is counted leads to the marked address, whoever wrote the mark.
        let sent = sent_marked(Some(&clicks()), Some(&utm), "marketing", &person, &links);
        let keys = Keys::new([b"k".to_vec()]).unwrap();
        let leads = |at: usize| match keys.verify(sent[at].rsplit('/').next().unwrap()) {
            Some(Claims::Click { url, .. }) => url,
            other => panic!("{other:?}"),
        };
        assert_eq!((leads(0).as_str(), leads(2).as_str()), (marked.as_str(), links[2]));
        assert_eq!([sent[1].as_str(), sent[3].as_str(), sent[4].as_str()], [links[1], links[3], links[4]]);
        // Marks say nothing of the person: they are there for whoever objects to being counted, too.
        let objects = json!({ "objects_to_profiling": true });
        assert_eq!(sent_marked(Some(&clicks()), Some(&utm), "marketing", &objects, &links[..1]), [marked.as_str()]);
    }

    #[test]
    fn a_mail_that_counted_links_would_spoil_goes_without_them() {
        let keys = Keys::new([b"k".to_vec()]).unwrap();
        let (clicks, person) = (clicks(), json!({ "consent": { "given": true } }));
        let counts = Counts { clicks: Some(&clicks), utm: None, base: BASE, keys: &keys, person: &person };
        let draft = made(|lead| match lead("https://acme.example/a") {
            Some(_) => Err(RenderError::TooLarge { path: "x".to_owned(), bytes: 1 }),
            None => Ok(Rendered {
                subject: "x".to_owned(),
                preheader: String::new(),
                html: "plain".to_owned(),
                text: String::new(),
            }),
        });
        let rendered = counts.rendered(&sample::message("m"), draft);
        assert_eq!(rendered.unwrap().html, "plain");
    }
}
