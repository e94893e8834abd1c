//! Where the example of a page stands, so that a test can put it there and look.

/// Where an example stands. Mostly one of the constants below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file whose lines have a `…`, at its place; the other files stand beside it. Each is a path from the project's
    /// folder and lines. In a YAML file of the shipped configuration, and in the workflow `greeting`, keys that stand in the
    /// lines replace those of the same name and the others remain; any other file is these lines.
    In(&'static [(&'static str, &'static str)]),
    /// It is the names of files, one a line, by their paths from the project's folder.
    Names,
    /// It is a variable of the environment and its value: `NAME=value`.
    Environment,
    /// It says in words what stands in this file, which would be too long for a page.
    Told(&'static str),
}

const WORKFLOW_FILE: &str = "workflows/greeting/workflow.yaml";
const MAIL_PATH: &str = "workflows/greeting/hello.mail.md";
const TESTS_PATH: &str = "workflows/greeting/tests.yaml";

/// Keys of a workflow.
pub(super) const WORKFLOW: Place = Place::In(&[(WORKFLOW_FILE, "…")]);
/// Keys of a workflow beside a segment `resting` of the partners with the tag `resting`.
pub(super) const WORKFLOW_OF_A_TAG: Place = Place::In(&[
    (WORKFLOW_FILE, "…"),
    (
        "config/segments.yaml",
        "segments:\n  never_sold: { if: conversions_total == 0 }\n  resting: { if: '\"resting\" in partner.tags' }",
    ),
]);
/// Steps of a workflow.
pub(super) const STEPS: Place = Place::In(&[(WORKFLOW_FILE, "steps:\n  …")]);
/// The text of a mail.
pub(super) const MAIL: Place = Place::In(&[(MAIL_PATH, "---\nsubject: Hello\n---\n…\n")]);
/// A mail too long for a page.
pub(super) const MAIL_TOLD: Place = Place::Told(MAIL_PATH);
/// The whole file of a mail.
pub(super) const MAIL_FILE: Place = Place::In(&[(MAIL_PATH, "…\n")]);
/// The text of a mail that a step sends with an offer.
pub(super) const OFFER_MAIL: Place = Place::In(&[
    ("workflows/greeting/incentive.mail.md", "---\nsubject: An offer\n---\n…\n"),
    (WORKFLOW_FILE, "steps:\n  - email: { mail: incentive, offer: comeback-bonus }"),
]);
/// The content of a mail in MJML.
pub(super) const MJML: Place = Place::In(&[
    (
        "workflows/greeting/offer.mail.mjml",
        "---\nsubject: New\n---\n<mjml><mj-body><mj-section><mj-column>\n…\n<mj-text>{{imprint.company}} {{why_link}} {{unsubscribe_link}}</mj-text>\n</mj-column></mj-section></mj-body></mjml>\n",
    ),
    (WORKFLOW_FILE, "steps:\n  - email: offer"),
]);
/// Keys of a workflow, or steps, with mails that show the survey `motivation` (`ask`), the offer `comeback-bonus`
/// (`incentive`) or neither (`generic`).
pub(super) const STEPS_WITH_MAILS: Place = Place::In(&[(WORKFLOW_FILE, "steps:\n  …"), ASK, INCENTIVE, GENERIC]);
/// See [`STEPS_WITH_MAILS`].
pub(super) const WORKFLOW_WITH_MAILS: Place = Place::In(&[(WORKFLOW_FILE, "…"), ASK, INCENTIVE, GENERIC]);
const ASK: (&str, &str) = ("workflows/greeting/ask.mail.md", "---\nsubject: A question\n---\n{{survey.question}}\n");
const INCENTIVE: (&str, &str) = (
    "workflows/greeting/incentive.mail.md",
    "---\nsubject: An offer\n---\n{{money offer.value}} for you: {{offer.condition}}, until {{date offer.ends_on}}. [Terms]({{offer.terms}})\n",
);
const GENERIC: (&str, &str) = ("workflows/greeting/generic.mail.md", "---\nsubject: Hello\n---\nGood morning.\n");

/// The text of a mail `told` that a notice of a changed commission sends.
pub(super) const NOTICE_MAIL: Place = Place::In(&[
    ("workflows/greeting/told.mail.md", "---\nsubject: News\n---\n…\n"),
    (
        WORKFLOW_FILE,
        "mail: { kind: service, topic: terms, from: ines }\nwhen: commission.changed\nonce: per event.notice\nnotice: { effective: event.from, ahead: 14 days, survey: acknowledge-commission, answer: seen }\nsteps:\n  - email: { mail: told, survey: acknowledge-commission }",
    ),
]);
/// Keys of a workflow about a changed commission, with a mail `told` that shows the survey and its links.
pub(super) const NOTICE: Place = Place::In(&[
    (
        WORKFLOW_FILE,
        "mail: { kind: service, topic: terms, from: ines }\nwhen: commission.changed\nonce: per event.notice\n…",
    ),
    (
        "workflows/greeting/told.mail.md",
        "---\nsubject: News\n---\n{{survey.question}}\n\n{{#each survey.choices}}\n- [{{label}}]({{answer_link id}})\n{{/each}}\n",
    ),
]);

/// The text of the digest.
pub(super) const DIGEST: Place = Place::In(&[("config/digest.mail.md", "---\nsubject: News\n---\n…\n")]);

/// The text of a mail beside a partial `footer` that another mail puts in.
pub(super) const PARTIAL_USED: Place = Place::In(&[(MAIL_PATH, "---\nsubject: Hello\n---\n…\n"), FOOTER, OTHER, BOTH]);
/// The text of a mail beside a partial `footer` that no other mail puts in.
pub(super) const PARTIAL_UNUSED: Place = Place::In(&[(MAIL_PATH, "---\nsubject: Hello\n---\n…\n"), FOOTER]);
/// The text of a partial `footer` that a mail puts in.
pub(super) const PARTIAL: Place =
    Place::In(&[(MAIL_PATH, "---\nsubject: Hello\n---\n{{> footer}}\n"), ("config/partials/footer.md", "…\n")]);
const FOOTER: (&str, &str) = ("config/partials/footer.md", "Sent with care.\n");
const OTHER: (&str, &str) = ("workflows/greeting/other.mail.md", "---\nsubject: Hello again\n---\n{{> footer}}\n");
const BOTH: (&str, &str) = (WORKFLOW_FILE, "steps:\n  - email: hello\n  - wait: 3 days\n  - email: other");

/// Keys of one test.
pub(super) const TEST: Place = Place::In(&[(TESTS_PATH, "tests:\n  - name: greets\n    …\n")]);
/// Keys of the file of tests.
pub(super) const TESTS: Place = Place::In(&[(TESTS_PATH, "…\n")]);

/// Keys of `config/rapport.yaml`.
pub(super) const RAPPORT: Place = Place::In(&[("config/rapport.yaml", "…")]);
/// Keys of the programme.
pub(super) const PROGRAMME: Place = Place::In(&[(
    "config/rapport.yaml",
    "programs:\n  default:\n    name: Acme Partners\n    url: https://acme.example\n    …",
)]);
/// Topics beside two that are there.
pub(super) const TOPICS: Place = Place::In(&[(
    "config/rapport.yaml",
    "topics:\n  onboarding: { name: Getting started, about: First steps. }\n  account: { service: true, name: Account, about: Notices. }\n  …",
)]);
/// `config/segments.yaml`.
pub(super) const SEGMENTS: Place = Place::In(&[("config/segments.yaml", "…")]);
/// Groups before two that are there.
pub(super) const GROUPS: Place = Place::In(&[(
    "config/segments.yaml",
    "groups:\n  …\n  core: { if: conversions_90d >= 3, lane: newsletter }\n  quiet: { else: true, lane: newsletter }",
)]);
/// Goals.
pub(super) const GOALS: Place = Place::In(&[("config/goals.yaml", "goals:\n  …")]);
/// Offers.
pub(super) const OFFERS: Place = Place::In(&[("config/offers.yaml", "…")]);
/// Resources.
pub(super) const RESOURCES: Place = Place::In(&[("config/resources.yaml", "…")]);
/// Surveys.
pub(super) const SURVEYS: Place = Place::In(&[("config/surveys.yaml", "surveys:\n  …")]);
/// Feeds.
pub(super) const FEEDS: Place = Place::In(&[("config/feeds.yaml", "feeds:\n  …")]);
/// The file of a feed that has to be fresh.
pub(super) const PULLED: Place = Place::In(&[
    ("config/feeds/shop.json", "…\n"),
    (
        "config/feeds.yaml",
        "feeds:\n  shop:\n    from: https://shop.example/products.csv\n    columns: { id: sku, url: link }\n    fresh_for: 2 days",
    ),
]);
/// Feeds, of which one was pulled.
pub(super) const FEEDS_PULLED: Place =
    Place::In(&[("config/feeds/shop.json", "[]\n"), ("config/feeds.yaml", "feeds:\n  …")]);
/// The file of a feed.
pub(super) const TWICE: Place = Place::In(&[
    ("config/feeds/shop.json", "…\n"),
    ("config/feeds.yaml", "feeds:\n  shop: { file: feeds/shop.json, fields: { id: text, name: text } }"),
]);
/// Kinds of event.
pub(super) const EVENTS: Place = Place::In(&[("config/events.yaml", "…")]);
/// A model of health: what stands below `bands`.
pub(super) const BANDS: Place = Place::In(&[(
    "config/health.yaml",
    "models:\n  default:\n    groups:\n      value: { weight: 1, inputs: { recency: { weight: 1, anchors: [[2, 100], [8, 0]] } } }\n    …\n    hysteresis: 5\n    settle: 7 days\n    falling: { points: 15, within: 28 days }",
)]);
/// Hooks.
pub(super) const HOOKS: Place = Place::In(&[("config/hooks.yaml", "hooks:\n  …")]);
/// Exchange rates.
pub(super) const RATES: Place = Place::In(&[("config/rates.csv", "date,from,to,rate\n…\n")]);
/// What stands above the frame of a mail.
pub(super) const LAYOUT_WORDS: Place = Place::In(&[
    ("config/layout.mail.html", "---\n…\n---\n{{{content}}} {{why_link}} {{unsubscribe_link}} {{imprint.company}}\n"),
    ("config/layout.mail.txt", "{{{content}}}\n{{why_link}} {{unsubscribe_link}} {{imprint.company}}\n"),
]);
/// The frame of a mail as text.
pub(super) const LAYOUT_TEXT: Place = Place::In(&[("config/layout.mail.txt", "…\n")]);
/// Names of files.
pub(super) const NAMES: Place = Place::Names;
/// A variable of the environment.
pub(super) const ENVIRONMENT: Place = Place::Environment;
/// A workflow that is too long for a page.
pub(super) const TOLD: Place = Place::Told(WORKFLOW_FILE);

impl Place {
    /// The file that holds the example; none for names of files and for the environment.
    #[must_use]
    pub fn file(&self) -> Option<&'static str> {
        match self {
            Place::In(_) => self.frame().map(|(path, _)| path),
            Place::Names | Place::Environment => None,
            Place::Told(path) => Some(path),
        }
    }

    /// That file and its lines before the example.
    fn frame(&self) -> Option<(&'static str, &'static str)> {
        let Place::In(files) = self else { return None };
        files.iter().find_map(|(path, lines)| lines.split_once('…').map(|(before, _)| (*path, before)))
    }

    /// Where the example stands, for a page: " below `steps` in `workflows/greeting/workflow.yaml`".
    pub(super) fn told(&self) -> String {
        match self {
            Place::Names => " as names of files".to_owned(),
            Place::Environment => " in the environment".to_owned(),
            Place::Told(path) => format!(" in `{path}`"),
            Place::In(_) => {
                let (path, before) = self.frame().unwrap_or_default();
                match before.lines().rfind(|line| !line.trim().is_empty()).and_then(|line| line.strip_suffix(':')) {
                    Some(key) => format!(" below `{}` in `{path}`", key.trim()),
                    None => format!(" in `{path}`"),
                }
            }
        }
    }

    /// The language of the example, for its colours on a page.
    pub(super) fn language(&self) -> &'static str {
        match (self, self.file().and_then(|path| path.rsplit('.').next())) {
            (Place::In(_), Some("yaml")) => "yaml",
            (Place::In(_), Some("md")) => "markdown",
            (Place::In(_), Some("mjml")) => "xml",
            _ => "text",
        }
    }
}
