//! Colours as mails write them, and how well one is read on another.

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

/// What is read with ease: WCAG 2, level AA.
pub(super) const CONTRAST_MIN: f64 = 4.5;

/// Names that mails use; others are not judged.
const NAMES: [(&str, Rgb); 8] = [
    ("black", [0, 0, 0]),
    ("white", [255, 255, 255]),
    ("gray", [128, 128, 128]),
    ("grey", [128, 128, 128]),
    ("silver", [192, 192, 192]),
    ("red", [255, 0, 0]),
    ("navy", [0, 0, 128]),
    ("yellow", [255, 255, 0]),
];

/// `#rgb`, `#rrggbb`, `rgb(1, 2, 3)` or a name; none for anything else, what is seen through included.
pub(super) fn colour(text: &str) -> Option<Rgb> {
    let text = text.trim().to_ascii_lowercase();
    if let Some(digits) = text.strip_prefix('#') {
        let value = |from: usize, to: usize| u8::from_str_radix(digits.get(from..to)?, 16).ok();
        return match digits.len() {
            6 => Some([value(0, 2)?, value(2, 4)?, value(4, 6)?]),
            3 => Some([value(0, 1)? * 17, value(1, 2)? * 17, value(2, 3)? * 17]),
            _ => None,
        };
    }
    if let Some(inside) = text.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')) {
        let parts: Vec<u8> = inside.split(',').map_while(|part| part.trim().parse().ok()).collect();
        return <Rgb>::try_from(parts).ok();
    }
    NAMES.iter().find(|(name, _)| *name == text).map(|(_, rgb)| *rgb)
}

/// The colour in a `background`, which may say more.
pub(super) fn in_background(value: &str) -> Option<Rgb> {
    colour(value).or_else(|| value.split_whitespace().find_map(colour))
}

/// 1 for the same colour, 21 for black on white.
pub(super) fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(rgb: Rgb) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_as_they_are_written() {
        for (text, rgb) in [
            ("#FFF", Some([255, 255, 255])),
            (" #0b5c8a", Some([11, 92, 138])),
            ("rgb(1, 2, 3)", Some([1, 2, 3])),
            ("White", Some([255, 255, 255])),
            ("rgba(0,0,0,.5)", None),
            ("rgb(1,2)", None),
            ("#12é4", None),
            ("transparent", None),
        ] {
            assert_eq!(colour(text), rgb, "{text}");
        }
        assert_eq!(in_background("url(https://a.example/x.png) no-repeat #000"), Some([0, 0, 0]));
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert!((contrast([0, 0, 0], [255, 255, 255]) - 21.0).abs() < 0.01);
        assert!((contrast([9, 9, 9], [9, 9, 9]) - 1.0).abs() < 0.01);
        // The lightest grey on white that passes.
        assert!(contrast([118, 118, 118], [255, 255, 255]) > CONTRAST_MIN);
        assert!(contrast([119, 119, 119], [255, 255, 255]) < CONTRAST_MIN);
    }
}
