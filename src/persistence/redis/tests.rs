//! The writing end against a server that answers as the test says.

use std::io;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use uuid::Uuid;

use super::*;
use crate::{
    actors::ports::store::EntityKind,
    persistence::group::{Backend, CommitResult},
};

/// How the server answers a command, given in words: the reply as it goes over the wire.
type Answers = fn(&[String]) -> &'static str;

/// Serves every connection; answers the URL.
async fn serve(answers: Answers) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_all(stream, answers));
        }
    });
    Ok(format!("redis://127.0.0.1:{port}/0"))
}

async fn answer_all(stream: TcpStream, answers: Answers) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let words = read_command(&mut stream).await?;
        let reply = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["ROLE"] => "*1\r\n$6\r\nmaster\r\n",
            ["CLIENT", "ID"] => ":7\r\n",
            ["INFO", "server"] => "$10\r\nrun_id:a\r\n\r\n",
            [first, ..] if *first != "EVALSHA" && *first != "SCRIPT" => "+OK\r\n",
            _ => answers(&words),
        };
        stream.write_all(reply.as_bytes()).await?;
    }
}

/// `*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n` as `["CLIENT", "ID"]`.
async fn read_command(stream: &mut BufReader<TcpStream>) -> io::Result<Vec<String>> {
    let count = read_length(stream).await?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let mut word = vec![0; read_length(stream).await? + 2];
        stream.read_exact(&mut word).await?;
        words.push(String::from_utf8_lossy(&word).trim_end().to_owned());
    }
    Ok(words)
}

async fn read_length(stream: &mut BufReader<TcpStream>) -> io::Result<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let length = line.get(1..).and_then(|length| length.trim_end().parse().ok());
    length.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

async fn written(answers: Answers, ids: [&str; 2]) -> Result<Vec<CommitResult>, Box<dyn std::error::Error>> {
    let settings = StoreSettings::default();
    let address = Address::parse(&serve(answers).await?, &settings)?;
    let link = Link::new(address, settings.commit_timeout(), Purpose::Write, Arc::default(), Arc::default());
    Ok(ScriptWriter::new(link, 0, Arc::default()).write(ids.map(commit).to_vec()).await)
}

fn commit(id: &str) -> Commit {
    Commit {
        entity: EntityRef::new(EntityKind::Call, id),
        epoch: Epoch(1),
        write_id: Uuid::nil(),
        expected_version: 0,
        version: 0,
        snapshot: "{}".to_owned(),
        events: Vec::new(),
        due_at: None,
        live: true,
        expires_with: None,
    }
}

/// Between two commands of a group somebody may have the server forget its scripts.
fn knows_the_script_only_for_a(words: &[String], loading: &'static str) -> &'static str {
    match words[0].as_str() {
        "EVALSHA" if words.iter().any(|word| word == "call/a") => ":1\r\n",
        "EVALSHA" => "-NOSCRIPT No matching script.\r\n",
        _ => loading,
    }
}

#[tokio::test]
async fn what_was_written_is_said_though_the_script_cannot_be_loaded_for_the_rest()
-> Result<(), Box<dyn std::error::Error>> {
    let refused: Answers = |words| knows_the_script_only_for_a(words, "-NOPERM no permissions\r\n");
    let answers = written(refused, ["a", "b"]).await?;
    let [Ok(Committed::Ok), Err(StoreError::Unavailable { reason, .. })] = answers.as_slice() else {
        panic!("{answers:?}");
    };
    assert!(reason.starts_with("its user may not do this"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_forgets_the_script_again_has_not_written() -> Result<(), Box<dyn std::error::Error>> {
    let forgets: Answers = |words| knows_the_script_only_for_a(words, "+OK\r\n");
    let answers = written(forgets, ["b", "a"]).await?;
    assert!(matches!(answers.as_slice(), [Err(StoreError::Unavailable { .. }), Ok(Committed::Ok)]), "{answers:?}");
    Ok(())
}
