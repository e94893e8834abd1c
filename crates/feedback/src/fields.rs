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

/// The first value of a name.
pub(crate) fn value<'a>(group: &'a Group, name: &str) -> Option<&'a str> {
    group.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// The address in `rfc822; ada@example.com`, or alone, in brackets or not.
pub(crate) fn address(text: &str) -> Option<String> {
    let text = text.rsplit_once(';').map_or(text, |(_, address)| address).trim();
    let text = text.rsplit_once('<').map_or(text, |(_, inner)| inner.split('>').next().unwrap_or_default()).trim();
    let is_one =
        text.len() <= 320 && text.contains('@') && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    is_one.then(|| text.to_owned())
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
        assert_eq!(message_id(" <a1@mail.example> ").as_deref(), Some("a1@mail.example"));
        assert_eq!(message_id("nothing"), None);
    }
}
