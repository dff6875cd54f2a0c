//! Reports: a table for people, JSON for programs, a page with plots that needs nothing else.

mod figures;
mod html;
mod markdown;
mod plot;
mod table;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::measure::Summary;

/// Prints the table.
///
/// # Errors
/// When nobody takes the output.
pub fn print(summary: &Summary) -> Result<()> {
    Ok(std::io::stdout().write_all(table::table(summary).as_bytes())?)
}

/// Prints a Markdown table of JSON reports, a line each.
///
/// # Errors
/// When one is no report, or nobody takes the output.
pub fn print_markdown(reports: &[PathBuf]) -> Result<()> {
    Ok(std::io::stdout().write_all(markdown::table(reports)?.as_bytes())?)
}

/// Prints the figures of JSON reports that are kept, a line of JSON each.
///
/// # Errors
/// When one is no report, or nobody takes the output.
pub fn print_figures(reports: &[PathBuf]) -> Result<()> {
    Ok(std::io::stdout().write_all(figures::lines(reports)?.as_bytes())?)
}

/// Writes `NAME.json` and `NAME.html` into a folder. Their paths.
///
/// # Errors
/// When they cannot be written.
pub fn write(summary: &Summary, folder: &Path) -> Result<Vec<String>> {
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {}", folder.display()))?;
    let json = (folder.join(format!("{}.json", summary.name)), serde_json::to_string_pretty(summary)? + "\n");
    let html = (folder.join(format!("{}.html", summary.name)), html::page(summary)?);
    let mut paths = Vec::new();
    for (path, text) in [json, html] {
        std::fs::write(&path, text).with_context(|| format!("the report {}", path.display()))?;
        paths.push(path.display().to_string());
    }
    Ok(paths)
}
