//! Limits on what people write: every string that is taken in has one.

use super::error::Problem;

/// The longest name, phone number or plate, in characters.
pub(super) const NAME_MAX: usize = 100;
/// The longest note or reason, in characters.
pub(super) const NOTE_MAX: usize = 500;
/// The longest payment method, in characters.
const METHOD_MAX: usize = 128;

/// A text of at most `max` characters.
pub(super) fn at_most(field: &str, text: &str, max: usize) -> Result<(), Problem> {
    let chars = text.chars().count();
    if chars > max {
        return Err(Problem::invalid(format!("{field} must be at most {max} characters, got {chars}")));
    }
    Ok(())
}

/// A text that people are shown in lists: not empty, at most `max` characters, no control characters.
pub(super) fn name(field: &str, text: &str, max: usize) -> Result<(), Problem> {
    at_most(field, text, max)?;
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(Problem::invalid(format!(
            "{field} must be 1 to {max} characters, none of them control characters"
        )));
    }
    Ok(())
}

/// A payment method: 1 to 128 visible ASCII characters. It is not repeated in the refusal.
pub(super) fn method(field: &str, text: &str) -> Result<(), Problem> {
    if !(1..=METHOD_MAX).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::invalid(format!("{field} must be 1 to {METHOD_MAX} visible ASCII characters")));
    }
    Ok(())
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
    fn a_name_is_visible_and_a_method_is_ascii() {
        assert!(name("name", "김기사", NAME_MAX).is_ok());
        for bad in ["", "  ", "a\u{0}b"] {
            assert!(name("name", bad, NAME_MAX).is_err(), "{bad:?}");
        }
        assert!(method("method", "tok_ok").is_ok());
        for bad in ["", "a b", "é", &"x".repeat(129)] {
            assert!(method("method", bad).is_err(), "{bad:?}");
        }
    }
}
