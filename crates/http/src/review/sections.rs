//! The parts of a review, in the order in which they are read.

use rapport_engine::review::{GoalLine, Happening, HealthPart, Known, Missing, Proposal, ReviewPack, What};

use super::{Bar, Bars, Block, Fact, Section, Sheet, tongue::Tongue};

/// The whole sheet.
pub(super) fn all(pack: &ReviewPack, tongue: &Tongue, name: &str, program: &str) -> Sheet {
    let say = |english, german| tongue.say(english, german);
    let title = format!("{} {}", say("Looking back on", "Rückblick auf"), tongue.period(pack.period));
    Sheet {
        title,
        intro: intro(pack, tongue, name, program),
        sections: vec![
            Section { title: say("Figures", "Zahlen"), blocks: figures(pack, tongue) },
            Section { title: say("Month by month", "Monat für Monat"), blocks: months(pack, tongue) },
            Section { title: say("Goals", "Ziele"), blocks: goals(pack, tongue) },
            Section { title: say("How it is going", "Wie es läuft"), blocks: health(pack, tongue) },
            Section { title: say("What stood out", "Was auffiel"), blocks: happenings(pack, tongue) },
            Section { title: say("What we did", "Was wir getan haben"), blocks: done(pack, tongue) },
            Section { title: say("Still open", "Noch offen"), blocks: open(pack, tongue) },
            Section {
                title: say("What could come next", "Was als Nächstes kommen könnte"),
                blocks: next(pack, tongue),
            },
        ],
    }
}

fn intro(pack: &ReviewPack, tongue: &Tongue, name: &str, program: &str) -> Vec<String> {
    let to = tongue.say("to", "bis");
    let (first, last) = (tongue.date(pack.period.first()), tongue.date(pack.period.last()));
    let mut lines = vec![
        format!("{name} {} {program}: {first} {to} {last}.", tongue.say("and", "und")),
        format!(
            "{} {}{}",
            tongue.say("As known on", "Stand:"),
            tongue.date(pack.as_of),
            tongue.say(
                "; sales taken back by then are not counted.",
                ". Verkäufe, die bis dahin zurückgenommen wurden, zählen nicht mit."
            )
        ),
    ];
    if !pack.over {
        lines.push(
            tongue
                .say(
                    "This period is not over yet, so nothing is compared.",
                    "Dieser Zeitraum ist noch nicht vorbei, deshalb wird nichts verglichen.",
                )
                .to_owned(),
        );
    }
    match pack.since {
        None => lines.push(
            tongue.say("Nothing was reported about you yet.", "Bisher wurde nichts über dich gemeldet.").to_owned(),
        ),
        Some(since) if since > pack.before.first() => lines.push(format!(
            "{} {}{}",
            tongue.say("You have been with us since", "Du bist dabei seit dem"),
            tongue.date(since),
            tongue.say(
                ", so there is no whole period before to compare with.",
                ", deshalb gibt es keinen ganzen Zeitraum davor zum Vergleichen."
            )
        )),
        Some(_) => {}
    }
    lines
}

fn figures(pack: &ReviewPack, tongue: &Tongue) -> Vec<Block> {
    let before = tongue.period(pack.before);
    // What nobody ever reports is no news to the partner; whoever asks for the data still reads why it is missing.
    let never = Known::Missing(Missing::NeverTold);
    let told = pack.figures.iter().filter(|line| line.now != never || !matches!(line.before, Known::Missing(_)));
    let facts = told.map(|line| {
        let earlier = format!("{before}: {}", tongue.known(line.before));
        let note = match line.change {
            Some(change) => format!("{earlier}; {}", tongue.change(change)),
            // The first lines say since when they are with us.
            None if line.before == Known::Missing(Missing::NotThere) => String::new(),
            None => earlier,
        };
        Fact { label: tongue.figure(line.name).to_owned(), value: tongue.known(line.now), note }
    });
    vec![Block::Facts(facts.collect())]
}

fn months(pack: &ReviewPack, tongue: &Tongue) -> Vec<Block> {
    let chart = |name: &str, value: fn(&rapport_engine::review::MonthLine) -> Known| {
        let height = |known: Known| known.value().map(rapport_engine::review::Amount::number);
        let most = pack.months.iter().filter_map(|line| height(value(line))).fold(0.0, f64::max);
        let bars = pack.months.iter().map(|line| Bar {
            label: tongue.period(line.month),
            value: tongue.known(value(line)),
            share: height(value(line)).map(|height| if most > 0.0 { height / most } else { 0.0 }),
        });
        Block::Bars(Bars { title: tongue.figure(name).to_owned(), bars: bars.collect() })
    };
    vec![chart("conversions", |line| line.conversions), chart("revenue", |line| line.revenue)]
}

