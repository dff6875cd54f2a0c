//! Traces of real pickups: `at,lat,lng` lines below a header, oldest first, plain or gzip.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _, Seek as _},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;

use crate::{scenario::Replay, work::Place};

/// The two bytes that gzip files begin with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a trace: when each pickup is due after the beginning, sped up, and where it is. Within one minute of the trace,
/// which is as exact as its times are, pickups are spread evenly.
///
/// # Errors
/// When the file cannot be read or a line is no pickup; the message names the line.
pub fn read(replay: &Replay) -> Result<Vec<(Duration, Place)>> {
    let path = &replay.trace;
    let pickups = lines(path)?;
    let Some((first, _)) = pickups.first().copied() else { bail!("the trace {} holds no pickups", path.display()) };
    let seconds = pickups.iter().map(|(at, _)| at.duration_since(first).as_secs_f64());
    let seconds = spread(&seconds.collect::<Vec<_>>());
    let end_s = replay.hours.map_or(f64::INFINITY, |hours| hours * 3_600.0);
    let due = seconds.into_iter().zip(pickups).take_while(|(at_s, _)| *at_s < end_s);
    Ok(due.map(|(at_s, (_, place))| (Duration::from_secs_f64(at_s / replay.speed), place)).collect())
}

fn lines(path: &Path) -> Result<Vec<(Timestamp, Place)>> {
    let named = || format!("the trace {}", path.display());
    let mut file = File::open(path).with_context(|| {
        format!("{} cannot be opened; name another with --trace FILE (lines of at,lat,lng, plain or gzip)", named())
    })?;
    let mut begin = [0; 2];
    let is_gzip = file.read(&mut begin).with_context(named)? == 2 && begin == GZIP;
    file.rewind().with_context(named)?;
    let reader: Box<dyn BufRead> = if is_gzip {
        Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(file)))
    } else {
        Box::new(BufReader::new(file))
    };
    let mut pickups: Vec<(Timestamp, Place)> = Vec::new();
    for (index, line) in reader.lines().enumerate().skip(1) {
        let at = || format!("{}, line {}", named(), index + 1);
        let pickup = pickup(&line.with_context(at)?).with_context(at)?;
        if pickups.last().is_some_and(|last| last.0 > pickup.0) {
            bail!("{}: pickups must be given oldest first", at());
        }
        pickups.push(pickup);
    }
    Ok(pickups)
}

fn pickup(line: &str) -> Result<(Timestamp, Place)> {
    let fields: Vec<&str> = line.split(',').collect();
    let [at, lat, lng] = fields[..] else { bail!("must be at,lat,lng, is {line:?}") };
    let at = at.parse().with_context(|| format!("at must be a time such as 2014-04-01T00:00:00Z, is {at:?}"))?;
    let lat = lat.parse().with_context(|| format!("lat must be degrees, is {lat:?}"))?;
    let lng = lng.parse().with_context(|| format!("lng must be degrees, is {lng:?}"))?;
    Ok((at, Place { lat, lng }))
}

/// Spreads pickups that have the same time over the minute that it stands for.
fn spread(seconds: &[f64]) -> Vec<f64> {
    let mut spread = Vec::with_capacity(seconds.len());
    for same in seconds.chunk_by(|one, next| one == next) {
        let many = same.len() as f64;
        spread.extend(same.iter().enumerate().map(|(index, at_s)| at_s + 60.0 * index as f64 / many));
    }
    spread
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const TEXT: &str = "at,lat,lng\n2014-04-01T00:00:00Z,40.7,-73.9\n2014-04-01T00:00:00Z,40.8,-73.8\n\
                        2014-04-01T01:00:00Z,40.6,-73.7\n";

    fn read_bytes(bytes: &[u8], hours: Option<f64>) -> Result<Vec<(Duration, Place)>> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(bytes)?;
        read(&Replay { trace: file.path().to_owned(), speed: 60.0, hours })
    }

    #[test]
    fn a_trace_is_sped_up_and_its_minutes_are_filled() -> Result<()> {
        let pickups = read_bytes(TEXT.as_bytes(), None)?;
        let at: Vec<f64> = pickups.iter().map(|(at, _)| at.as_secs_f64()).collect();
        assert_eq!(at, [0.0, 0.5, 60.0]);
        assert_eq!(pickups[1].1, Place { lat: 40.8, lng: -73.8 });
        assert_eq!(read_bytes(TEXT.as_bytes(), Some(1.0))?.len(), 2);
        Ok(())
    }

    #[test]
    fn gzip_is_recognised() -> Result<()> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(TEXT.as_bytes())?;
        assert_eq!(read_bytes(&packed.finish()?, None)?.len(), 3);
        Ok(())
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = read_bytes(b"at,lat,lng\n2014-04-01T00:00:00Z,north,2\n", None).expect_err("no latitude");
        assert!(format!("{error:#}").contains("line 2: lat must be degrees"), "{error:#}");
    }
}
