//! `tracking:`: what is noted of readers. Opens never; clicks of people, when the files say so. And with what links are marked for the
//! statistics of the site they lead to, which says nothing of who follows them.

use rapport_message::counted;
use rapport_rule::yaml::{Fields, Node};
use rapport_rule::{Findings, Span};

/// Which links of mails are led through the gateway, so that following them is noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clicks {
    /// Links to these hosts, and to those below them; in small letters.
    pub hosts: Vec<String>,
    /// Those in service mail too.
    pub service: bool,
    /// Those of partners too whose consent is not on record.
    pub without_consent: bool,
}

/// Which links of mails say to the site they lead to that a mail brought the visitor (`utm_…`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utm {
    /// The `utm_source`.
    pub source: String,
    /// Links to these hosts, and to those below them; in small letters.
    pub hosts: Vec<String>,
    /// Those in service mail too.
    pub service: bool,
}

/// `tracking:` as written, and where clicks stand in it.
pub(super) struct Tracking {
    clicks: Option<Clicks>,
    pub(super) utm: Option<Utm>,
    span: Span,
}

impl Tracking {
    /// Reads it. `ours` are the hosts that are meant when none are named.
    pub(super) fn read(node: &Node, ours: Vec<String>, path: &str, findings: &mut Findings) -> Option<Self> {
        let fields = Fields::of(node, path, findings)?;
        if let Some(node) = fields.take("opens")
            && node.as_str() != Some("none")
        {
            findings
                .error("R0545", path, node.span, "opens are not tracked")
                .label("write `none`")
                .hint("Mail programmes load pictures by themselves; an open says nothing about a person.");
        }
        let clicks = fields.take("clicks");
        let counts = match clicks.map(Node::as_str) {
            None | Some(Some("none")) => false,
            Some(Some("human_only")) => true,
            Some(_) => {
                let span = clicks.map_or(node.span, |node| node.span);
                findings
                    .error("R0545", path, span, "clicks of machines are never counted")
                    .label("write `none` or `human_only`")
                    .hint("Links are followed by scanners too, which say nothing of a person.");
                false
            }
        };
        let individual = fields.take("individual");
        let without_consent = match individual.map(Node::as_str) {
            None | Some(Some("with_consent")) => false,
            Some(Some("always")) => true,
            Some(Some("never")) => {
                if let Some(node) = individual.filter(|_| counts) {
                    findings
                        .error("R0592", path, node.span, "clicks are counted, and of nobody")
                        .label("write `with_consent` or `always`")
                        .hint("A click is noted with the mail, and a mail is somebody's.");
                }
                false
            }
            Some(_) => {
                let span = individual.map_or(node.span, |node| node.span);
                findings
                    .error("R0545", path, span, "of whom clicks are noted")
                    .label("write `with_consent`, `always` or `never`");
                false
            }
        };
        let marks = fields.take("utm");
        let source = marks.and_then(|node| source(node, path, findings));
        let named = fields.take("hosts");
        let hosts = named.map(|node| hosts(node, path, findings));
        let service = fields.take("service");
        let in_service = service.and_then(|node| node.bool(path, findings)).unwrap_or(false);
        fields.finish(&[], findings);
        let off = |node: Option<&Node>| node.is_none_or(|node| node.as_str() == Some("none"));
        let is_off = off(clicks) && off(marks);
        for (key, node) in [("hosts", named), ("service", service)] {
            if let Some(node) = node.filter(|_| is_off) {
                findings
                    .error("R0592", path, node.span, format!("`{key}` of clicks that are not counted"))
                    .hint("`clicks: human_only` counts them, `utm: NAME` marks them.");
            }
        }
        // A programme that could not be read is told of for itself.
        if (counts || source.is_some()) && hosts.is_none() && ours.is_empty() && findings.errors() == 0 {
            let what = if counts { "counted" } else { "marked" };
            findings
                .error("R0592", path, node.span, format!("no programme's page has a host whose links could be {what}"))
                .label("write `hosts: [xn--bcher-kva.example]`")
                .hint("Hosts are written in ASCII: of one with other letters its form that begins with `xn--`.");
        }
        let hosts = hosts.unwrap_or(ours);
        let utm = source.map(|source| Utm { source, hosts: hosts.clone(), service: in_service });
        let clicks = counts.then_some(Clicks { hosts, service: in_service, without_consent });
        Some(Self { clicks, utm, span: node.span })
    }

    /// What is counted. Without an address of the gateway there is nothing to lead through.
    pub(super) fn clicks(self, has_links: bool, path: &str, findings: &mut Findings) -> Option<Clicks> {
        if self.clicks.is_some() && !has_links {
            findings
                .error("R0592", path, self.span, "clicks are counted, and there is no gateway that could")
                .hint("`links: { base: … }` says where the gateway is reached.");
        }
        self.clicks
    }
}

/// The host of an address that the files name.
pub(super) fn host(url: &str) -> Option<String> {
    counted::host(url)
}

