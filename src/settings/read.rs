//! From a tree to a typed value, finding every problem on the way. The shape says what is wrong with names, types and
//! ranges; a type that reads text of its own (an address, a currency) says what is wrong with that. A value that is
//! wrong is reported and its default taken, so that one mistake does not hide the next.

use std::{cmp::Reverse, collections::HashSet};

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use utoipa::ToSchema;

use super::{
    Finding, Shape, Table,
    problem::{Origin, Problem},
    tree::{Body, Node, Step, dotted},
};

/// A section as it was read, with everything that is wrong with it.
#[derive(Debug)]
pub struct Reading<T> {
    /// The value; `None` when something required is missing or wrong.
    pub value: Option<T>,
    /// The keys that were wrong.
    wrong: HashSet<String>,
}

/// Reads a `T` and adds what is wrong to `problems`. In the place of a wrong value comes that of `defaults`.
pub fn read<T: DeserializeOwned + ToSchema>(
    root: &mut Node,
    defaults: Option<&Node>,
    problems: &mut Vec<Problem>,
) -> Reading<T> {
    let mut reader = Reader { problems, wrong: HashSet::new(), lacks: false };
    reader.node(root, &Shape::of::<T>(), defaults);
    let value = reader.deserialize(root, defaults);
    Reading { value, wrong: reader.wrong }
}

impl<T> Reading<T> {
    /// Adds `findings` to `problems`, each at the key of the latest layer among its keys: what was written last is what
    /// made the contradiction. `layer` says how late an origin is read. Says nothing of a finding that builds on a key that
    /// was wrong in the first place.
    pub fn place(
        &self,
        root: &Node,
        findings: Vec<Finding>,
        layer: impl Fn(&Origin) -> usize,
        problems: &mut Vec<Problem>,
    ) {
        for Finding { keys, message } in findings {
            if keys.iter().any(|key| self.wrong.contains(key)) {
                continue;
            }
            let placed = keys.into_iter().map(|key| (root.origin_of(&key), key));
            // Of several in one layer the first.
            if let Some((origin, key)) = placed.min_by_key(|(origin, _)| Reverse(layer(origin))) {
                problems.push(Problem { origin, key, message });
            }
        }
    }
}

struct Reader<'a> {
    problems: &'a mut Vec<Problem>,
    wrong: HashSet<String>,
    /// Whether something has neither a good value nor a default.
    lacks: bool,
}

