//! A first look at an expression, before the CEL parser may see it.
//!
//! The foreign parser recurses with its input and would abort the process on a deep one, and its messages speak of grammar
//! rules. So this look caps size and depth, lets only the part of CEL through that exists here, and says in people's
//! words what is wrong with the rest.

use crate::source::Span;

/// The longest expression, in bytes.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// The most words and signs in one expression.
pub const TOKENS_MAX: usize = 300;
/// The deepest nesting of brackets.
pub const DEPTH_MAX: usize = 12;
/// The most operators in a row without `&&`, `||` or a bracket between: each is a level of the tree.
const CHAIN_MAX: usize = 12;
/// The most names joined by dots.
const SEGMENTS_MAX: usize = 8;

/// A word or sign and its place in the expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    Text,
    /// An operator between two values; `-` and `!` also before one.
    Operator,
    Dot,
    Comma,
    Open,
    Close,
}

/// Why an expression does not get past this look.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    pub code: &'static str,
    pub span: Span,
    pub message: String,
    pub label: Option<String>,
    pub hint: Option<&'static str>,
    /// Boxed, because nearly every expression has none.
    pub right: Option<Box<Meant>>,
}

/// What is to stand in an expression instead of what can mean nothing else.
#[derive(Debug, PartialEq)]
pub(super) struct Meant {
    pub span: Span,
    pub instead: String,
    /// It means that only beside this name, if the name is a percentage.
    pub beside: Option<String>,
}

pub(super) const QUOTING: &str = "YAML ends a text without quotes at ` #`, at `: ` and, inside [ ] and { }, at a comma: put the whole expression in single quotes.";

fn refuse(code: &'static str, span: Span, message: impl Into<String>, label: &str) -> Refusal {
    let label = (!label.is_empty()).then(|| label.to_owned());
    Refusal { code, span, message: message.into(), label, hint: None, right: None }
}

/// All tokens of an expression whose size, depth, alphabet and order of words are fit for the parser.
pub(super) fn scan(text: &str) -> Result<Vec<Token<'_>>, Refusal> {
    let all = Span::new(0, text.len());
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the expression is {} bytes long, at most {TEXT_BYTES_MAX} are read", text.len());
        return Err(refuse("R0203", all, message, "make it a list of conditions"));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let space = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        if space > 0 {
            at += space;
            continue;
        }
        let (kind, length) = one(rest, at).map_err(|mut refusal| {
            refusal.right = sign(rest, at, &tokens).or_else(|| quantity(rest, at, &tokens)).map(Box::new);
            refusal
        })?;
        let word = rest.get(..length).unwrap_or_default();
        tokens.push(Token { kind, text: word, span: Span::new(at, at + length) });
        at += length;
        if tokens.len() > TOKENS_MAX {
            return Err(refuse("R0203", all, "the expression has too many parts", "make it a list of conditions"));
        }
    }
    in_order(&tokens, text.len())?;
    Ok(tokens)
}

