//! The README's walk works as printed: its shell blocks are run in order against a server in development mode, its
//! WebSocket frames are sent and answered.

use std::{
    error::Error,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

type Tested = Result<(), Box<dyn Error>>;

const README: &str = include_str!("../README.md");

/// A server as `cargo run` starts it on a terminal, but for its port, in a folder of its own.
struct Server {
    process: Child,
    address: String,
    /// The `export` lines it printed.
    exports: String,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        std::os::unix::fs::symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("config"), folder.path().join("config"))?;
        // `script` runs it on a terminal: only there the tokens are printed.
        let mut process = Command::new("script")
            .args(["--quiet", "--flush", "--return", "--command", concat!("exec ", env!("CARGO_BIN_EXE_callout"))])
            .arg("/dev/null")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .env("CALLOUT_HTTP__BIND", &address)
            .stdout(Stdio::piped())
            .spawn()?;
        let printed = BufReader::new(process.stdout.take().ok_or("its output")?).lines();
        let mut printed = printed.map_while(Result::ok).map(|line| line.trim_end().to_owned());
        let exports: Vec<String> = printed.by_ref().filter(|line| line.starts_with("export ")).take(3).collect();
        // A terminal that nobody reads would stop the server at its next line.
        std::thread::spawn(move || printed.for_each(drop));
        Ok(Self { process, address, exports: exports.join("\n"), _folder: folder })
    }

    fn token(&self, name: &str) -> Option<&str> {
        self.exports.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // `script` ends with the server. What holds on to the terminal when `script` is killed lives on.
        let told = Command::new("pkill").args(["-TERM", "--parent", &self.process.id().to_string()]).status();
        if !told.is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// The fenced blocks of the README with that info string.
fn blocks(info: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        if line == format!("```{info}") {
            blocks.push(lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n"));
        }
    }
    blocks
}

/// Runs shell blocks as a reader would paste them, and gives what they printed.
fn paste(server: &Server, blocks: &[String]) -> Result<String, Box<dyn Error>> {
    let script = format!("set -e -o pipefail\n{}\n{}", server.exports, blocks.join("\necho; echo ---;\n"));
    let script = script.replace("127.0.0.1:8080", &server.address);
    let output = Command::new("bash").args(["-c", &script]).stdin(Stdio::null()).output()?;
    let printed = String::from_utf8(output.stdout)?;
    if !output.status.success() {
        return Err(format!("{}\n{printed}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(printed)
}

#[test]
fn the_walk_with_curl_works_as_printed() -> Tested {
    let blocks = blocks("sh walk");
    assert_eq!(blocks.len(), 5, "the walk has five steps");
    let printed = paste(&Server::start()?, &blocks)?;
    for expected in [
        r#""status":"available""#,
        r#""quote":""#,
        r#""expires_at":""#,
        r#""status":"assigned""#,
        r#""status":"started""#,
        r#""status":"completed""#,
        r#""event":"requested""#,
        r#""text":{"ko":""#,
    ] {
        assert!(printed.contains(expected), "{expected} is missing in:\n{printed}");
    }
    Ok(())
}

/// Each service's walk by itself, as one who reads on only that far pastes it, and its end in the answers.
#[test]
fn the_walks_of_the_other_services_work_as_printed() -> Tested {
    let (preparation, walks) = (blocks("sh walk").swap_remove(0), blocks("sh services"));
    let [shorthands, cleaning, rental, taxi, studycafe] = walks.as_slice() else {
        return Err("the README shows shorthands and four walks".into());
    };
    let server = Server::start()?;
    for (walk, expected) in [
        (cleaning, ["\"name\":\"Sparkle\"", "\"status\":\"started\"", "\"status\":\"completed\""]),
        (rental, ["\"status\":\"available\"", "\"status\":\"started\"", "\"status\":\"completed\""]),
        (taxi, ["\"eta_s\":", "\"status\":\"started\"", "\"charged\":{"]),
        (studycafe, ["\"status\":\"assigned\"", "\"status\":\"started\"", "\"status\":\"completed\""]),
    ] {
        let printed = paste(&server, &[preparation.clone(), shorthands.clone(), walk.clone()])?;
        for expected in expected {
            assert!(printed.contains(expected), "{expected} is missing in:\n{printed}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_walk_with_a_websocket_works_as_printed() -> Tested {
    let server = Server::start()?;
    let steps = blocks("sh walk");
    paste(&server, &steps[..2])?;
    let mut handshake = format!("ws://{}/v1/ws", server.address).into_client_request()?;
    let token = format!("Bearer {}", server.token("DRIVER").ok_or("a token")?);
    handshake.headers_mut().insert("authorization", token.parse()?);
    let (mut socket, _) = connect_async(handshake).await?;
    // The call is requested and paid, and offered to the driver who listens.
    paste(&server, &[steps[0].clone(), steps[2].clone()])?;
    let offer = next_of(&mut socket, &["offer"]).await?;
    assert!(offer["expires_at"].is_string(), "{offer}");
    let call = offer["call"]["id"].as_str().ok_or("a call")?.to_owned();

    let frames = blocks("json ws");
    assert_eq!(frames.len(), 4, "the README shows four frames");
    let token = server.token("DRIVER").ok_or("a token")?;
    for (frame, reference) in frames.iter().zip(1..) {
        socket.send(Message::text(frame.replace("call_…", &call).replace("eyJ…", token))).await?;
        // The call may be shown before or after the answer.
        let mut shown = matches!(reference, 2 | 4);
        let mut answered = false;
        while !(shown && answered) {
            let next = next_of(&mut socket, &["ack", "call"]).await?;
            if next["type"] == "ack" {
                assert_eq!(next, json!({"type": "ack", "ref": reference}));
                answered = true;
            } else {
                assert_eq!(next["call"]["id"], call.as_str());
                assert!(next["seq"].is_u64(), "{next}");
                shown = true;
            }
        }
    }
    Ok(())
}

/// The next frame of one of these types.
async fn next_of<S>(socket: &mut S, wanted: &[&str]) -> Result<Value, Box<dyn Error>>
where
    S: StreamExt<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    let patience = std::time::Duration::from_secs(15);
    loop {
        let frame = tokio::time::timeout(patience, socket.next()).await?.ok_or("the socket was closed")??;
        if let Message::Text(text) = frame {
            let frame: Value = serde_json::from_str(&text)?;
            if frame["type"].as_str().is_some_and(|kind| wanted.contains(&kind)) {
                return Ok(frame);
            }
        }
    }
}