fn goals(pack: &ReviewPack, tongue: &Tongue) -> Vec<Block> {
    if pack.goals.is_empty() {
        return vec![Block::Text(tongue.say("There was no goal.", "Es gab kein Ziel.").to_owned())];
    }
    let facts = pack.goals.iter().map(|goal| {
        let label = goal.metric.map_or(goal.goal.as_str(), |metric| tongue.figure(metric));
        Fact { label: label.to_owned(), value: reached(goal, tongue), note: terms(goal, tongue) }
    });
    let as_of = match pack.goals.first().filter(|_| pack.over) {
        Some(goal) => format!("{} {}.", tongue.say("As they stood on", "Stand vom"), tongue.date(goal.on)),
        None => format!("{} {}.", tongue.say("As they stand on", "Stand vom"), tongue.date(pack.as_of)),
    };
    vec![Block::Text(as_of), Block::Facts(facts.collect())]
}

fn reached(goal: &GoalLine, tongue: &Tongue) -> String {
    let of = tongue.say("of", "von");
    match (goal.value, goal.target, goal.percent) {
        (Some(value), Some(target), Some(percent)) => {
            format!("{} {of} {}, {}", tongue.amount(value), tongue.amount(target), tongue.percent(percent.floor()))
        }
        (None, Some(target), _) => {
            let unknown = tongue
                .say("not known: a sale has no exchange rate", "nicht bekannt: einem Verkauf fehlt der Wechselkurs");
            format!("{unknown}, {of} {}", tongue.amount(target))
        }
        (_, None, Some(percent)) if percent >= 100.0 => tongue.say("met", "erfüllt").to_owned(),
        (_, None, Some(_)) => tongue.say("not met", "nicht erfüllt").to_owned(),
        _ => tongue.say("nothing can be said", "dazu lässt sich nichts sagen").to_owned(),
    }
}

fn terms(goal: &GoalLine, tongue: &Tongue) -> String {
    use rapport_engine::review::Standing;
    let mut terms = format!("{} {} {}", tongue.date(goal.from), tongue.say("to", "bis"), tongue.date(goal.to));
    let standing = goal.standing.map(|standing| match standing {
        Standing::NotBegun => tongue.say("not begun", "noch nicht begonnen"),
        Standing::Behind => tongue.say("behind", "im Rückstand"),
        Standing::OnTrack => tongue.say("on track", "im Plan"),
        Standing::Ahead => tongue.say("ahead", "voraus"),
        Standing::Reached => tongue.say("reached", "erreicht"),
        Standing::Missed => tongue.say("missed", "verfehlt"),
    });
    if let Some(standing) = standing {
        terms = format!("{terms}; {standing}");
    }
    let running = matches!(goal.standing, Some(Standing::Behind | Standing::OnTrack | Standing::Ahead));
    if let Some(pace) = goal.pace_percent.filter(|_| running) {
        terms = format!("{terms}; {} {}", tongue.say("pace", "Tempo"), tongue.percent(pace.round()));
    }
    if !goal.binding {
        terms = format!("{terms}; {}", tongue.say("proposed, not agreed on", "vorgeschlagen, nicht vereinbart"));
    }
    terms
}