impl Reader<'_> {
    /// Checks a node, in place: text of the environment becomes what is wanted there. False: it is no good.
    fn node(&mut self, node: &mut Node, shape: &Shape, defaults: Option<&Node>) -> bool {
        if let Body::Text(text) = &node.body {
            node.body = match shape {
                Shape::List(_) => Body::List(listed(text, node)),
                _ => Body::Value(typed(text, shape)),
            };
        }
        match (shape, &mut node.body) {
            (Shape::Table(table), Body::Table(_)) => {
                self.table(node, table, defaults);
                true
            }
            (Shape::Map(each), Body::Table(children)) => {
                for child in children.values_mut() {
                    self.lacks |= !self.node(child, each, None);
                }
                true
            }
            (Shape::Tagged { tag, tables }, Body::Table(_)) => {
                self.tagged(node, tag, tables);
                true
            }
            (Shape::List(each), Body::List(items)) => {
                for item in items {
                    self.lacks |= !self.node(item, each, None);
                }
                true
            }
            (Shape::Unknown, _) => true,
            _ => self.scalar(node, shape),
        }
    }

    fn table(&mut self, node: &mut Node, table: &Table, defaults: Option<&Node>) {
        let Body::Table(children) = &mut node.body else { return };
        let unknown: Vec<_> = children.extract_if(.., |key, _| table.field(key).is_none()).collect();
        for (_, child) in unknown {
            self.report(child.origin, child.key, unknown_key(table));
        }
        for (key, field) in &table.fields {
            let default = defaults.and_then(|defaults| defaults.child(&Step::Key(key.clone())));
            match children.get_mut(key) {
                None if field.is_required => {
                    self.lacks = true;
                    self.report(node.origin.clone(), dotted(&node.key, key), "is required and missing".to_owned());
                }
                None => {}
                Some(child) => {
                    let is_good = match field.is_secret && !is_of_texts(child, &field.shape) {
                        true => self.hidden(child, &field.shape),
                        false => self.node(child, &field.shape, default),
                    };
                    if is_good {
                        continue;
                    }
                    match default {
                        Some(default) => drop(children.insert(key.clone(), default.clone())),
                        None => drop(children.remove(key)),
                    }
                    self.lacks |= field.is_required;
                }
            }
        }
    }

    fn tagged(&mut self, node: &mut Node, tag: &str, tables: &[(String, Table)]) {
        let tag_step = [Step::Key(tag.to_owned())];
        let Some(chosen) = node.remove(&tag_step) else {
            self.lacks = true;
            return self.report(node.origin.clone(), dotted(&node.key, tag), "is required and missing".to_owned());
        };
        match tables.iter().find(|(name, _)| chosen.text() == Some(name.as_str())) {
            Some((_, table)) => self.table(node, table, None),
            None => {
                let choices = Shape::Choice(tables.iter().map(|(name, _)| name.clone()).collect());
                self.lacks = true;
                self.report(chosen.origin.clone(), chosen.key.clone(), wanted(&choices, &chosen));
            }
        }
        node.insert(tag, chosen);
    }

    /// Reports a secret that is no text, or a list of them that is none, and does not repeat it.
    fn hidden(&mut self, node: &Node, shape: &Shape) -> bool {
        let right = if matches!(shape, Shape::List(_)) { "a list of texts in quotes" } else { "text in quotes" };
        self.report(node.origin.clone(), node.key.clone(), format!("must be {right}"));
        false
    }

    fn scalar(&mut self, node: &Node, shape: &Shape) -> bool {
        let is_good = match (&node.body, shape) {
            (Body::Value(toml::Value::String(_)), Shape::Text)
            | (Body::Value(toml::Value::Boolean(_)), Shape::Truth) => true,
            (Body::Value(toml::Value::String(text)), Shape::Choice(choices)) => choices.contains(text),
            (Body::Value(toml::Value::Integer(number)), Shape::Whole { min, max }) => (min..=max).contains(&number),
            (Body::Value(value), Shape::Number { min, above_min, max }) => {
                number(value).is_some_and(|value| (*min..=*max).contains(&value) && !(*above_min && value <= *min))
            }
            _ => false,
        };
        if !is_good {
            self.report(node.origin.clone(), node.key.clone(), wanted(shape, node));
        }
        is_good
    }

    /// The value, once names, types and ranges are right.
    fn deserialize<T: DeserializeOwned>(&mut self, root: &mut Node, defaults: Option<&Node>) -> Option<T> {
        if self.lacks {
            return None;
        }
        loop {
            let error = match serde_path_to_error::deserialize(root.to_toml()) {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            let mut steps: Vec<_> = error.path().iter().map_while(step).collect();
            let message = error.inner().message().trim().to_owned();
            let Some(node) = root.at(&steps).filter(|_| !steps.is_empty()) else {
                self.report(root.origin.clone(), String::new(), message);
                return None;
            };
            self.report(node.origin.clone(), node.key.clone(), message);
            // A list with a wrong element is wrong as a whole.
            let in_a_list = steps.iter().rev().take_while(|step| matches!(step, Step::Index(_))).count();
            steps.truncate(steps.len() - in_a_list);
            root.remove(&steps);
            let default = defaults.and_then(|root| root.at(&steps));
            let (Some(default), Some((Step::Key(key), parents))) = (default, steps.split_last()) else { return None };
            if let Some(parent) = root.at_mut(parents) {
                parent.insert(key, default.clone());
            }
        }
    }

    fn report(&mut self, origin: Origin, key: String, message: String) {
        self.wrong.insert(key.clone());
        self.problems.push(Problem { origin, key, message });
    }
}

/// Whether a secret is a text, or a list of secrets has texts only. A variable of the environment is a list with commas.
fn is_of_texts(node: &Node, shape: &Shape) -> bool {
    match (shape, &node.body) {
        (Shape::List(_), Body::List(items)) => items.iter().all(|item| item.text().is_some()),
        (Shape::List(_), body) => matches!(body, Body::Text(_)),
        _ => node.text().is_some(),
    }
}