/// Kind and length in bytes of the token a text begins with.
fn one(rest: &str, at: usize) -> Result<(Kind, usize), Refusal> {
    let mut chars = rest.chars();
    let first = chars.next().unwrap_or(' ');
    let second = chars.next().unwrap_or(' ');
    let here = |length: usize| Span::new(at, at + length);
    match (first, second) {
        ('a'..='z' | 'A'..='Z' | '_', _) => {
            let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            if rest.get(length..).is_some_and(|rest| rest.starts_with(['"', '\''])) {
                return Err(refuse(
                    "R0202",
                    here(length),
                    format!("`{}` may not stand before a text", rest.get(..length).unwrap_or_default()),
                    "an operator is missing here",
                ));
            }
            Ok((Kind::Name, length))
        }
        ('0'..='9', _) => number(rest, at),
        ('"' | '\'', _) => quoted(rest, first, at),
        ('=' | '!', '=') | ('<' | '>', '=') | ('&', '&') | ('|', '|') => Ok((Kind::Operator, 2)),
        ('<', '>') => Err(refuse("R0202", here(2), "`<>` is no operator", "write `!=`")),
        ('=', '>') => Err(refuse("R0202", here(2), "`=>` is no operator", "write `>=`")),
        ('=', '<') => Err(refuse("R0202", here(2), "`=<` is no operator", "write `<=`")),
        ('=', _) => Err(refuse("R0202", here(1), "`=` compares nothing", "write `==`")),
        ('&', _) => Err(refuse("R0202", here(1), "`&` is no operator", "write `&&`")),
        ('|', _) => Err(refuse("R0202", here(1), "`|` is no operator", "write `||`")),
        ('/', '/') => {
            Err(refuse("R0204", here(2), "an expression has no remarks", "put the remark behind ` #` in the YAML"))
        }
        ('+' | '-' | '*' | '/' | '%' | '<' | '>' | '!', _) => Ok((Kind::Operator, 1)),
        ('.', _) => Ok((Kind::Dot, 1)),
        (',', _) => Ok((Kind::Comma, 1)),
        ('(' | '[', _) => Ok((Kind::Open, 1)),
        (')' | ']', _) => Ok((Kind::Close, 1)),
        ('?', _) => Err(refuse(
            "R0204",
            here(1),
            "there is no `? :` in expressions",
            "write two conditions, or `choose` with two branches",
        )),
        ('{' | '}', _) => Err(refuse(
            "R0204",
            here(1),
            "braces have no meaning in an expression",
            "write the bare name: partner.country",
        )),
        ('“' | '”' | '„' | '‘' | '’' | '«' | '»', _) => {
            Err(refuse("R0202", here(first.len_utf8()), "this quote is typographic", "write straight quotes: \"…\""))
        }
        ('≥', _) => Err(refuse("R0202", here(first.len_utf8()), "`≥` is no operator", "write `>=`")),
        ('≤', _) => Err(refuse("R0202", here(first.len_utf8()), "`≤` is no operator", "write `<=`")),
        ('≠', _) => Err(refuse("R0202", here(first.len_utf8()), "`≠` is no operator", "write `!=`")),
        _ => {
            let shown = first.escape_debug();
            Err(refuse("R0202", here(first.len_utf8()), format!("`{shown}` has no meaning in an expression"), ""))
        }
    }
}

