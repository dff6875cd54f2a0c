//! The page: the table and the plots in one file, without scripts and without anything from elsewhere.

use anyhow::Result;

use super::{plot, table};
use crate::measure::{Second, Summary};

/// Codes that get a line of their own; the rest is added up.
const CODES: usize = 6;

pub(super) fn page(summary: &Summary) -> Result<String> {
    let seconds = &summary.seconds;
    let line =
        |name: &str, value: fn(&Second) -> f64| (name.to_owned(), seconds.iter().map(value).collect::<Vec<f64>>());
    let throughput = plot::lines(
        "per second",
        &[
            line("requests", |second| second.requests as f64),
            line("lifecycles", |second| second.lifecycles as f64),
            line("positions", |second| second.positions as f64),
        ],
    )?;
    let latency =
        plot::lines("ms", &[line("p50", |s| s.p50_ms), line("p99", |s| s.p99_ms), line("max", |s| s.max_ms)])?;
    let errors = plot::lines("per second", &errors(seconds))?;
    let memory = memory(seconds)?;
    let (name, about) = (escaped(&summary.name), escaped(&summary.scenario.about));
    let (text, scenario) = (escaped(&table::table(summary)), escaped(&toml::to_string(&summary.scenario)?));
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title>\n\
         <style>body{{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}}\
         pre{{background:#f5f5f5;padding:1em;overflow-x:auto}}svg{{max-width:100%;height:auto}}</style>\n\
         <h1>{name}</h1><p>{about}</p>\n<pre>{text}</pre>\n\
         <h2>Throughput</h2>\n{throughput}\n<h2>Latency of requests, from the intended start</h2>\n{latency}\n\
         <h2>Refusals and failures by code</h2>\n{errors}\n{memory}<h2>The scenario</h2>\n<pre>{scenario}</pre>\n</html>\n"
    ))
}

/// The server's memory, when it is known.
fn memory(seconds: &[Second]) -> Result<String> {
    let known: Vec<f64> = seconds.iter().filter_map(|second| second.server_rss_mb).collect();
    let Some(first) = known.first() else { return Ok(String::new()) };
    let mut last = *first;
    let values = seconds.iter().map(|second| {
        last = second.server_rss_mb.unwrap_or(last);
        last
    });
    let plot = plot::lines("MB", &[("resident".to_owned(), values.collect())])?;
    Ok(format!("<h2>The server's memory</h2>\n{plot}\n"))
}

/// Refusals and failures by code, the most frequent first.
fn errors(seconds: &[Second]) -> Vec<(String, Vec<f64>)> {
    let mut totals = std::collections::BTreeMap::<&str, u64>::new();
    for (code, many) in seconds.iter().flat_map(|second| &second.bad) {
        *totals.entry(code).or_default() += many;
    }
    let mut codes: Vec<(&str, u64)> = totals.into_iter().collect();
    codes.sort_by_key(|(_, many)| std::cmp::Reverse(*many));
    let count = |second: &Second, codes: &[(&str, u64)]| {
        codes.iter().filter_map(|(code, _)| second.bad.get(*code)).sum::<u64>() as f64
    };
    let (own, rest) = codes.split_at(codes.len().min(CODES));
    let mut lines: Vec<_> = own
        .chunks(1)
        .map(|one| (one[0].0.to_owned(), seconds.iter().map(|second| count(second, one)).collect()))
        .collect();
    if !rest.is_empty() {
        lines.push(("others".to_owned(), seconds.iter().map(|second| count(second, rest)).collect()));
    }
    lines
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_codes_have_lines_and_the_rest_is_added_up() {
        let bad = |number: u64| (format!("code_{number}"), number);
        let second = Second {
            requests: 1,
            lifecycles: 0,
            positions: 0,
            bad: (1..=8).map(bad).collect(),
            p50_ms: 1.0,
            p99_ms: 1.0,
            max_ms: 1.0,
            server_rss_mb: None,
        };
        let lines = errors(&[second]);
        assert_eq!(lines.len(), CODES + 1);
        assert_eq!(lines[0], ("code_8".to_owned(), vec![8.0]));
        assert_eq!(lines[CODES], ("others".to_owned(), vec![3.0]));
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(escaped("<b> & c"), "&lt;b&gt; &amp; c");
    }
}