fn health(pack: &ReviewPack, tongue: &Tongue) -> Vec<Block> {
    let then = match &pack.health {
        HealthPart::Objected => {
            let text = tongue.say(
                "You asked us not to judge you by figures, so there is no score.",
                "Du möchtest nicht nach Zahlen beurteilt werden, deshalb gibt es keine Wertung.",
            );
            return vec![Block::Text(text.to_owned())];
        }
        HealthPart::NotReviewed => {
            let text = tongue.say("There is no score for this period.", "Für diesen Zeitraum gibt es keine Wertung.");
            return vec![Block::Text(text.to_owned())];
        }
        HealthPart::Reviewed(then) => then,
    };
    let on = tongue.date(then.on);
    let score = tongue.count(then.health.score.round() as i64);
    let of = tongue.say("of 100 on", "von 100 am");
    let before = then.before.map(|before| {
        let said = tongue.say("when the period began", "zu Beginn des Zeitraums");
        format!(" ({said}: {})", tongue.count(before.round() as i64))
    });
    let mut blocks = vec![Block::Text(format!("{score} {of} {on}{}.", before.unwrap_or_default()))];
    let facts = then.health.contributions.iter().map(|part| Fact {
        label: tongue.input(&part.input).to_owned(),
        value: format!("{} {}", tongue.count(part.points.round() as i64), tongue.say("of 100", "von 100")),
        note: {
            let unknown = if part.value.is_none() { tongue.say("not known, ", "nicht bekannt, ") } else { "" };
            format!("{unknown}{} {}", tongue.say("weight", "Gewicht"), tongue.percent(part.weight))
        },
    });
    blocks.push(Block::Facts(facts.collect()));
    if !then.health.missing.is_empty() {
        let names: Vec<&str> = then.health.missing.iter().map(|input| tongue.input(input)).collect();
        let said = tongue.say("Not known, and therefore left out", "Nicht bekannt und deshalb nicht gewertet");
        blocks.push(Block::Text(format!("{said}: {}.", names.join(", "))));
    }
    blocks
}

fn happenings(pack: &ReviewPack, tongue: &Tongue) -> Vec<Block> {
    if pack.happenings.is_empty() {
        let text = tongue.say("Nothing out of the ordinary.", "Nichts Ungewöhnliches.");
        return vec![Block::Text(text.to_owned())];
    }
    vec![Block::List(pack.happenings.iter().map(|happening| told(happening, tongue)).collect())]
}

fn told(happening: &Happening, tongue: &Tongue) -> String {
    let since = |since: Option<jiff::civil::Date>| tongue.date(since.unwrap_or(happening.on));
    let what = match &happening.what {
        What::Dip { since: from, expected, observed } => {
            let (expected, observed) = (tongue.number(*expected), tongue.number(*observed));
            let from = since(*from);
            if tongue.is_german() {
                format!("Weniger Verkäufe als sonst: seit dem {from} {expected} erwartet, {observed} gesehen")
            } else {
                format!("Fewer sales than usual: {expected} expected since {from}, {observed} seen")
            }
        }
        What::RevenueDip { since: from, drop_percent } => {
            let (from, drop) = (since(*from), tongue.percent(*drop_percent));
            if tongue.is_german() {
                format!("Verkäufe brachten weniger als sonst: seit dem {from} je Verkauf {drop} weniger")
            } else {
                format!("Sales brought less than usual: {drop} less each since {from}")
            }
        }
        What::Silence { since: from } => {
            format!(
                "{} {}",
                tongue.say("A longer pause than usual, since", "Eine längere Pause als sonst, seit dem"),
                since(*from)
            )
        }
        What::PersonalBest { revenue } => {
            let revenue = tongue.amount(rapport_engine::review::Amount::Money(*revenue));
            if tongue.is_german() {
                format!("Dein bester Monat seit einem Jahr: {revenue} bestätigter Umsatz")
            } else {
                format!("Your best month in a year: {revenue} of approved revenue")
            }
        }
        What::Streak { weeks } => {
            let weeks = tongue.count(*weeks);
            if tongue.is_german() {
                format!("Bestätigte Verkäufe in {weeks} Wochen hintereinander")
            } else {
                format!("Approved sales in {weeks} weeks in a row")
            }
        }
        What::Rank { top_percent } => {
            let top = tongue.percent(*top_percent as f64);
            if tongue.is_german() {
                format!("Unter den besten {top} nach bestätigtem Umsatz")
            } else {
                format!("Among the best {top} by approved revenue")
            }
        }
        What::Milestone { metric, threshold } => {
            format!("{}: {}", tongue.figure(metric), tongue.amount(*threshold))
        }
        What::GoalReached => tongue.say("A goal reached", "Ein Ziel erreicht").to_owned(),
        What::Anniversary { years } => {
            let years = usize::try_from(*years).unwrap_or_default();
            tongue.many(
                years,
                tongue.say("year together", "gemeinsames Jahr"),
                tongue.say("years together", "gemeinsame Jahre"),
            )
        }
    };
    let on = tongue.date(happening.on);
    match happening.ended_on {
        Some(ended) => format!("{on}: {what}; {} {}.", tongue.say("over on", "vorbei am"), tongue.date(ended)),
        None => format!("{on}: {what}."),
    }
}

