//! Configuration values that know where they were written: a TOML tree in which every node has its origin, so that a
//! problem found after all layers are merged still names file and line. Knows nothing about what the keys mean.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use toml::de::{DeTable, DeValue};

use super::problem::{Origin, Problem};

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The dotted key, as it was written: stays right when siblings are removed.
    pub key: String,
    pub origin: Origin,
    pub body: Body,
}

#[derive(Debug, Clone)]
pub(super) enum Body {
    Value(toml::Value),
    /// An environment variable's text, whose type only the reader knows.
    Text(String),
    /// Takes the place of a required value that is missing; the number says which of [`STAND_INS`].
    StandIn(usize),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

/// One step from a node to a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// How many stand-ins there are.
pub(super) const STAND_INS: usize = 6;

impl Node {
    /// An empty table.
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

    /// Whether a stand-in is in it.
    pub fn has_stand_in(&self) -> bool {
        match &self.body {
            Body::StandIn(_) => true,
            Body::List(list) => list.iter().any(Self::has_stand_in),
            Body::Table(table) => table.values().any(Self::has_stand_in),
            Body::Value(_) | Body::Text(_) => false,
        }
    }

    /// A plain value as serde quotes it in its messages.
    pub fn quoted(&self) -> Option<String> {
        match self.to_toml() {
            toml::Value::String(text) => Some(format!("string {text:?}")),
            toml::Value::Integer(number) => Some(format!("integer `{number}`")),
            toml::Value::Float(number) => Some(format!("floating point `{number:?}`")),
            toml::Value::Boolean(truth) => Some(format!("boolean `{truth}`")),
            toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => None,
        }
    }

    /// The plain value.
    pub fn to_toml(&self) -> toml::Value {
        match &self.body {
            Body::Value(value) => value.clone(),
            Body::Text(text) => toml::Value::String(text.clone()),
            Body::StandIn(choice) => stand_in(*choice),
            Body::List(list) => toml::Value::Array(list.iter().map(Self::to_toml).collect()),
            Body::Table(table) => {
                toml::Value::Table(table.iter().map(|(key, node)| (key.clone(), node.to_toml())).collect())
            }
        }
    }
}

fn stand_in(choice: usize) -> toml::Value {
    match choice {
        0 => toml::Value::String("x".to_owned()),
        1 => toml::Value::Integer(1),
        2 => toml::Value::Float(0.5),
        3 => toml::Value::Boolean(false),
        4 => toml::Value::Array(Vec::new()),
        _ => toml::Value::Table(toml::Table::new()),
    }
}

/// Appends a key to a dotted path.
pub(super) fn dotted(parent: &str, key: &str) -> String {
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