fn number(rest: &str, at: usize) -> Result<(Kind, usize), Refusal> {
    let bytes = rest.as_bytes();
    let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
    let mut length = digits(0);
    if bytes.get(length) == Some(&b'.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    let tail = rest.get(length..).unwrap_or_default();
    let suffix = tail.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let written = rest.get(..length).unwrap_or_default();
    let span = Span::new(at, at + length + suffix.max(1));
    if suffix > 0 {
        let message = format!("`{}` is no number", rest.get(..length + suffix).unwrap_or_default());
        let label = match tail.get(..suffix).unwrap_or_default() {
            "d" => format!("write `duration(\"{written} days\")`, or compare with the bare number of days"),
            "h" => format!("write `duration(\"{written} hours\")`"),
            unit if unit.len() == 3 && unit.bytes().all(|b| b.is_ascii_uppercase()) => {
                format!("write `money(\"{written} {unit}\")`")
            }
            _ => String::new(),
        };
        return Err(refuse("R0202", span, message, &label));
    }
    // `40%` and then an operator or the end: a percentage, not a remainder.
    let behind = tail.strip_prefix('%').map(str::trim_start);
    if behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(['&', '|', ')', '<', '>', '=', '!', ','])) {
        let message = format!("`{written}%` is written without its sign here");
        return Err(refuse(
            "R0202",
            span,
            message,
            &format!("write `{written}`; a percentage in an expression is a plain number, 0–100"),
        ));
    }
    if let Some(unit) = ["days", "day", "weeks", "hours", "minutes", "weekdays"].iter().find(|unit| {
        tail.trim_start()
            .strip_prefix(**unit)
            .is_some_and(|next| !next.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    }) {
        let message = format!("`{written} {unit}` is no number");
        let label = format!("write `duration(\"{written} {unit}\")`, or compare with the bare number");
        return Err(refuse("R0202", span, message, &label));
    }
    let currency = tail.trim_start().get(..3).filter(|code| crate::Currency::parse(code).is_some());
    if let Some(code) = currency.filter(|_| tail.starts_with(' ')) {
        let message = format!("`{written} {code}` is money");
        return Err(refuse("R0202", span, message, &format!("write `money(\"{written} {code}\")`")));
    }
    Ok((Kind::Number, length))
}

/// Signs from elsewhere, and the one that each means between two values. A longer one comes before its beginning.
const SIGNS: [(&str, &str); 7] =
    [("=>", ">="), ("=<", "<="), ("<>", "!="), ("≥", ">="), ("≤", "<="), ("≠", "!="), ("=", "==")];

/// The sign that is meant where a text cannot be read on from, if a value stands on both sides.
fn sign(rest: &str, at: usize, before: &[Token<'_>]) -> Option<Meant> {
    let (written, instead) = SIGNS.iter().find(|(written, _)| rest.starts_with(*written))?;
    let behind = rest.get(written.len()..)?.trim_start();
    let begins = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '"' | '\'' | '-' | '(' | '[');
    let ends = matches!(before.last()?.kind, Kind::Name | Kind::Number | Kind::Text | Kind::Close);
    (ends && behind.starts_with(begins)).then(|| Meant {
        span: Span::new(at, at + written.len()),
        instead: (*instead).to_owned(),
        beside: None,
    })
}

/// The number that is meant by `40%` behind a comparison with a name, and the money that is meant by `100 EUR`.
fn quantity(rest: &str, at: usize, before: &[Token<'_>]) -> Option<Meant> {
    let digits = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, tail) = rest.split_at_checked(digits)?;
    if !number.starts_with(|c: char| c.is_ascii_digit()) || number.ends_with('.') {
        return None;
    }
    if tail.starts_with('%') {
        let beside = Some(compared(before)?);
        return Some(Meant { span: Span::new(at, at + digits + 1), instead: number.to_owned(), beside });
    }
    // `1.000 EUR` is a thousand to many, and what is left of `1,000 EUR` is not the amount.
    let may_be_thousands = number.rsplit_once('.').is_some_and(|(_, fraction)| fraction.len() == 3);
    let goes_before = before.last().is_some_and(|last| {
        matches!(last.kind, Kind::Name | Kind::Number | Kind::Text | Kind::Close) || last.text == ","
    });
    if may_be_thousands || goes_before {
        return None;
    }
    let code = tail.trim_start_matches(' ').get(..3)?;
    let length = digits + (tail.len() - tail.trim_start_matches(' ').len()) + code.len();
    let goes_on = rest.get(length..)?.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let amount = format!("{number} {code}");
    if goes_on || crate::Money::parse(&amount).is_err() {
        return None;
    }
    let instead = match before {
        [.., function, open] if open.text == "(" && function.kind == Kind::Name => {
            (function.text == "money").then(|| format!("\"{amount}\""))?
        }
        // `money(-5 EUR)`: the sign would have to move into the quotes.
        [.., open, sign] if open.text == "(" && sign.text == "-" => return None,
        _ => format!("money(\"{amount}\")"),
    };
    Some(Meant { span: Span::new(at, at + length), instead, beside: None })
}

/// The name that these words end by comparing: `event.drop_percent >=`.
fn compared(before: &[Token<'_>]) -> Option<String> {
    let (sign, words) = before.split_last()?;
    let parts = words.iter().rev().take_while(|token| matches!(token.kind, Kind::Name | Kind::Dot)).count();
    let (front, path) = words.split_at_checked(words.len() - parts)?;
    let compares = matches!(sign.text, "==" | "!=" | "<" | "<=" | ">" | ">=");
    let alone = front.last().is_none_or(|token| matches!(token.text, "&&" | "||" | "("));
    (compares && alone && parts > 0).then(|| path.iter().map(|token| token.text).collect())
}

fn quoted(rest: &str, quote: char, at: usize) -> Result<(Kind, usize), Refusal> {
    let mut chars = rest.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        if c == quote {
            let length = i + 1;
            if rest.get(length..).is_some_and(|rest| rest.starts_with(['"', '\''])) {
                return Err(refuse(
                    "R0202",
                    Span::new(at, at + length),
                    "two texts stand side by side",
                    "an operator is missing",
                ));
            }
            return Ok((Kind::Text, length));
        }
        if c == '\\' {
            match chars.next() {
                Some((_, '\\' | '"' | '\'' | 'n' | 't')) => {}
                _ => {
                    return Err(refuse(
                        "R0202",
                        Span::new(at + i, at + i + 1),
                        "`\\` begins nothing known",
                        "write `\\\\` for a backslash",
                    ));
                }
            }
        } else if c.is_control() {
            return Err(refuse("R0202", Span::new(at, at + i), "a text in an expression ends on its line", ""));
        }
    }
    let mut refusal = refuse("R0202", Span::new(at, at + rest.len()), "the text is not closed", "");
    refusal.label = Some(format!("close it with {quote}"));
    refusal.hint = Some(QUOTING);
    Err(refusal)
}

/// Whether values and operators take turns, brackets match, and nothing nests or chains too deeply.
fn in_order(tokens: &[Token<'_>], end: usize) -> Result<(), Refusal> {
    struct Bracket {
        at: Span,
        sign: char,
        call: bool,
        chain: usize,
    }
    let deep = |span: Span| refuse("R0203", span, "the expression is too deep", "make it a list of conditions");
    let mut open: Vec<Bracket> = Vec::new();
    let (mut want_value, mut chain, mut segments, mut signs) = (true, 0_usize, 1_usize, 0_usize);
    let mut previous: Option<&Token<'_>> = None;
    for token in tokens {
        let span = token.span;
        let after = previous.map(|token| token.kind);
        if after == Some(Kind::Dot) && token.kind != Kind::Name {
            return Err(refuse("R0202", span, "a name is missing behind `.`", ""));
        }
        match token.kind {
            Kind::Name if token.text == "in" => {
                if want_value {
                    return Err(refuse("R0202", span, "a value is missing before `in`", ""));
                }
                chain += 1;
                want_value = true;
            }
            Kind::Name | Kind::Number | Kind::Text => {
                if after == Some(Kind::Dot) {
                    segments += 1;
                    if segments > SEGMENTS_MAX {
                        return Err(deep(span));
                    }
                } else if !want_value {
                    return Err(missing_operator(token, previous));
                } else if token.kind == Kind::Name {
                    segments = 1;
                    if matches!(token.text, "not" | "NOT") {
                        return Err(refuse(
                            "R0202",
                            span,
                            format!("`{}` is no operator", token.text),
                            "write `!(…)`, or `not:` above the condition",
                        ));
                    }
                }
                want_value = false;
                signs = 0;
            }
            Kind::Dot => {
                if want_value || !matches!(after, Some(Kind::Name)) {
                    return Err(refuse("R0202", span, "a name is missing before `.`", ""));
                }
            }
            Kind::Operator => {
                if want_value {
                    if !matches!(token.text, "-" | "!") {
                        return Err(refuse("R0202", span, format!("a value is missing before `{}`", token.text), ""));
                    }
                    signs += 1;
                    if signs > 2 {
                        return Err(refuse("R0202", span, format!("too many `{}`", token.text), ""));
                    }
                } else if token.text == "!" {
                    return Err(refuse("R0202", span, "an operator is missing before `!`", "write `!=`, `&&` or `||`"));
                } else {
                    chain = if matches!(token.text, "&&" | "||") { 0 } else { chain + 1 };
                    want_value = true;
                }
            }
            Kind::Comma => match open.last() {
                Some(bracket) if (bracket.call || bracket.sign == '[') && !want_value => {
                    want_value = true;
                    chain = 0;
                }
                Some(_) if want_value => return Err(refuse("R0202", span, "a value is missing before `,`", "")),
                _ => {
                    return Err(refuse(
                        "R0202",
                        span,
                        "a comma has no meaning here",
                        "write `&&`, or make it a list of conditions",
                    ));
                }
            },
            Kind::Open => {
                let call = !want_value;
                if call && (token.text == "[" || !matches!(after, Some(Kind::Name))) {
                    let what = if token.text == "[" {
                        "places in lists cannot be asked"
                    } else {
                        "an operator is missing before `(`"
                    };
                    return Err(refuse("R0204", span, what, ""));
                }
                open.push(Bracket { at: span, sign: if token.text == "[" { '[' } else { '(' }, call, chain });
                if open.len() > DEPTH_MAX {
                    return Err(deep(span));
                }
                want_value = true;
                chain = 0;
                signs = 0;
            }
            Kind::Close => {
                let sign = if token.text == "]" { '[' } else { '(' };
                let Some(bracket) = open.pop().filter(|bracket| bracket.sign == sign) else {
                    return Err(refuse("R0202", span, format!("`{}` closes nothing", token.text), ""));
                };
                let empty = after == Some(Kind::Open);
                if want_value && !(empty && (bracket.call || bracket.sign == '[')) {
                    return Err(refuse("R0202", span, format!("a value is missing before `{}`", token.text), ""));
                }
                want_value = false;
                chain = bracket.chain;
            }
        }
        if chain > CHAIN_MAX {
            return Err(deep(span));
        }
        previous = Some(token);
    }
    if let Some(bracket) = open.last() {
        let mut refusal = refuse("R0202", bracket.at, format!("`{}` is not closed", bracket.sign), "");
        refusal.hint = Some(QUOTING);
        return Err(refusal);
    }
    if previous.is_some_and(|token| token.kind == Kind::Dot) {
        return Err(refuse("R0202", Span::new(end.saturating_sub(1), end), "a name is missing behind `.`", ""));
    }
    match previous {
        None => Err(refuse("R0206", Span::new(0, end), "there is no expression here", "")),
        Some(token) if want_value => {
            let mut refusal = refuse("R0202", token.span, format!("a value is missing behind `{}`", token.text), "");
            refusal.hint = Some(QUOTING);
            Err(refusal)
        }
        Some(_) => Ok(()),
    }
}

fn missing_operator(token: &Token<'_>, previous: Option<&Token<'_>>) -> Refusal {
    let label = match token.text.to_lowercase().as_str() {
        "and" => "write `&&`, or make it a list of conditions",
        "or" => "write `||`, or `any:` above a list of conditions",
        "is" | "equals" => "write `==`",
        "not" => "write `!=`",
        "contains" => "write `.contains(\"…\")`",
        _ => "",
    };
    if !label.is_empty() {
        return refuse("R0202", token.span, format!("`{}` is no operator", token.text), label);
    }
    let before = previous.map_or("", |token| token.text);
    refuse("R0202", token.span, format!("an operator is missing between `{before}` and `{}`", token.text), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let shown = match scan(text) {
            Ok(tokens) => tokens.iter().map(|token| token.text).collect::<Vec<_>>().join(" "),
            Err(refusal) => {
                let label = refusal.label.map(|label| format!(" | {label}")).unwrap_or_default();
                format!("{} {}..{} {}{label}", refusal.code, refusal.span.start, refusal.span.end, refusal.message)
            }
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn what_is_written_by_the_book_passes() {
        check("conversions_total>=1&&!x", "conversions_total >= 1 && ! x");
        check("event.has_category(\"a, b\")", "event . has_category ( \"a, b\" )");
        check("country in ['NO', \"S\\\"E\"]", "country in [ 'NO' , \"S\\\"E\" ]");
        check("a % 2 == 0", "a % 2 == 0");
        check("-1 < x", "- 1 < x");
    }

    #[test]
    fn habits_from_elsewhere_get_the_right_sign() {
        check("a = 1", "R0202 2..3 `=` compares nothing | write `==`");
        check("a <> 1", "R0202 2..4 `<>` is no operator | write `!=`");
        check("a and b", "R0202 2..5 `and` is no operator | write `&&`, or make it a list of conditions");
        check("not a", "R0202 0..3 `not` is no operator | write `!(…)`, or `not:` above the condition");
        check("a == “x”", "R0202 5..8 this quote is typographic | write straight quotes: \"…\"");
        check("a ≥ 1", "R0202 2..5 `≥` is no operator | write `>=`");
        check(
            "x >= 40%",
            "R0202 5..8 `40%` is written without its sign here | write `40`; a percentage in an expression is a plain number, 0–100",
        );
        check("x > 100 EUR", "R0202 4..8 `100 EUR` is money | write `money(\"100 EUR\")`");
        check(
            "x > 3d",
            "R0202 4..6 `3d` is no number | write `duration(\"3 days\")`, or compare with the bare number of days",
        );
        check(
            "x > 3 days",
            "R0202 4..6 `3 days` is no number | write `duration(\"3 days\")`, or compare with the bare number",
        );
        check(
            "a ? b : c",
            "R0204 2..3 there is no `? :` in expressions | write two conditions, or `choose` with two branches",
        );
        check(
            "{{a}} == 1",
            "R0204 0..1 braces have no meaning in an expression | write the bare name: partner.country",
        );
    }

    #[test]
    fn what_can_mean_one_thing_only_says_what() {
        let put_right = |text: &str| {
            let right = *scan(text).unwrap_err().right?;
            let Span { start, end } = right.span;
            let beside = right.beside.map(|name| format!(" if {name} is a percentage")).unwrap_or_default();
            Some(format!("{}{}{}{beside}", &text[..start], right.instead, &text[end..]))
        };
        for (text, right) in [
            ("a = 1", Some("a == 1")),
            ("a =1 && b", Some("a ==1 && b")),
            ("a => 1", Some("a >= 1")),
            ("a ≤ -1", Some("a <= -1")),
            ("a > = 1", None),
            ("a = = 1", None),
            ("= 1", None),
            ("a =", None),
            ("a.b >= 40%", Some("a.b >= 40 if a.b is a percentage")),
            ("x && a < 2.5% || y", Some("x && a < 2.5 || y if a is a percentage")),
            ("2 * a >= 40%", None),
            ("40% < a", None),
            ("a > 100 EUR", Some("a > money(\"100 EUR\")")),
            ("a > 9.90EUR && b", Some("a > money(\"9.90 EUR\") && b")),
            ("a > money(100 EUR)", Some("a > money(\"100 EUR\")")),
            ("a > money(-100 EUR)", None),
            ("a > -100 EUR", Some("a > -money(\"100 EUR\")")),
            ("a > 100 EURO", None),
            ("a > 9.90 JPY", None),
            ("a > 3d", None),
            ("a > 3 days", None),
        ] {
            assert_eq!(put_right(text).as_deref(), right, "{text}");
        }
    }

    #[test]
    fn half_an_expression_says_what_is_missing() {
        check("", "R0206 0..0 there is no expression here");
        check("a >=", "R0202 2..4 a value is missing behind `>=`");
        check("a b", "R0202 2..3 an operator is missing between `a` and `b`");
        check("(a", "R0202 0..1 `(` is not closed");
        check("a)", "R0202 1..2 `)` closes nothing");
        check("a == \"x", "R0202 5..7 the text is not closed | close it with \"");
        check("a..b", "R0202 2..3 a name is missing behind `.`");
        check("a.", "R0202 1..2 a name is missing behind `.`");
        check("a[0]", "R0204 1..2 places in lists cannot be asked");
        check("()", "R0202 1..2 a value is missing before `)`");
    }

    #[test]
    fn depth_and_length_are_capped_before_any_parser_runs() {
        for deep in
            ["(".repeat(1000), "!".repeat(1000), "a.".repeat(500), "1+".repeat(900), "-".repeat(1000), "[".repeat(1999)]
        {
            let refusal = scan(&deep).unwrap_err();
            assert!(matches!(refusal.code, "R0202" | "R0203"), "{refusal:?}");
        }
        assert_eq!(scan(&"a".repeat(3000)).unwrap_err().code, "R0203");
        assert_eq!(scan(&"a&&".repeat(400)).unwrap_err().code, "R0203");
    }
}
