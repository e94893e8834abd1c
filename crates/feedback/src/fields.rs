//! Groups of `Name: value` lines, as delivery status and feedback reports are made of.

/// A group: names in small letters with their values on one line, in order.
pub(crate) type Group = Vec<(String, String)>;

/// Groups taken from one report; each names a recipient.
pub(crate) const GROUPS_MAX: usize = crate::REPORTS_MAX;
const FIELDS_MAX: usize = 200;
const VALUE_BYTES_MAX: usize = 4_000;

/// The groups of a text, which empty lines separate. What is no field is passed over.
pub(crate) fn groups(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut current = Group::new();
    for line in text.lines() {
        let line = line.trim_end();
        if line.is_empty() {
            if !current.is_empty() {
                groups.push(std::mem::take(&mut current));
            }
            if groups.len() > GROUPS_MAX {
                return groups;
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = current.last_mut()
                && value.len() + line.len() < VALUE_BYTES_MAX
            {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':')
            && current.len() < FIELDS_MAX
        {
            let mut value = value.trim().to_owned();
            value.truncate(value.floor_char_boundary(VALUE_BYTES_MAX));
            current.push((name.trim().to_ascii_lowercase(), value));
        }
    }
    if !current.is_empty() {
        groups.push(current);
    }
    groups
}

/// The first value of a name. One that begins on the next line begins with the blank it is folded by.
pub(crate) fn value<'a>(group: &'a Group, name: &str) -> Option<&'a str> {
    group.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}

/// The address in `rfc822; ada@example.com`, or alone, in brackets or not.
pub(crate) fn address(text: &str) -> Option<String> {
    let (kind, text) = text.rsplit_once(';').unwrap_or(("", text));
    let text = text.trim();
    let text = text.rsplit_once('<').map_or(text, |(_, inner)| inner.split('>').next().unwrap_or_default()).trim();
    let text = if kind.trim().eq_ignore_ascii_case("utf-8") { in_full(text)? } else { text.to_owned() };
    let is_one =
        text.len() <= 320 && text.contains('@') && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    is_one.then_some(text)
}

/// An address of type `utf-8` with its letters, which a mail in ASCII writes as `\x{F6}` (RFC 6533, 3). `None` for what names no letter.
fn in_full(text: &str) -> Option<String> {
    let mut parts = text.split("\\x{");
    let mut whole = parts.next()?.to_owned();
    for part in parts {
        let (digits, rest) = part.split_once('}')?;
        let is_hex = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
        whole.push(char::from_u32(number)?);
        whole.push_str(rest);
    }
    Some(whole)
}

/// A Message-ID without brackets, if it looks like one.
pub(crate) fn message_id(text: &str) -> Option<String> {
    let id = text.trim().trim_start_matches('<').split('>').next().unwrap_or_default().trim();
    let is_one = (3..=250).contains(&id.len()) && id.contains('@') && id.bytes().all(|b| b.is_ascii_graphic());
    is_one.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_grouped() {
        let groups = groups("A: 1\r\nB: 2\r\n\tand more\r\n\r\n\r\nA: 3\r\nno field\r\n");
        let expected =
            [vec![("a", "1"), ("b", "2 and more")], vec![("a", "3")]].map(|group| group.into_iter().map(own).collect());
        assert_eq!(groups, expected as [Group; 2]);
        let folded = super::groups("Feedback-Type:\r\n abuse\r\nEmpty:\r\n\r\n");
        assert_eq!((value(&folded[0], "feedback-type"), value(&folded[0], "empty")), (Some("abuse"), None));
    }

    fn own((name, value): (&str, &str)) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn addresses_and_ids() {
        assert_eq!(address("rfc822; ada@example.com").as_deref(), Some("ada@example.com"));
        assert_eq!(address("RFC822;<ada@example.com>").as_deref(), Some("ada@example.com"));
        assert_eq!(address("Ada <ada@example.com>").as_deref(), Some("ada@example.com"));
        assert_eq!(address("unknown"), None);
        assert_eq!(address("utf-8; j\\x{F6}rg@m\\x{FC}ller.example").as_deref(), Some("jörg@müller.example"));
        assert_eq!(address("UTF-8;jörg@müller.example").as_deref(), Some("jörg@müller.example"));
        for odd in ["\\x{}", "\\x{zz}", "\\x{+41}", "\\x{D800}", "\\x{1234567}", "\\x{41", "\\x{A}", "\\x{20}"] {
            assert_eq!(address(&format!("utf-8; a{odd}@b.example")), None, "{odd}");
        }
        assert_eq!(address("rfc822; a\\x{41}@b.example").as_deref(), Some("a\\x{41}@b.example"));
        assert_eq!(message_id(" <a1@mail.example> ").as_deref(), Some("a1@mail.example"));
        assert_eq!(message_id("nothing"), None);
    }
}