/// What a site's statistics call the programme's mail: a word, as they group by it.
fn source(node: &Node, path: &str, findings: &mut Findings) -> Option<String> {
    let text = node.text(path, findings)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !(1..=SOURCE_BYTES_MAX).contains(&text.len()) || !text.bytes().all(plain) {
        findings
            .error("R0610", path, node.span, format!("`{text}` is no source that links can be marked with"))
            .label("write one word, like `partner-mail`")
            .hint("It becomes `utm_source`; of a workflow and its mail are made the other marks.");
        return None;
    }
    (text != "none").then(|| text.to_owned())
}

/// A longer one is a sentence, and makes links long.
const SOURCE_BYTES_MAX: usize = 40;

fn hosts(node: &Node, path: &str, findings: &mut Findings) -> Vec<String> {
    let mut hosts = Vec::new();
    let Some(items) = node.list(path, findings) else { return hosts };
    if items.is_empty() {
        findings.error("R0592", path, node.span, "no host whose links are counted").hint("`clicks: none` counts none.");
    }
    for item in items {
        let Some(text) = item.text(path, findings) else { continue };
        // A domain: whoever lists a whole ending of names would lead to everybody's pages.
        match host(&format!("https://{text}")).filter(|host| host.eq_ignore_ascii_case(text) && host.contains('.')) {
            Some(host) => hosts.push(host),
            None => {
                findings
                    .error("R0592", path, item.span, format!("`{text}` is no host"))
                    .label("write `acme.example`: its pages are meant, and those of the hosts below it");
            }
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use rapport_rule::{Source, yaml};

    use super::*;

    /// What is counted by this value of `tracking`, and how many errors it has.
    fn read(text: &str, has_links: bool) -> (Option<Clicks>, usize) {
        let mut findings = Findings::new();
        let node = yaml::parse(&Source::new("config/rapport.yaml", text), &mut findings).unwrap();
        let ours = vec!["acme.example".to_owned()];
        let tracking = Tracking::read(&node, ours, "config/rapport.yaml", &mut findings);
        let clicks = tracking.and_then(|tracking| tracking.clicks(has_links, "config/rapport.yaml", &mut findings));
        (clicks, findings.errors())
    }

    #[test]
    fn clicks_are_counted_only_where_the_files_say_so() {
        for nothing in ["{ opens: none }", "{ clicks: none }", "{ clicks: none, individual: never }"] {
            assert_eq!(read(nothing, false), (None, 0), "{nothing}");
        }
        let usual = Clicks { hosts: vec!["acme.example".to_owned()], service: false, without_consent: false };
        assert_eq!(read("{ clicks: human_only }", true), (Some(usual), 0));
        let all = "{ clicks: human_only, individual: always, hosts: [Blog.acme.example, acme.no], service: true }";
        let hosts = vec!["blog.acme.example".to_owned(), "acme.no".to_owned()];
        assert_eq!(read(all, true), (Some(Clicks { hosts, service: true, without_consent: true }), 0));
        assert_eq!(read("{ clicks: human_only }", false).1, 1, "there is no gateway");
    }

    #[test]
    fn links_are_marked_only_where_the_files_say_so() {
        let read = |text: &str| {
            let mut findings = Findings::new();
            let node = yaml::parse(&Source::new("config/rapport.yaml", text), &mut findings).unwrap();
            let ours = vec!["acme.example".to_owned()];
            let utm =
                Tracking::read(&node, ours, "config/rapport.yaml", &mut findings).and_then(|tracking| tracking.utm);
            (utm, findings.errors())
        };
        for nothing in ["{ opens: none }", "{ clicks: human_only }", "{ utm: none }"] {
            assert_eq!(read(nothing), (None, 0), "{nothing}");
        }
        let usual = Utm { source: "partner-mail".to_owned(), hosts: vec!["acme.example".to_owned()], service: false };
        assert_eq!(read("{ utm: partner-mail }"), (Some(usual.clone()), 0));
        assert_eq!(read("{ utm: partner-mail, clicks: human_only }"), (Some(usual.clone()), 0));
        let other = Utm { hosts: vec!["acme.no".to_owned()], service: true, ..usual };
        assert_eq!(read("{ utm: partner-mail, clicks: none, hosts: [acme.no], service: true }"), (Some(other), 0));
        for wrong in ["{ utm: our mail }", "{ utm: \"\" }", "{ utm: a&b=c }", "{ utm: none, hosts: [acme.no] }"] {
            assert_eq!(read(wrong), (None, 1), "{wrong}");
        }
    }

    #[test]
    fn clicks_of_pages_without_a_plain_host_are_not_left_out_in_silence() {
        let errors = |text: &str| {
            let mut findings = Findings::new();
            let node = yaml::parse(&Source::new("config/rapport.yaml", text), &mut findings).unwrap();
            assert_eq!(host("https://bücher.example"), None);
            Tracking::read(&node, Vec::new(), "config/rapport.yaml", &mut findings);
            findings.errors()
        };
        assert_eq!(errors("{ clicks: human_only }"), 1);
        assert_eq!(errors("{ clicks: human_only, hosts: [xn--bcher-kva.example] }"), 0);
        assert_eq!(errors("{ clicks: none }"), 0);
    }
}
