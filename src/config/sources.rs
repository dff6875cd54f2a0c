//! Where configuration comes from: a folder, files, the environment. Reads files; understands none of it.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::env::{CONFIG_DIR, layer};
use crate::settings::{Node, Origin, Problem};

/// The folder that is used when `CALLOUT_CONFIG_DIR` names none.
const DEFAULT_DIR: &str = "config";

/// The sources to read; a later one replaces values of an earlier one: `<folder>/default.toml`,
/// `files` in order, `env`.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The folder of `default.toml` and `services/`. `None`: `config`, and nothing is missed when it is not there.
    pub dir: Option<PathBuf>,
    pub files: Vec<PathBuf>,
    /// Environment variables; those that do not begin with `CALLOUT_` are ignored.
    pub env: Vec<(OsString, OsString)>,
}

impl Sources {
    /// This process's environment, the folder it names, and `files`.
    #[must_use]
    pub fn of_process(files: Vec<PathBuf>) -> Self {
        Self { dir: env::var_os(CONFIG_DIR).map(PathBuf::from), files, env: env::vars_os().collect() }
    }

    /// The folder of `default.toml` and `services/`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.as_deref().unwrap_or(Path::new(DEFAULT_DIR))
    }

    /// The folder of the services' policies.
    #[must_use]
    pub fn services_dir(&self) -> PathBuf {
        self.dir().join("services")
    }

    /// The files that are read, in order.
    pub(super) fn present_files(&self) -> Vec<PathBuf> {
        let default = self.dir().join("default.toml");
        let expected = self.dir.is_some() || default.exists();
        expected.then_some(default).into_iter().chain(self.files.iter().cloned()).collect()
    }

    /// How late a value from there is read: of two values the one from the later layer counts.
    pub(super) fn layer_of(&self, origin: &Origin) -> usize {
        let place = |path: &Path| self.present_files().iter().rposition(|file| file == path).unwrap_or_default();
        match origin {
            Origin::Default => 0,
            Origin::File(path, _) => 1 + place(path),
            Origin::Env(_) => usize::MAX,
        }
    }

    /// All layers over `root`.
    pub(super) fn lay_over(&self, root: &mut Node, problems: &mut Vec<Problem>) {
        for file in self.present_files() {
            let file: Arc<Path> = file.into();
            match fs::read_to_string(&file) {
                Ok(text) => root.merge(Node::parse(&text, &file, problems)),
                Err(error) => problems.push(self.unreadable(&file, &error)),
            }
        }
        root.merge(layer(&self.env, problems));
    }

    fn unreadable(&self, file: &Arc<Path>, error: &std::io::Error) -> Problem {
        let named = match &self.dir {
            Some(dir) if file.parent() == Some(dir) => " (its folder is the one that CALLOUT_CONFIG_DIR names)",
            _ => "",
        };
        let message = format!("the file cannot be read: {error}{named}");
        Problem { origin: Origin::File(Arc::clone(file), None), key: String::new(), message }
    }
}
