//! Plays `smoke` against the real server, started from its binary.

use std::{
    error::Error,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use loadtests::{
    run::{self, Plan},
    scenario::Scenario,
};

const SECRET: &str = "a secret for load tests, and long enough";

type Done = Result<(), Box<dyn Error>>;

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; the run has failed then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's folder")
}

/// The server's binary, built now: another package's binaries are not built for this one's tests. It is built for one of
/// its own package's tests, as when all tests are run, so that nothing is built twice: a plain build, or one of the package
/// alone, has dependencies with other features.
fn binary() -> Result<PathBuf, Box<dyn Error>> {
    let mut build = Command::new(env!("CARGO"));
    // What cargo tells this test about its own package would make build scripts that look there run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"].iter().any(|begin| text.starts_with(begin)) {
            build.env_remove(&name);
        }
    }
    build.current_dir(root()).args([
        "test",
        "--quiet",
        "--locked",
        "--no-run",
        "--workspace",
        "--test",
        "architecture",
    ]);
    assert!(build.status()?.success(), "the server cannot be built");
    let profile = std::env::current_exe()?.ancestors().nth(2).ok_or("the folder of the test's profile")?.to_owned();
    Ok(profile.join("callout"))
}

fn start(folder: &Path, address: &str) -> Result<Server, Box<dyn Error>> {
    let mut command = Command::new(binary()?);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CALLOUT_")) {
        command.env_remove(name);
    }
    let child = command
        .arg("serve")
        .current_dir(folder)
        .env("CALLOUT_HTTP__BIND", address)
        .env("CALLOUT_AUTH__SECRET", SECRET)
        .env("CALLOUT_CONFIG_DIR", root().join("config"))
        .env("CALLOUT_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    Ok(Server(child))
}

#[tokio::test]
async fn smoke_holds_against_the_real_server() -> Done {
    let folder = tempfile::tempdir()?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let server = start(folder.path(), &address)?;
    let plan = Plan {
        name: "smoke".to_owned(),
        scenario: Scenario::read(&root().join("loadtests/scenarios/smoke.toml"))?,
        target: format!("http://{address}"),
        secret: SECRET.to_owned(),
        server_pid: Some(server.0.id()),
        labels: std::iter::once(("store".to_owned(), "sqlite".to_owned())).collect(),
        quiet: true,
        out: None,
    };
    let summary = run::play(&plan).await?;
    assert_eq!(summary.broken, [""; 0], "{summary:#?}");
    assert!(summary.findings.read_back > 100, "{:?}", summary.findings);
    for step in ["request", "accept", "start", "complete", "cancel", "lifecycle", "offer_seen", "change_seen"] {
        assert!(summary.steps.get(step).is_some_and(|step| step.good > 0), "{step}: {:#?}", summary.steps);
    }
    let files = loadtests::report::write(&summary, folder.path())?;
    let page = std::fs::read_to_string(&files[1])?;
    assert!(page.matches("<svg").count() == 4 && !page.contains("<script"), "{page}");
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&files[0])?)?;
    assert_eq!(json["findings"]["double_charges"], 0);
    Ok(())
}