fn step(segment: &Segment) -> Option<Step> {
    match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

/// The text of an environment variable as a list: its items are between commas.
fn listed(text: &str, node: &Node) -> Vec<Node> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty()).enumerate();
    let item = |(at, item): (usize, &str)| {
        let (key, body) = (format!("{}[{at}]", node.key), Body::Text(item.to_owned()));
        Node { key, origin: node.origin.clone(), body }
    };
    items.map(item).collect()
}

/// The text of an environment variable as what is wanted, if it can be.
fn typed(text: &str, shape: &Shape) -> toml::Value {
    let read = match shape {
        Shape::Whole { .. } => text.trim().parse().ok().map(toml::Value::Integer),
        Shape::Number { .. } => text.trim().parse().ok().map(toml::Value::Float),
        Shape::Truth => text.trim().parse().ok().map(toml::Value::Boolean),
        _ => None,
    };
    read.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

fn number(value: &toml::Value) -> Option<f64> {
    match value {
        toml::Value::Float(number) => Some(*number),
        #[expect(clippy::cast_precision_loss, reason = "what is compared has bounds far below 2^52")]
        toml::Value::Integer(number) => Some(*number as f64),
        _ => None,
    }
}

fn unknown_key(table: &Table) -> String {
    let known: Vec<_> = table.fields.iter().map(|(key, _)| key.as_str()).collect();
    format!("unknown key; known here: {}", known.join(", "))
}

/// The message that `shape` was expected, and `node` found.
fn wanted(shape: &Shape, node: &Node) -> String {
    let is_number = matches!(
        (&node.body, shape),
        (Body::Value(toml::Value::Integer(_)), Shape::Whole { .. } | Shape::Number { .. })
            | (Body::Value(toml::Value::Float(_)), Shape::Number { .. })
    );
    let is_choice = matches!((&node.body, shape), (Body::Value(toml::Value::String(_)), Shape::Choice(_)));
    let got = match &node.body {
        Body::Value(toml::Value::String(text)) if is_choice => format!("{text:?}"),
        Body::Value(toml::Value::String(text)) | Body::Text(text) => format!("string {text:?}"),
        Body::Value(toml::Value::Integer(number)) if is_number => number.to_string(),
        Body::Value(toml::Value::Float(number)) if is_number => number.to_string(),
        Body::Value(toml::Value::Integer(number)) => format!("integer {number}"),
        Body::Value(toml::Value::Float(number)) => format!("floating point {number:?}"),
        Body::Value(toml::Value::Boolean(truth)) => format!("boolean {truth}"),
        Body::Value(toml::Value::Datetime(time)) => format!("time {time}"),
        Body::Value(toml::Value::Array(_)) | Body::List(_) => "a list".to_owned(),
        Body::Value(toml::Value::Table(_)) | Body::Table(_) => "a table".to_owned(),
    };
    format!("must be {}{}, got {got}", if is_number { "" } else { kind(shape) }, range(shape))
}

/// The type that `shape` wants, in front of its range.
fn kind(shape: &Shape) -> &'static str {
    match shape {
        Shape::Table(_) | Shape::Map(_) | Shape::Tagged { .. } => "a table",
        Shape::List(_) => "a list",
        Shape::Text => "text in quotes",
        Shape::Whole { max: i64::MAX, .. } => "a whole number, ",
        Shape::Whole { .. } => "a whole number from ",
        Shape::Number { above_min: true, .. } => "a number ",
        Shape::Number { .. } => "a number from ",
        Shape::Truth => "true or false",
        Shape::Choice(_) | Shape::Unknown => "",
    }
}

/// The values that `shape` permits, in words; empty when its type says it all.
pub(super) fn range(shape: &Shape) -> String {
    match shape {
        Shape::Choice(choices) => format!("one of {}", choices.join(", ")),
        Shape::Whole { min, max: i64::MAX } => format!("{min} or more"),
        Shape::Whole { min, max } => format!("{min} to {max}"),
        Shape::Number { min, above_min: true, max } => format!("above {min} and at most {max}"),
        Shape::Number { min, max, .. } => format!("{min} to {max}"),
        _ => String::new(),
    }
}
