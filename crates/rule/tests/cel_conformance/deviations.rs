//! Where the expressions of rapport are not CEL: each difference with what it covers, as docs/expressions.md lists them.

use rapport_rule::expr::Value;

use super::data::{Expected, Test};
use super::words::{Kind, Word};

/// How a difference shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A part of CEL that is about something which does not exist here.
    Outside,
    /// The expression is refused when it is read.
    Refused,
    /// The expression is accepted and means something else.
    Otherwise,
}

/// One difference.
pub struct Deviation {
    /// Its name in the list.
    pub name: &'static str,
    pub effect: Effect,
    /// What differs and why, as listed.
    pub about: &'static str,
    /// The codes of its findings.
    pub codes: &'static [&'static str],
    /// Whether a test depends on it.
    pub covers: fn(&Seen<'_>) -> bool,
}

/// A test and what is seen of its expression.
pub struct Seen<'a> {
    pub test: &'a Test,
    pub words: &'a [Word],
}

/// The classes of operands that cannot be compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Text,
    Number,
    Truth,
    Null,
}

impl Seen<'_> {
    fn kind(&self, at: usize) -> Option<&Kind> {
        self.words.get(at).map(|word| &word.kind)
    }

    fn any(&self, found: impl Fn(usize, &Kind) -> bool) -> bool {
        self.words.iter().enumerate().any(|(at, word)| found(at, &word.kind))
    }

    fn sign(&self, signs: &[&str]) -> bool {
        self.any(|_, kind| matches!(kind, Kind::Sign(sign) if signs.contains(sign)))
    }

    fn before(&self, at: usize) -> Option<&Kind> {
        self.kind(at.checked_sub(1)?)
    }

    /// A function or method of one of these names is called.
    fn calls(&self, names: &[&str]) -> bool {
        self.any(|at, kind| {
            matches!(kind, Kind::Name(name) if names.contains(&&**name)) && self.kind(at + 1) == Some(&Kind::Sign("("))
        })
    }

    fn names(&self, names: &[&str]) -> bool {
        self.any(|_, kind| matches!(kind, Kind::Name(name) if names.contains(&&**name)))
    }

    /// cel-go's checker resolved an operator or function to one of these.
    fn overload(&self, ids: &[&str]) -> bool {
        let checked = self.test.checked.as_deref().unwrap_or_default();
        let end = |c: char| !(c.is_alphanumeric() || c == '_');
        checked.split(['^', '|']).skip(1).any(|rest| ids.contains(&rest.split(end).next().unwrap_or_default()))
    }

    /// Whether a value ends before this word, so that a bracket here asks for a place or calls.
    fn value_before(&self, at: usize) -> bool {
        match self.before(at) {
            Some(Kind::Sign(sign)) => matches!(*sign, ")" | "]" | "}"),
            Some(Kind::Name(name)) => name != "in",
            Some(_) => true,
            None => false,
        }
    }

    fn class(&self, at: usize) -> Option<Class> {
        Some(match self.kind(at)? {
            Kind::Text(_) => Class::Text,
            Kind::Int { .. } | Kind::Double { .. } => Class::Number,
            Kind::Name(name) if name == "true" || name == "false" => Class::Truth,
            Kind::Name(name) if name == "null" => Class::Null,
            _ => return None,
        })
    }

    /// What stands written out beside an operator, brackets and signs aside.
    fn beside(&self, at: usize) -> (Option<Class>, Option<Class>) {
        let skip =
            |at: &usize| matches!(self.kind(*at), Some(Kind::Sign("(" | ")" | "-" | "[" | "]"))) || self.is_dyn(*at);
        let left = (0..at).rev().find(|at| !skip(at)).and_then(|at| self.class(at));
        let right = (at + 1..self.words.len()).find(|at| !skip(at)).and_then(|at| self.class(at));
        (left, right)
    }

    fn is_dyn(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(Kind::Name(name)) if name == "dyn")
    }

    /// Operators with such operands.
    fn operator(&self, signs: &[&str], operands: impl Fn(Option<Class>, Option<Class>) -> bool) -> bool {
        self.any(|at, kind| {
            let is_one = match kind {
                Kind::Sign(sign) => signs.contains(sign),
                Kind::Name(name) => name == "in" && signs.contains(&"in"),
                _ => false,
            };
            is_one && {
                let (left, right) = self.beside(at);
                operands(left, right)
            }
        })
    }
}

const ORDER: [&str; 4] = ["<", "<=", ">", ">="];

