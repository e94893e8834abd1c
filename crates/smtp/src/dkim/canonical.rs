//! The forms that are hashed: relaxed headers and relaxed body (RFC 6376, 3.4.2 and 3.4.4).

/// Head with its last line end, and body.
pub(super) fn split(mail: &[u8]) -> (&[u8], &[u8]) {
    match mail.windows(4).position(|window| window == b"\r\n\r\n") {
        Some(at) => (mail.get(..at + 2).unwrap_or_default(), mail.get(at + 4..).unwrap_or_default()),
        None => (mail, &[]),
    }
}

/// Every header as name in small letters and value on one line, in order.
pub(super) fn headers(head: &[u8]) -> Vec<(String, String)> {
    let head = String::from_utf8_lossy(head);
    let mut fields: Vec<String> = Vec::new();
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        match fields.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => {
                field.push_str("\r\n");
                field.push_str(line);
            }
            _ => fields.push(line.to_owned()),
        }
    }
    fields.iter().map(|field| header(field)).collect()
}

/// One header, folded or not.
pub(super) fn header(field: &str) -> (String, String) {
    let (name, value) = field.split_once(':').unwrap_or((field, ""));
    let unfolded = value.replace("\r\n", "");
    let words: Vec<&str> = unfolded.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    (name.trim_end().to_ascii_lowercase(), words.join(" "))
}

/// White space within a line becomes one space, at its end none; empty lines at the end go, and what is left ends with a line end.
pub(super) fn body(body: &[u8]) -> Vec<u8> {
    let mut relaxed = Vec::with_capacity(body.len());
    let mut empty_lines = 0_usize;
    for line in lines(body) {
        let mut kept = Vec::with_capacity(line.len());
        let mut space = false;
        for octet in line {
            if matches!(octet, b' ' | b'\t') {
                space = true;
                continue;
            }
            if std::mem::take(&mut space) {
                kept.push(b' ');
            }
            kept.push(*octet);
        }
        if kept.is_empty() {
            empty_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty_lines) {
            relaxed.extend_from_slice(b"\r\n");
        }
        relaxed.extend_from_slice(&kept);
        relaxed.extend_from_slice(b"\r\n");
    }
    relaxed
}

/// What stands between CRLFs. A lone CR or LF ends no line.
fn lines(body: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
        lines.push(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    lines.push(rest);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 6376, 3.4.5.
        let (head, rest) = split(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n");
        let expected = [("a".to_owned(), "X".to_owned()), ("b".to_owned(), "Y Z".to_owned())];
        assert_eq!(headers(head), expected);
        assert_eq!(body(rest), b" C\r\nD E\r\n");
    }

    #[test]
    fn nothing_but_empty_lines_is_nothing() {
        assert_eq!(body(b""), b"");
        assert_eq!(body(b"\r\n \t\r\n"), b"");
        assert_eq!(body(b"\r\n\r\na"), b"\r\n\r\na\r\n");
        assert_eq!(split(b"A: x\r\n"), (&b"A: x\r\n"[..], &b""[..]));
    }
}
