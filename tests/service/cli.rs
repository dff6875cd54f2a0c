//! The commands of the binary besides serving.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::harness::{Server, eventually, free_port};

const CONFIG_DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config");

fn callout(folder: &Path, secret: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_callout"))
        .args(arguments)
        .current_dir(folder)
        .env("CALLOUT_CONFIG_DIR", CONFIG_DIR)
        .env("CALLOUT_AUTH__SECRET", secret)
        .output()
        .expect("the callout binary starts")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn a_development_token_opens_the_server() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["token", "--role", "customer", "--sub", "mina", "--ttl", "1h"];
    let output = callout(folder.path(), server.secret(), &arguments);
    assert!(output.status.success(), "{}", text(&output));
    let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let me = server.client_with(Some(token), "mina").get("/v1/me").await.expect(200);
    assert_eq!(me["id"], "mina");
}

#[test]
fn a_new_development_secret_is_told_with_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = || {
        Command::new(env!("CARGO_BIN_EXE_callout"))
            .args(["token", "--role", "customer", "--sub", "mina"])
            .current_dir(folder.path())
            .env("CALLOUT_CONFIG_DIR", CONFIG_DIR)
            .env_remove("CALLOUT_AUTH__SECRET")
            .output()
            .expect("the callout binary starts")
    };
    let (first, second) = (token(), token());
    assert!(first.status.success() && second.status.success(), "{}{}", text(&first), text(&second));
    let said = String::from_utf8_lossy(&first.stderr);
    assert!(
        said.contains("data/dev_secret") && said.contains("No server that runs already takes this token"),
        "{said}"
    );
    assert!(second.stderr.is_empty(), "{}", text(&second));
}

#[test]
fn a_token_for_no_role_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in
        [&["token", "--role", "emperor", "--sub", "a"][..], &["token", "--role", "customer", "--sub", "a b"]]
    {
        let output = callout(folder.path(), "a-secret-that-is-long-enough-for-hs256", arguments);
        assert!(!output.status.success(), "{}", text(&output));
    }
}

#[test]
fn the_shipped_configuration_passes_its_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = callout(folder.path(), "a-secret-that-is-long-enough-for-hs256", &["config", "check"]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn every_problem_of_a_configuration_is_named_with_file_key_and_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("wrong.toml");
    std::fs::write(&file, "[http]\n# a comment\nbnid = \"127.0.0.1:1\"\n\n[nonsense]\nkey = 1\n").expect("a file");
    let secret = "a-secret-that-is-long-enough-for-hs256";
    let output = callout(folder.path(), secret, &["config", "check", &file.display().to_string()]);
    let said = text(&output);
    assert!(!output.status.success(), "{said}");
    for part in ["wrong.toml", "bnid", "3", "nonsense", "5"] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
}

#[test]
fn showing_the_configuration_hides_the_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = callout(folder.path(), "a-secret-that-is-long-enough-for-hs256", &["config", "show"]);
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("bind") && !said.contains("a-secret-that"), "{said}");
}

/// A container's output and a service manager's journal are kept for long, and read by many.
#[tokio::test]
async fn tokens_of_development_mode_are_printed_to_a_terminal_only() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let address = format!("127.0.0.1:{}", free_port());
    let process = Command::new(env!("CARGO_BIN_EXE_callout"))
        .current_dir(folder.path())
        .env("CALLOUT_CONFIG_DIR", CONFIG_DIR)
        .env("CALLOUT_HTTP__BIND", &address)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the callout binary starts");
    eventually("the server is ready", async || {
        let ready = reqwest::get(format!("http://{address}/health/ready")).await.map_err(|error| error.to_string())?;
        if ready.status() == 200 { Ok(()) } else { Err(ready.status().to_string()) }
    })
    .await;
    let told = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().expect("kill");
    assert!(told.success());
    let output = process.wait_with_output().expect("its output");
    let said = text(&output);
    assert!(said.contains("callout has stopped"), "{said}");
    assert!(!said.contains("export ") && !said.contains("eyJ"), "{said}");
    assert!(said.contains("callout token"), "it says how to get one: {said}");
}

#[test]
fn a_store_on_redis_is_not_copied_and_the_answer_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in ["backup", "restore"] {
        let output = Command::new(env!("CARGO_BIN_EXE_callout"))
            .args([command, "copy"])
            .current_dir(folder.path())
            .env("CALLOUT_CONFIG_DIR", CONFIG_DIR)
            .env("CALLOUT_STORE__URL", "redis://127.0.0.1:1/0")
            .output()
            .expect("the callout binary starts");
        assert!(!output.status.success() && text(&output).contains("only the embedded store"), "{}", text(&output));
    }
}

#[tokio::test]
async fn many_tokens_are_one_per_line_for_numbered_principals() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let output =
        callout(folder.path(), server.secret(), &["token", "--role", "customer", "--sub", "load", "--count", "3"]);
    let tokens = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(tokens.len(), 3, "{}", text(&output));
    for (number, token) in tokens.into_iter().enumerate() {
        let me = server.client_with(Some(token), "load").get("/v1/me").await.expect(200);
        assert_eq!(me["id"], format!("load-{}", number + 1));
    }
}