/// All differences; the first that covers a test counts it.
pub const DEVIATIONS: &[Deviation] = &[
    Deviation {
        name: "Messages of Protocol Buffers",
        effect: Effect::Outside,
        about: "Names have the types of this page; there are no messages, enumerations, wrappers or extensions, and no namespaces to look names up in.",
        codes: &["R0201", "R0202", "R0204", "R0205", "R0210", "R0212"],
        covers: |seen| {
            seen.test.container.contains("proto")
                || seen.test.foreign.iter().any(|kind| kind == "messageType")
                || seen.names(&["TestAllTypes", "google", "cel"])
                    && seen.any(|_, kind| *kind == Kind::Sign("{") || *kind == Kind::Sign("."))
        },
    },
    Deviation {
        name: "Names with a leading dot",
        effect: Effect::Outside,
        about: "A name is written in full and begins with a letter.",
        codes: &["R0202"],
        covers: |seen| seen.any(|at, kind| *kind == Kind::Sign(".") && !seen.value_before(at)),
    },
    Deviation {
        name: "Maps",
        effect: Effect::Outside,
        about: "There are no values with keys of their own; what belongs together has a name with a dot.",
        codes: &["R0201", "R0202", "R0204"],
        covers: |seen| {
            let is_name = seen.test.names.iter().any(|(name, _, _)| *name == seen.test.expr);
            seen.sign(&["{"]) || !is_name && seen.test.foreign.iter().any(|kind| kind == "mapType")
        },
    },
    Deviation {
        name: "Bytes",
        effect: Effect::Outside,
        about: "There are texts and no raw bytes.",
        codes: &["R0201", "R0202", "R0212"],
        covers: |seen| {
            seen.any(|_, kind| *kind == Kind::Bytes)
                || seen.calls(&["bytes"])
                || seen.test.foreign.iter().any(|kind| kind == "bytes")
        },
    },
    Deviation {
        name: "Unsigned numbers",
        effect: Effect::Outside,
        about: "There is one kind of whole number, up to 9,223,372,036,854,775,807.",
        codes: &["R0201", "R0202", "R0212"],
        covers: |seen| {
            seen.any(|_, kind| *kind == Kind::Uint)
                || seen.calls(&["uint"])
                || seen.test.foreign.iter().any(|kind| kind == "uint64")
        },
    },
    Deviation {
        name: "Libraries beside CEL",
        effect: Effect::Outside,
        about: "Of the libraries that some programs add to CEL none exists here: optional values, bound names, encoders, mathematics, texts beyond `startsWith`, `endsWith` and `contains`.",
        codes: &["R0201", "R0202", "R0204", "R0212"],
        covers: |seen| {
            seen.names(&["optional", "math", "base64", "strings", "proto"])
                || seen.calls(&[
                    "block",
                    "bind",
                    "optMap",
                    "optFlatMap",
                    "transformList",
                    "transformMap",
                    "transformMapEntry",
                ])
                || seen.calls(&[
                    "charAt",
                    "indexOf",
                    "join",
                    "lastIndexOf",
                    "lowerAscii",
                    "replace",
                    "split",
                    "substring",
                    "trim",
                    "upperAscii",
                    "format",
                    "reverse",
                    "quote",
                ])
        },
    },
    Deviation {
        name: "Types as values",
        effect: Effect::Outside,
        about: "A type cannot be asked for or compared: every name has the type that this page and `rapport check` say.",
        codes: &["R0201", "R0212"],
        covers: |seen| {
            seen.calls(&["type"]) || matches!(&seen.test.expected, Expected::Foreign(kind) if kind == "typeValue")
        },
    },
    Deviation {
        name: "Functions of one's own",
        effect: Effect::Outside,
        about: "Functions cannot be declared.",
        codes: &["R0201", "R0202", "R0212"],
        covers: |seen| seen.test.foreign.iter().any(|kind| kind == "function"),
    },
    Deviation {
        name: "Types deduced and nothing evaluated",
        effect: Effect::Outside,
        about: "Tests that only ask which type CEL's checker deduces; ours has types with units.",
        codes: &["R0202", "R0204", "R0210", "R0212"],
        covers: |seen| matches!(seen.test.expected, Expected::TypeOnly),
    },
    Deviation {
        name: "Macros",
        effect: Effect::Refused,
        about: "`has`, `all`, `exists`, `exists_one`, `map`, `filter` do not exist: a comparison with what is missing answers `?` by itself, and nothing has to be walked through.",
        codes: &["R0204", "R0202", "R0212"],
        covers: |seen| seen.calls(&["has", "all", "exists", "exists_one", "existsOne", "map", "filter"]),
    },
    Deviation {
        name: "`? :`",
        effect: Effect::Refused,
        about: "A choice is two conditions, or `choose` with branches, so that it can be read and explained.",
        codes: &["R0204"],
        covers: |seen| seen.sign(&["?"]),
    },
    Deviation {
        name: "`null`",
        effect: Effect::Refused,
        about: "There is no value for nothing: what is missing answers `?`.",
        codes: &["R0204", "R0201"],
        covers: |seen| seen.names(&["null"]),
    },
    Deviation {
        name: "Texts joined with +",
        effect: Effect::Refused,
        about: "Texts are put together in mails with {{…}}, not in conditions.",
        codes: &["R0211"],
        covers: |seen| seen.overload(&["add_string"]),
    },
    Deviation {
        name: "Lists anywhere but behind `in`",
        effect: Effect::Refused,
        about: "A list is written behind `in` only. It is not compared, joined, or the value of an expression.",
        codes: &["R0201", "R0202", "R0204", "R0205", "R0210", "R0211", "R0212"],
        covers: |seen| {
            seen.any(|at, kind| {
                *kind == Kind::Sign("[")
                    && !seen.value_before(at)
                    && !matches!(seen.before(at), Some(Kind::Name(name)) if name == "in")
            })
        },
    },
    Deviation {
        name: "Places in lists",
        effect: Effect::Refused,
        about: "`list[0]` does not exist: lists here have no order worth asking for.",
        codes: &["R0204"],
        covers: |seen| seen.any(|at, kind| *kind == Kind::Sign("[") && seen.value_before(at)),
    },
    Deviation {
        name: "Empty lists",
        effect: Effect::Refused,
        about: "Nothing is in an empty list, so asking is a slip.",
        codes: &["R0217"],
        covers: |seen| seen.any(|at, kind| *kind == Kind::Sign("[") && seen.kind(at + 1) == Some(&Kind::Sign("]"))),
    },
    Deviation {
        name: "`size`",
        effect: Effect::Refused,
        about: "How long a text or a list is, is no question to a partner.",
        codes: &["R0212"],
        covers: |seen| seen.calls(&["size"]),
    },
    Deviation {
        name: "`matches`",
        effect: Effect::Refused,
        about: "There are no regular expressions.",
        codes: &["R0202", "R0212"],
        covers: |seen| seen.calls(&["matches"]),
    },
    Deviation {
        name: "Conversions",
        effect: Effect::Refused,
        about: "`int`, `double`, `string`, `bool` do not exist: a count is compared with a number as it is, everything else has its own way to be written.",
        codes: &["R0212"],
        covers: |seen| seen.calls(&["int", "double", "string", "bool"]),
    },
    Deviation {
        name: "`dyn`",
        effect: Effect::Refused,
        about: "Types are always checked before anything runs; nothing can be exempted.",
        codes: &["R0212"],
        covers: |seen| seen.calls(&["dyn"]),
    },
    Deviation {
        name: "`timestamp` and CEL's lengths of time",
        effect: Effect::Refused,
        about: "A moment is `instant(\"2026-10-01T08:00:00Z\")`, a length of time is written in words, `duration(\"36 hours\")`, a day is `date(\"2026-10-01\")`.",
        codes: &["R0212", "R0213", "R0301"],
        covers: |seen| seen.calls(&["timestamp", "duration"]),
    },
    Deviation {
        name: "Parts of a moment",
        effect: Effect::Refused,
        about: "`getFullYear`, `getHours` and their like do not exist: when something happens is the business of triggers and `wait`.",
        codes: &["R0202", "R0204", "R0212"],
        covers: |seen| {
            seen.any(|at, kind| {
                matches!(kind, Kind::Name(name) if name.starts_with("get")) && seen.before(at) == Some(&Kind::Sign("."))
            })
        },
    },
    Deviation {
        name: "Order of texts and of true and false",
        effect: Effect::Refused,
        about: "`<` and `>` of texts would follow the code of their letters, which is no alphabet; true and false have no order.",
        codes: &["R0210"],
        covers: |seen| {
            seen.operator(&ORDER, |left, right| {
                let unordered = |class| matches!(class, Some(Class::Text | Class::Truth));
                unordered(left) || unordered(right)
            })
        },
    },
    Deviation {
        name: "Values of different types compared",
        effect: Effect::Refused,
        about: "CEL calls a text and a number unequal; here a comparison that can never hold is refused.",
        codes: &["R0210"],
        covers: |seen| {
            seen.operator(&["==", "!=", "in"], |left, right| matches!((left, right), (Some(a), Some(b)) if a != b))
        },
    },
    Deviation {
        name: "Methods of what is written out",
        effect: Effect::Refused,
        about: "Only names have methods: `partner.country.startsWith(\"N\")`.",
        codes: &["R0202", "R0204"],
        covers: |seen| {
            seen.any(|at, kind| {
                *kind == Kind::Sign(".")
                    && matches!(seen.before(at), Some(Kind::Text(_) | Kind::Sign(")") | Kind::Int { .. }))
            })
        },
    },
    Deviation {
        name: "Numbers in another notation",
        effect: Effect::Refused,
        about: "Numbers have decimal digits and a point between digits: no `0x1F`, `1e3` or `.5`.",
        codes: &["R0202"],
        covers: |seen| {
            seen.any(|_, kind| matches!(kind, Kind::Int { otherwise: true, .. } | Kind::Double { otherwise: true, .. }))
        },
    },
    Deviation {
        name: "Texts in another notation",
        effect: Effect::Refused,
        about: "A text stands on one line between straight quotes, `\"` or `'`. Of what begins with a backslash there are `\\\\`, `\\\"`, `\\'`, `\\n` and `\\t`; there are no raw texts and no three quotes.",
        codes: &["R0202"],
        covers: |seen| seen.any(|_, kind| *kind == Kind::Text(None)),
    },
    Deviation {
        name: "Remarks",
        effect: Effect::Refused,
        about: "`//` begins no remark; remarks stand behind ` #` in the YAML.",
        codes: &["R0204"],
        covers: |seen| seen.any(|_, kind| *kind == Kind::Remark),
    },
    Deviation {
        name: "Limits",
        effect: Effect::Refused,
        about: "An expression has at most 2,000 characters, 300 words and signs, 12 brackets inside each other, 12 operators in a row, 8 words joined by dots and 2 signs before a value.",
        codes: &["R0202", "R0203"],
        covers: |seen| {
            let (mut depth, mut deepest, mut row, mut longest) = (0_usize, 0, 0_usize, 0);
            for word in seen.words {
                match &word.kind {
                    Kind::Sign("(" | "[" | "{") => depth += 1,
                    Kind::Sign(")" | "]" | "}") => depth = depth.saturating_sub(1),
                    Kind::Sign("&&" | "||" | ",") => row = 0,
                    Kind::Sign("." | "?" | ":") => {}
                    Kind::Sign(_) => row += 1,
                    _ => {}
                }
                (deepest, longest) = (deepest.max(depth), longest.max(row));
            }
            deepest > 12 || longest > 12 || seen.words.len() > 300
        },
    },
    Deviation {
        name: "Division by a written 0",
        effect: Effect::Refused,
        about: "It could only be missing. Divided by a name that is 0, the result is missing.",
        codes: &["R0211"],
        covers: |seen| {
            seen.any(|at, kind| {
                matches!(kind, Kind::Sign("/" | "%"))
                    && match seen.kind(at + 1) {
                        Some(Kind::Int { value, .. }) => *value == Some(0),
                        Some(Kind::Double { value, .. }) => *value == 0.0,
                        _ => false,
                    }
            })
        },
    },
    Deviation {
        name: "What CEL's own checker refuses",
        effect: Effect::Refused,
        about: "CEL can run without its checker and then meets unknown names and types that do not fit only where it comes by; here they are always found before.",
        codes: &["R0201", "R0210", "R0211", "R0212"],
        covers: |seen| {
            let more_than_numbers = seen.any(|_, kind| matches!(kind, Kind::Name(_) | Kind::Text(_)));
            seen.test.checked.is_none() && more_than_numbers
        },
    },
    Deviation {
        name: "Counts divided by counts",
        effect: Effect::Otherwise,
        about: "CEL cuts the rest off, 7 / 2 is 3 there; here it is 3.5.",
        codes: &[],
        covers: |seen| seen.overload(&["divide_int64"]),
    },
    Deviation {
        name: "Infinity and what is no number",
        effect: Effect::Otherwise,
        about: "A number divided by 0, and a result beyond every number, is missing here.",
        codes: &[],
        covers: |seen| {
            let beyond = |value: &Value| matches!(value, Value::Number(number) if !number.is_finite());
            matches!(&seen.test.expected, Expected::Value(value) if beyond(value))
                || seen.any(|at, kind| {
                    *kind == Kind::Sign("/")
                        && matches!(seen.kind(at + 1), Some(Kind::Double { value, .. }) if *value == 0.0)
                })
        },
    },
    Deviation {
        name: "Years and lengths beyond CEL's",
        effect: Effect::Otherwise,
        about: "CEL ends at the years 1 and 9999, and at lengths of 10,000 years; a result beyond them is a value here as long as the calendar has it.",
        codes: &[],
        covers: |seen| seen.calls(&["timestamp", "duration"]) && matches!(seen.test.expected, Expected::Error),
    },
    Deviation {
        name: "Namespaces",
        effect: Effect::Otherwise,
        about: "A name is what it says; CEL may look `y` up as `x.y` first.",
        codes: &[],
        covers: |seen| !seen.test.container.is_empty() && !seen.test.container.contains("proto"),
    },
];
