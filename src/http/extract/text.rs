//! Checks texts of people, each at the JSON pointer of its member: every text has a longest length and visible characters, and none that change how it reads.
//! Texts are kept in Unicode's normal form C, so that what looks the same is the same.

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::{
    domain::{MAX_ADDRESS_CHARS, Place},
    http::error::Problem,
};

/// The longest name, phone number or plate, in characters.
pub(in crate::http) const NAME_MAX: usize = 100;
/// The longest note or reason, in characters.
pub(in crate::http) const NOTE_MAX: usize = 500;
/// The longest e-mail address, in characters (RFC 5321, 4.5.3.1).
const EMAIL_MAX: usize = 254;
/// The longest payment method, in characters.
const METHOD_MAX: usize = 128;

/// A text of at most `max` characters.
pub(in crate::http) fn at_most(at: &str, text: &str, max: usize) -> Result<(), Problem> {
    let chars = text.chars().count();
    if chars > max {
        return Err(Problem::at(at, format_args!("must be at most {max} characters, got {chars}")));
    }
    Ok(())
}

/// A text that people are shown in one line: a name, a phone number, a plate, an address. It has something to see.
pub(in crate::http) fn line(at: &str, text: &str, max: usize) -> Result<String, Problem> {
    visible(at, normal(at, text, max, false)?, max)
}

fn visible(at: &str, text: String, max: usize) -> Result<String, Problem> {
    if !text.chars().any(is_visible) {
        return Err(Problem::at(at, format_args!("must be 1 to {max} characters, at least one of them visible")));
    }
    Ok(text)
}

/// An e-mail address: one `@` with something before and behind it, and no blanks. Whether it is anybody's address, only a
/// message to it shows.
pub(in crate::http) fn email(at: &str, text: &str) -> Result<String, Problem> {
    let address = line(at, text, EMAIL_MAX)?;
    let is_one = match address.split_once('@') {
        Some((mailbox, host)) => !mailbox.is_empty() && !host.is_empty() && !host.contains('@'),
        None => false,
    };
    if !is_one || address.chars().any(char::is_whitespace) {
        return Err(Problem::at(at, "must be like name@example.com, without blanks"));
    }
    Ok(address)
}

/// A text that may have several lines, or none: a note, a reason.
pub(in crate::http) fn lines(at: &str, text: &str, max: usize) -> Result<String, Problem> {
    normal(at, text, max, true)
}

/// A text that may have several lines, and has something to see: a reason that must be given.
pub(in crate::http) fn said(at: &str, text: &str, max: usize) -> Result<String, Problem> {
    visible(at, normal(at, text, max, true)?, max)
}

/// The place with its address as a line that people are shown.
pub(in crate::http) fn place(at: &str, place: Place) -> Result<Place, Problem> {
    let Some(address) = place.address() else { return Ok(place) };
    let address = normal(&format!("{at}/address"), address, MAX_ADDRESS_CHARS, false)?;
    Place::new(place.position(), Some(address)).map_err(|error| Problem::invalid(format!("{at}{error}")))
}

/// A payment method: 1 to 128 visible ASCII characters. It is not repeated in the refusal.
pub(in crate::http) fn method(at: &str, text: &str) -> Result<(), Problem> {
    if !(1..=METHOD_MAX).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::at(at, format_args!("must be 1 to {METHOD_MAX} visible ASCII characters")));
    }
    Ok(())
}

fn normal(at: &str, text: &str, max: usize, several_lines: bool) -> Result<String, Problem> {
    at_most(at, text, max)?;
    if let Some(wrong) = text.chars().find(|letter| is_refused(*letter, several_lines)) {
        let what = if is_direction(wrong) { "changes the direction of writing" } else { "is a control character" };
        let code = u32::from(wrong);
        return Err(Problem::at(at, format_args!("must not contain the character U+{code:04X}, which {what}")));
    }
    Ok(ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned())
}

fn is_refused(letter: char, several_lines: bool) -> bool {
    let breaks_line = matches!(letter, '\n' | '\r' | '\t');
    (letter.is_control() && !(several_lines && breaks_line))
        || is_direction(letter)
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}')
}

/// Whether a character is one of those that turn the text around them (Unicode, Bidi_Control): with one, a name
/// rewrites the message that it is filled into.
fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether there is something to see of a character: it is no blank, and none that is shown
/// as nothing (Unicode, Default_Ignorable_Code_Point).
fn is_visible(letter: char) -> bool {
    let ignorable = matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    !letter.is_whitespace() && !ignorable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(at_most("note", &"가".repeat(500), NOTE_MAX).is_ok());
        let problem = at_most("note", &"가".repeat(501), NOTE_MAX).expect_err("too long");
        assert!(problem.detail().contains("note") && problem.detail().contains("501"), "{problem}");
    }

    #[test]
    fn a_line_is_visible_and_in_normal_form() {
        for good in ["김기사", "Zoë", "محمد", "👨‍👩‍👧", "क्ष"] {
            assert_eq!(line("name", good, NAME_MAX).ok().as_deref(), Some(good));
        }
        assert_eq!(line("name", "Zoe\u{308}", NAME_MAX).ok().as_deref(), Some("Zoë"));
        assert_eq!(line("name", "\u{1100}\u{1161}", NAME_MAX).ok().as_deref(), Some("가"));
        for bad in [
            "",
            "  ",
            "a\u{0}b",
            "a\nb",
            "\u{200b}",
            "\u{3164}",
            "\u{2060}\u{fe0f}",
            "Kim\u{202e}",
            "\u{2066}Kim",
            "a\u{2028}b",
        ] {
            let problem = line("/name", bad, NAME_MAX).expect_err("a refusal");
            assert!(problem.detail().starts_with("/name: must "), "{bad:?}: {problem}");
        }
    }

    #[test]
    fn a_note_may_have_several_lines_and_be_empty() {
        for good in ["", "gate 4711\nring twice", "a\r\n\tb"] {
            assert_eq!(lines("note", good, NOTE_MAX).ok().as_deref(), Some(good));
        }
        for bad in ["a\u{7}", "a\u{202e}b", "a\u{2029}b"] {
            assert!(lines("note", bad, NOTE_MAX).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_has_one_at_sign_and_no_blanks() {
        for good in ["mina@example.com", "미나@예시.한국", "a+b@localhost"] {
            assert_eq!(email("email", good).ok().as_deref(), Some(good));
        }
        for bad in ["", "mina", "@example.com", "mina@", "a@b@c", "mi na@example.com", "a@b\u{202e}", "a@b\n"] {
            let problem = email("/email", bad).expect_err("a refusal");
            assert!(problem.detail().starts_with("/email: must "), "{bad:?}: {problem}");
        }
    }

    #[test]
    fn a_method_is_ascii() {
        assert!(method("method", "tok_ok").is_ok());
        for bad in ["", "a b", "é", &"x".repeat(129)] {
            assert!(method("method", bad).is_err(), "{bad:?}");
        }
    }
}
