//! Describes a mistake in a JSON text of a client: its place as a JSON pointer (RFC 6901), the expected and the found
//! value. The words are callout's own: names of Rust's types and of its libraries mean nothing to a client.

use serde_json::{Value, error::Category};
use serde_path_to_error::{Path, Segment};

use crate::settings::{Shape, Table};

/// Why a text is no JSON at all.
pub(in crate::http) fn with_the_text(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let said = error.to_string();
    let what = match error.classify() {
        Category::Eof => "ends too early",
        _ if said.starts_with("number out of range") => "has a number that is too large",
        _ if said.starts_with("recursion limit") => "is nested too deeply",
        _ if said.starts_with("trailing characters") => "goes on after its end",
        _ => "is not JSON",
    };
    format!("{what} (line {line}, column {column})")
}

/// The first thing that is wrong with a value's members and types, if anything is. `whole` is what the value is called.
pub(in crate::http) fn with_the_value(whole: &str, value: &Value, shape: &Shape) -> Option<String> {
    Search { whole }.visit(&mut String::new(), value, shape)
}

/// Why a value whose members and types are right is refused all the same: in the words of the type that refused it.
pub(in crate::http) fn with_a_member(whole: &str, path: &Path, error: &serde_json::Error) -> String {
    let at: String = path.iter().map(pointed).collect();
    let at = if at.is_empty() { whole } else { &at };
    let said = error.to_string();
    // Where the text is, is said by the pointer.
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    if let Some(name) = said.strip_prefix("duplicate field `").and_then(|rest| rest.strip_suffix('`')) {
        return format!("{at}: the member {name:?} is given twice; give it once");
    }
    if is_a_librarys(said) {
        return format!("{at}: it is not what is expected there");
    }
    // A type that names the member itself goes on with the pointer.
    if said.starts_with('/') {
        return format!("{at}{said}");
    }
    format!("{at}: {said}")
}

/// Whether a message is one of serde's or serde_json's, which name types of Rust.
fn is_a_librarys(said: &str) -> bool {
    const BEGINNINGS: [&str; 8] = [
        "invalid type",
        "invalid value",
        "invalid length",
        "unknown field",
        "unknown variant",
        "missing field",
        "data did not match",
        "expected ",
    ];
    BEGINNINGS.iter().any(|beginning| said.starts_with(beginning))
}

fn pointed(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } | Segment::Enum { variant: key } => format!("/{}", escaped(key)),
        Segment::Unknown => String::new(),
    }
}

/// A name as a JSON pointer has it (RFC 6901, 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

struct Search<'a> {
    whole: &'a str,
}

impl Search<'_> {
    fn visit(&self, at: &mut String, value: &Value, shape: &Shape) -> Option<String> {
        match (shape, value) {
            (Shape::Unknown | Shape::Tagged { .. }, _)
            | (Shape::Text, Value::String(_))
            | (Shape::Truth, Value::Bool(_)) => None,
            (Shape::Table(table), Value::Object(members)) => self.table(at, members, table),
            (Shape::Map(each), Value::Object(members)) => {
                members.iter().find_map(|(name, member)| self.within(at, &escaped(name), member, each))
            }
            (Shape::List(each), Value::Array(items)) => {
                items.iter().enumerate().find_map(|(index, item)| self.within(at, &index.to_string(), item, each))
            }
            (Shape::Choice(choices), Value::String(text)) if choices.contains(text) => None,
            (Shape::Whole { min, max }, Value::Number(number))
                if number.as_i64().is_some_and(|number| (min..=max).contains(&&number)) =>
            {
                None
            }
            (Shape::Number { min, above_min, max }, Value::Number(number))
                if number
                    .as_f64()
                    .is_some_and(|number| (*min..=*max).contains(&number) && !(*above_min && number <= *min)) =>
            {
                None
            }
            _ => Some(format!("{}: must be {}, got {}", self.named(at), wanted(shape), shown(value))),
        }
    }

    fn table(&self, at: &mut String, members: &serde_json::Map<String, Value>, table: &Table) -> Option<String> {
        if let Some(unknown) = members.keys().find(|name| table.field(name).is_none()) {
            let known: Vec<&str> = table.fields.iter().map(|(name, _)| name.as_str()).collect();
            let right = match known.as_slice() {
                [] => "no members are allowed here".to_owned(),
                known => format!("the members are {}", known.join(", ")),
            };
            return Some(format!("{at}/{}: there is no such member; {right}", escaped(unknown)));
        }
        table.fields.iter().find_map(|(name, field)| match members.get(name) {
            None if field.is_required => {
                Some(format!("{at}/{}: is required and missing; it must be {}", escaped(name), wanted(&field.shape)))
            }
            None => None,
            Some(Value::Null) if !field.is_required => None,
            Some(member) => self.within(at, &escaped(name), member, &field.shape),
        })
    }

    fn within(&self, at: &mut String, name: &str, value: &Value, shape: &Shape) -> Option<String> {
        let before = at.len();
        at.push('/');
        at.push_str(name);
        let wrong = self.visit(at, value, shape);
        at.truncate(before);
        wrong
    }

    fn named<'a>(&'a self, at: &'a str) -> &'a str {
        if at.is_empty() { self.whole } else { at }
    }
}

/// The expected value, in words.
fn wanted(shape: &Shape) -> String {
    match shape {
        Shape::Table(_) | Shape::Map(_) | Shape::Tagged { .. } => "an object".to_owned(),
        Shape::List(_) => "a list".to_owned(),
        Shape::Text => "a text".to_owned(),
        Shape::Truth => "true or false".to_owned(),
        Shape::Choice(choices) => format!("one of {}", choices.join(", ")),
        Shape::Whole { min, max: i64::MAX } => format!("a whole number of at least {min}"),
        Shape::Whole { min, max } => format!("a whole number from {min} to {max}"),
        Shape::Number { min, above_min: true, max } => format!("a number above {min}, at most {max}"),
        Shape::Number { min, above_min: false, max } => format!("a number from {min} to {max}"),
        Shape::Unknown => "given".to_owned(),
    }
}

/// The found value, shortened.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 40;
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.chars().count() > LONGEST => {
            format!("the text {:?}…", text.chars().take(LONGEST).collect::<String>())
        }
        Value::String(text) => format!("the text {text:?}"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
