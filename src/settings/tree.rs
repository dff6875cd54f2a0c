//! Configuration values that know where they were written: a TOML tree in which every node has its origin, so that a
//! problem found after all layers are merged still names file and line. Knows nothing about what the keys mean.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use toml::de::{DeTable, DeValue};

use super::problem::{Origin, Problem};

/// A value, and the place where it was written.
#[derive(Debug, Clone)]
pub struct Node {
    /// The dotted key, as it was written: stays right when siblings are removed.
    pub key: String,
    /// Where it was written.
    pub origin: Origin,
    pub body: Body,
}

/// The content of a node.
#[derive(Debug, Clone)]
pub enum Body {
    Value(toml::Value),
    /// The text of an environment variable: a number or a truth as well, where one is wanted.
    Text(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

/// One step from a node to a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Key(String),
    Index(usize),
}

impl Node {
    pub fn table(key: impl Into<String>, origin: Origin) -> Self {
        Self { key: key.into(), origin, body: Body::Table(BTreeMap::new()) }
    }

    /// The tree of values that were written nowhere: defaults in code.
    pub fn of_defaults(key: &str, value: toml::Value) -> Self {
        let body = match value {
            toml::Value::Table(table) => Body::Table(
                table
                    .into_iter()
                    .map(|(name, value)| (name.clone(), Self::of_defaults(&dotted(key, &name), value)))
                    .collect(),
            ),
            toml::Value::Array(items) => Body::List(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| Self::of_defaults(&format!("{key}[{index}]"), item))
                    .collect(),
            ),
            value => Body::Value(value),
        };
        Self { key: key.to_owned(), origin: Origin::Default, body }
    }

    /// The tree of a TOML text, as far as it can be read.
    pub fn parse(text: &str, path: &Arc<Path>, problems: &mut Vec<Problem>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let source = Source { text, path };
        problems.extend(errors.iter().map(|error| Problem {
            origin: source.origin(error.span().map_or(0, |span| span.start)),
            key: String::new(),
            message: format!("not valid TOML: {}", error.message()),
        }));
        let mut root = Self::table("", Origin::File(Arc::clone(path), None));
        root.body = source.table("", table.get_ref(), problems);
        root
    }

    /// Lays `over` on top: tables merge key by key, anything else replaces what was there.
    pub fn merge(&mut self, over: Self) {
        let (Body::Table(below), true) = (&mut self.body, matches!(over.body, Body::Table(_))) else {
            *self = over;
            return;
        };
        let Body::Table(above) = over.body else { return };
        for (key, node) in above {
            match below.get_mut(&key) {
                Some(lower) => lower.merge(node),
                None => drop(below.insert(key, node)),
            }
        }
    }

    /// The child one step away.
    pub fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.body, step) {
            (Body::Table(table), Step::Key(key)) => table.get(key),
            (Body::List(list), Step::Index(index)) => list.get(*index),
            _ => None,
        }
    }

    /// The node at the end of `steps`.
    pub fn at(&self, steps: &[Step]) -> Option<&Self> {
        steps.iter().try_fold(self, |node, step| node.child(step))
    }

    /// The text that it is, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.body {
            Body::Value(toml::Value::String(text)) | Body::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Puts `child` into a table; anything else stays as it is.
    pub fn insert(&mut self, key: &str, child: Self) {
        if let Body::Table(table) = &mut self.body {
            table.insert(key.to_owned(), child);
        }
    }

    /// Where the dotted key `key` was written, or what leads to it was.
    pub fn origin_of(&self, key: &str) -> Origin {
        let mut node = self;
        for part in key.split('.') {
            match node.child(&Step::Key(part.to_owned())) {
                Some(child) => node = child,
                None => return Origin::Default,
            }
        }
        node.origin.clone()
    }

    /// The node at the end of `steps`, to change it.
    pub fn at_mut(&mut self, steps: &[Step]) -> Option<&mut Self> {
        steps.iter().try_fold(self, |node, step| match (&mut node.body, step) {
            (Body::Table(table), Step::Key(key)) => table.get_mut(key),
            (Body::List(list), Step::Index(index)) => list.get_mut(*index),
            _ => None,
        })
    }

    /// Takes the node at the end of `steps` out.
    pub fn remove(&mut self, steps: &[Step]) -> Option<Self> {
        let (last, parents) = steps.split_last()?;
        match (&mut self.at_mut(parents)?.body, last) {
            (Body::Table(table), Step::Key(key)) => table.remove(key),
            (Body::List(list), Step::Index(index)) if *index < list.len() => Some(list.remove(*index)),
            _ => None,
        }
    }

    pub fn to_toml(&self) -> toml::Value {
        match &self.body {
            Body::Value(value) => value.clone(),
            Body::Text(text) => toml::Value::String(text.clone()),
            Body::List(list) => toml::Value::Array(list.iter().map(Self::to_toml).collect()),
            Body::Table(table) => {
                toml::Value::Table(table.iter().map(|(key, node)| (key.clone(), node.to_toml())).collect())
            }
        }
    }
}

/// Appends a key to a dotted path.
pub fn dotted(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}

struct Source<'a> {
    text: &'a str,
    path: &'a Arc<Path>,
}

impl Source<'_> {
    fn origin(&self, offset: usize) -> Origin {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        Origin::File(Arc::clone(self.path), Some(1 + before.iter().filter(|byte| **byte == b'\n').count()))
    }

    fn table(&self, parent: &str, table: &DeTable<'_>, problems: &mut Vec<Problem>) -> Body {
        let nodes = table.iter().filter_map(|(key, value)| {
            let label = dotted(parent, key.get_ref());
            let node = self.node(label, self.origin(key.span().start), value.get_ref(), problems)?;
            Some((key.get_ref().to_string(), node))
        });
        Body::Table(nodes.collect())
    }

    fn node(&self, key: String, origin: Origin, value: &DeValue<'_>, problems: &mut Vec<Problem>) -> Option<Node> {
        let body = match value {
            DeValue::Table(table) => self.table(&key, table, problems),
            DeValue::Array(list) => Body::List(
                list.iter()
                    .enumerate()
                    .filter_map(|(index, item)| {
                        let origin = self.origin(item.span().start);
                        self.node(format!("{key}[{index}]"), origin, item.get_ref(), problems)
                    })
                    .collect(),
            ),
            scalar => match plain(scalar) {
                Some(value) => Body::Value(value),
                None => {
                    let message = "this number is too large".to_owned();
                    problems.push(Problem { origin, key, message });
                    return None;
                }
            },
        };
        Some(Node { key, origin, body })
    }
}

/// The value of a scalar, unless it is a number beyond 64 bits.
fn plain(value: &DeValue<'_>) -> Option<toml::Value> {
    Some(match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => toml::Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()?),
        DeValue::Float(number) => toml::Value::Float(number.as_str().parse().ok()?),
        DeValue::Boolean(truth) => toml::Value::Boolean(*truth),
        DeValue::Datetime(time) => toml::Value::Datetime(*time),
        DeValue::Array(_) | DeValue::Table(_) => return None,
    })
}