fn done(pack: &ReviewPack, tongue: &Tongue) -> Vec<Block> {
    let done = &pack.done;
    let mut points: Vec<String> = Vec::new();
    for line in &done.mails {
        let mails = tongue.many(line.count, tongue.say("mail", "Mail"), tongue.say("mails", "Mails"));
        points.push(format!("{mails}: {}", line.title));
    }
    let mut counted = |count: usize, one: &'static str, others: &'static str| {
        if count > 0 {
            points.push(tongue.many(count, one, others));
        }
    };
    let say = |english, german| tongue.say(english, german);
    let cases = done.cases;
    counted(
        cases.opened,
        say("matter taken on", "Anliegen aufgenommen"),
        say("matters taken on", "Anliegen aufgenommen"),
    );
    counted(cases.solved, say("matter solved", "Anliegen gelöst"), say("matters solved", "Anliegen gelöst"));
    counted(
        cases.unsolved,
        say("matter closed unsolved", "Anliegen ungelöst geschlossen"),
        say("matters closed unsolved", "Anliegen ungelöst geschlossen"),
    );
    counted(
        done.tasks,
        say("thing done for you", "Sache für dich erledigt"),
        say("things done for you", "Sachen für dich erledigt"),
    );
    match done.offers {
        Known::Value(rapport_engine::review::Amount::Count(0)) => {}
        Known::Value(offers) => points.push(format!("{}: {}", tongue.figure("offers"), tongue.amount(offers))),
        Known::Missing(_) => points.push(format!("{}: {}", tongue.figure("offers"), tongue.known(done.offers))),
    }
    for award in &done.awards {
        let said = tongue.say("Award", "Auszeichnung");
        points.push(format!("{said}: {}, {}", award.title, tongue.date(award.on)));
    }
    if points.is_empty() {
        return vec![Block::Text(tongue.say("Nothing in this period.", "In diesem Zeitraum nichts.").to_owned())];
    }
    vec![Block::List(points)]
}

fn open(pack: &ReviewPack, tongue: &Tongue) -> Vec<Block> {
    let count = pack.open.tasks + pack.open.cases;
    let first = match count {
        1 => tongue.say("due on", "fällig am"),
        _ => tongue.say("the first due on", "der erste fällig am"),
    };
    let due = pack.open.due.map(|due| format!(", {first} {}", tongue.date(due)));
    let text = match count {
        0 => tongue.say("Nothing is waiting for us.", "Bei uns ist nichts offen.").to_owned(),
        _ => {
            let open = tongue.many(
                count,
                tongue.say("thing is open on our side", "Vorgang ist bei uns offen"),
                tongue.say("things are open on our side", "Vorgänge sind bei uns offen"),
            );
            format!("{open}{}.", due.unwrap_or_default())
        }
    };
    vec![Block::Text(text)]
}

fn next(pack: &ReviewPack, tongue: &Tongue) -> Vec<Block> {
    if pack.proposals.is_empty() {
        return vec![Block::Text(tongue.say("Carry on like this.", "Mach weiter so.").to_owned())];
    }
    let points = pack.proposals.iter().map(|proposal| match proposal {
        Proposal::AnswerGoal { metric, target, to } => {
            let (metric, target, to) = (tongue.figure(metric), tongue.amount(*target), tongue.date(*to));
            let said = tongue.say("A goal waits for your answer", "Ein Ziel wartet auf deine Antwort");
            format!("{said}: {metric}, {target} {} {to}.", tongue.say("by", "bis"))
        }
        Proposal::CatchUp { metric, missing, to, days } => {
            let (metric, missing, to) = (tongue.figure(metric), tongue.amount(*missing), tongue.date(*to));
            let days = tongue.count(i64::from(*days));
            if tongue.is_german() {
                format!("Zum Ziel fehlen noch {missing} ({metric}) bis {to}, Tage bis dahin: {days}.")
            } else {
                format!("{missing} ({metric}) are missing to the goal by {to}, days left: {days}.")
            }
        }
        Proposal::AgreeOnGoal => tongue
            .say("Agree on a goal for the next period.", "Ein Ziel für den nächsten Zeitraum vereinbaren.")
            .to_owned(),
        Proposal::FindOut => tongue
            .say("Find out together what has changed.", "Gemeinsam herausfinden, was sich geändert hat.")
            .to_owned(),
        Proposal::Improve { input } => {
            format!(
                "{}: {}.",
                tongue.say("Look at what holds back most", "Ansehen, was am meisten bremst"),
                tongue.input(input)
            )
        }
    });
    vec![Block::List(points.collect())]
}
