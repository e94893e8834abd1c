use super::*;

#[track_caller]
fn check(text: &str, environment: &[(&str, &str)]) -> (Option<Settings>, String) {
    let source = Source::new(PATH, text);
    let mut findings = Findings::new();
    let settings = Settings::read(Path::new("p"), &source, &Environment::of(environment), &mut findings);
    let told = human_all(&findings, &[source].into_iter().collect::<Sources>());
    (settings.filter(|_| !findings.has_errors()), told)
}

#[test]
fn without_anything_it_is_embedded_and_captures() {
    let (settings, told) = check("programs: { default: {} }\n", &[]);
    let settings = settings.unwrap_or_else(|| panic!("{told}"));
    assert!(
        matches!(&settings.layout, LayoutSettings::Embedded { file, disposable: false } if file == Path::new("p/rapport.db"))
    );
    assert!(matches!(&settings.mail.way, MailWay::Capture { folder } if folder == Path::new("p/mails")));
    assert_eq!((settings.shards, settings.program.as_deref()), (1, Some("default")));
}

#[test]
fn the_environment_wins_and_secrets_do_not_print() {
    let text = "store: postgres://u:${PW}@db/r\nkafka: { brokers: \"k:9092\", group: second, properties: { sasl.password: \"${PW}\" } }\nshards: 8\n";
    let environment = [("PW", "hunter2"), ("RAPPORT_KAFKA", "other:9092"), ("RAPPORT_MAIL", "smtp://u:hunter2@m:25")];
    let (settings, told) = check(text, &environment);
    let settings = settings.unwrap_or_else(|| panic!("{told}"));
    let LayoutSettings::Cluster { store, kafka } = &settings.layout else { panic!("{settings:?}") };
    assert_eq!((store.reveal(), kafka.brokers.as_str()), ("postgres://u:hunter2@db/r", "other:9092"));
    assert_eq!((settings.shards, kafka.group.as_str()), (8, "second"));
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn what_cannot_be_used_is_a_finding_with_its_place() {
    let (settings, told) = check("mail:\n  deliver: smtp://u:secret\n", &[]);
    assert!(settings.is_none());
    assert!(told.contains("R0555") && told.contains("config/rapport.yaml:2:12"), "{told}");
    let (settings, told) = check("store: postgres://u:${NO_SUCH}@db/r\n", &[]);
    assert!(settings.is_none() && told.contains("the environment has no NO_SUCH"), "{told}");
    let (settings, told) = check("store: postgres://db/r\n", &[]);
    assert!(settings.is_none() && told.contains("a PostgreSQL store needs kafka"), "{told}");
    let (settings, told) = check("kafka: { brokes: \"k:1\" }\n", &[]);
    assert!(settings.is_none() && told.contains("unknown key `brokes`"), "{told}");
    let (settings, told) = check("a: 1\n", &[("RAPPORT_LINK_KEY", "short")]);
    assert!(settings.is_none() && told.contains("at least 32") && !told.contains("short"), "{told}");
}

#[test]
fn a_key_that_cannot_sign_is_a_finding_that_does_not_show_it() {
    let dkim = |key: &str| format!("mail:\n  dkim: [{{ domain: mail.acme.example, selector: s1, key: {key} }}]\n");
    let (settings, told) = check(&dkim("no/such.pem"), &[]);
    assert!(settings.is_none() && told.contains("R0559") && told.contains("no/such.pem"), "{told}");
    let (_, pem) = rapport_smtp::DkimKey::generate_ed25519("a.example", "s").unwrap();
    let (settings, told) = check(&dkim("\"${KEY}\""), &[("KEY", &pem)]);
    let settings = settings.unwrap_or_else(|| panic!("{told}"));
    let names: Vec<_> = settings.mail.signer.keys_for("ines@mail.acme.example").map(|key| key.record_name()).collect();
    assert_eq!(names, ["s1._domainkey.mail.acme.example"]);
    let broken = pem.replacen("\nM", "\nXX", 1);
    let (settings, told) = check(&dkim("\"${KEY}\""), &[("KEY", &broken)]);
    assert!(settings.is_none() && told.contains("R0559") && !told.contains("XX"), "{told}");
}

#[test]
fn mail_goes_to_several_relays_in_order() {
    let places = |settings: Option<Settings>| match settings.unwrap().mail.way {
        MailWay::Smtp(relays) => relays.into_iter().map(|relay| (relay.host, relay.connections)).collect::<Vec<_>>(),
        MailWay::Capture { .. } => Vec::new(),
    };
    let text = "mail:\n  deliver: [\"smtps://u:${PW}@a.example?connections=8\", \"smtp://b.example\"]\n";
    let (settings, told) = check(text, &[("PW", "hunter2")]);
    assert!(settings.is_some(), "{told}");
    let both = [("a.example".to_owned(), 8), ("b.example".to_owned(), 4)];
    assert_eq!(places(settings), both);
    let (settings, told) = check(text, &[("RAPPORT_MAIL", "smtp://c.example smtp://d.example?connections=1")]);
    assert!(settings.is_some(), "{told}");
    assert_eq!(places(settings), [("c.example".to_owned(), 4), ("d.example".to_owned(), 1)]);
    for wrong in ["[]", "[capture, \"smtp://b.example\"]", "[\"smtp://b.example\", \"smtp://b.example:25\"]"] {
        let (settings, told) = check(&format!("mail:\n  deliver: {wrong}\n"), &[]);
        assert!(settings.is_none() && told.contains("R0608"), "{wrong}: {told}");
    }
    let (settings, told) = check("mail:\n  deliver: [\"smtp://a.example\", \"smtp://u:hunter2\"]\n", &[]);
    assert!(settings.is_none() && told.contains("R0555"), "{told}");
}
