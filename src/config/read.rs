//! From a tree to a typed value, finding every problem on the way: what cannot be read is reported, taken out, and
//! reading starts again, so that one mistake does not hide the next. Checks types and names, not ranges.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::{
    problem::{Origin, Problem},
    tree::{Body, Node, STAND_INS, Step, dotted},
};

/// What reading gave.
pub(super) struct Read<T> {
    /// The value; what had to be taken out has its default. `None` when something required is missing.
    pub value: Option<T>,
    /// The keys that were wrong.
    pub wrong: HashSet<String>,
}

/// Reads a `T` and adds what is wrong to `problems`. In the place of a wrong value comes that of `defaults`.
pub(super) fn read<T: DeserializeOwned>(
    root: &mut Node,
    defaults: Option<&Node>,
    problems: &mut Vec<Problem>,
) -> Read<T> {
    let mut repair = Repair { root, defaults, problems, wrong: HashSet::new() };
    loop {
        match serde_path_to_error::deserialize(repair.root.to_toml()) {
            Ok(value) => {
                let value = (!repair.root.has_stand_in()).then_some(value);
                return Read { value, wrong: repair.wrong };
            }
            Err(error) => {
                let steps =
                    repair.narrow(repair.locate(error.path(), error.inner().message()), error.inner().message());
                if !repair.once(steps, error.inner().message()) {
                    return Read { value: None, wrong: repair.wrong };
                }
            }
        }
    }
}

struct Repair<'a> {
    root: &'a mut Node,
    defaults: Option<&'a Node>,
    problems: &'a mut Vec<Problem>,
    wrong: HashSet<String>,
}

impl Repair<'_> {
    /// The steps to the node that an error is about.
    fn locate(&self, path: &serde_path_to_error::Path, message: &str) -> Vec<Step> {
        let (mut node, mut steps) = (&*self.root, Vec::new());
        // Inside tagged enums serde loses the way; an unknown key is still named in the message.
        let named = quoted(message, "unknown field").map(|key| Step::Key(key.to_owned()));
        for step in path.iter().filter_map(step).chain(named) {
            let Some(child) = node.child(&step) else { continue };
            node = child;
            steps.push(step);
        }
        steps
    }

    /// Leads on to the value that an error in a table quotes, if only one is the like: inside tagged enums serde loses the way.
    fn narrow(&self, mut steps: Vec<Step>, message: &str) -> Vec<Step> {
        let node = steps.iter().try_fold(&*self.root, |node, step| node.child(step));
        if let (Some(Body::Table(table)), Some((got, _))) = (node.map(|node| &node.body), got_and_expected(message)) {
            let mut alike = table.iter().filter(|(_, child)| child.quoted().as_deref() == Some(got));
            if let (Some((key, _)), None) = (alike.next(), alike.next()) {
                steps.push(Step::Key(key.clone()));
            }
        }
        steps
    }

    /// Reports one error and changes the tree so that it cannot come again. False: nothing more can be read.
    fn once(&mut self, mut steps: Vec<Step>, message: &str) -> bool {
        if let Some(key) = quoted(message, "missing field") {
            return self.stand_in(&steps, key, message);
        }
        let Some(node) = self.root.at_mut(&steps) else { return false };
        match &mut node.body {
            Body::Text(text) if message.starts_with("invalid type: string") => {
                if let Some(value) = number_or_truth(text) {
                    node.body = Body::Value(value);
                    return true;
                }
            }
            Body::StandIn(choice) if *choice + 1 < STAND_INS => {
                *choice += 1;
                return true;
            }
            Body::StandIn(_) => drop(steps.pop()),
            _ => {}
        }
        self.take_out(&steps, message)
    }

    fn take_out(&mut self, steps: &[Step], message: &str) -> bool {
        let Some(node) = self.root.remove(steps) else {
            if !self.root.has_stand_in() {
                self.report(self.root.origin.clone(), String::new(), explain(message));
            }
            return false;
        };
        self.wrong.insert(node.key.clone());
        if !node.has_stand_in() {
            self.report(node.origin, node.key, explain(message));
        }
        self.restore(steps);
        true
    }

    fn restore(&mut self, steps: &[Step]) {
        let default = self.defaults.and_then(|root| steps.iter().try_fold(root, |node, step| node.child(step)));
        if let (Some(default), Some((Step::Key(key), parents))) = (default, steps.split_last())
            && let Some(Body::Table(table)) = self.root.at_mut(parents).map(|node| &mut node.body)
        {
            table.insert(key.clone(), default.clone());
        }
    }

    /// Puts something in the place of a missing key, so that the rest can be read.
    fn stand_in(&mut self, steps: &[Step], key: &str, message: &str) -> bool {
        let Some(parent) = self.root.at_mut(steps) else { return false };
        let label = dotted(&parent.key, key);
        let origin = parent.origin.clone();
        let node = Node { key: label.clone(), origin: origin.clone(), body: Body::StandIn(0) };
        match &mut parent.body {
            Body::Table(table) => drop(table.insert(key.to_owned(), node)),
            Body::StandIn(choice) if *choice + 1 < STAND_INS => {
                *choice += 1;
                return true;
            }
            Body::StandIn(_) => return self.take_out(&steps[..steps.len().saturating_sub(1)], message),
            _ => return self.take_out(steps, message),
        }
        // A key that was there and wrong has been reported.
        if self.wrong.insert(label.clone()) {
            self.report(origin, label, "is required and missing".to_owned());
        }
        true
    }

    fn report(&mut self, origin: Origin, key: String, message: String) {
        self.problems.push(Problem { origin, key, message });
    }
}

fn step(segment: &Segment) -> Option<Step> {
    match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } | Segment::Enum { variant: key } => Some(Step::Key(key.clone())),
        Segment::Unknown => None,
    }
}

/// The name in a message like "unknown field `name`, …".
fn quoted<'a>(message: &'a str, what: &str) -> Option<&'a str> {
    message.strip_prefix(what)?.strip_prefix(" `")?.split('`').next()
}

/// An environment variable's text as something other than text.
fn number_or_truth(text: &str) -> Option<toml::Value> {
    let value: toml::Value = text.trim().parse().ok()?;
    matches!(value, toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_)).then_some(value)
}

/// Serde's message in this project's words.
fn explain(message: &str) -> String {
    let message = message.trim();
    for what in ["unknown field", "unknown variant"] {
        if let (Some(name), Some((_, known))) = (quoted(message, what), message.split_once(", expected ")) {
            let known = known.trim_start_matches("one of ").replace('`', "");
            return match what {
                "unknown field" => format!("unknown key; known here: {known}"),
                _ => format!("must be one of {known}, got {name:?}"),
            };
        }
        if quoted(message, what).is_some() {
            return "unknown key; none is known here".to_owned();
        }
    }
    let Some((got, expected)) = got_and_expected(message) else { return message.to_owned() };
    format!("must be {}, got {}", in_words(expected), got.replace('`', ""))
}

/// The parts of a message like "invalid type: string "far", expected u32".
fn got_and_expected(message: &str) -> Option<(&str, &str)> {
    let rest = ["invalid type: ", "invalid value: "].iter().find_map(|start| message.trim().strip_prefix(start));
    rest?.rsplit_once(", expected ")
}

fn in_words(expected: &str) -> String {
    match expected {
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" => "a whole number from 0 to 4294967295".to_owned(),
        "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" => "text in quotes".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") || other == "a map" => "a table".to_owned(),
        other => other.replace('`', ""),
    }
}
