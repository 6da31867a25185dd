//! `fovea mcp`, as an assistant starts it.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::library::database;
use crate::program::{command, fovea};

#[test]
fn an_assistant_finds_a_stamp_and_hangs_up() {
    let mut process = command(database(), &["mcp"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = process.stdin.take().unwrap();
    let mut from = BufReader::new(process.stdout.take().unwrap()).lines();
    let greeting = json!({
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    let call =
        json!({ "name": "search", "arguments": { "query": "a penguin", "top": 3, "pictures": 1 } });
    let messages = [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": greeting }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call }),
    ];
    for message in messages {
        writeln!(to, "{message}").unwrap();
    }
    let mut answer = || -> Value { serde_json::from_str(&from.next().unwrap().unwrap()).unwrap() };
    assert_eq!(answer()["result"]["serverInfo"]["name"], "fovea");
    let found = answer()["result"].take();
    let best = &found["structuredContent"]["results"][0]["path"];
    assert!(best.as_str().unwrap().contains("penguin"), "{best}");
    assert_eq!(found["content"][1]["mimeType"], "image/jpeg");
    drop(to);
    assert!(process.wait().unwrap().success());
}

#[test]
fn without_a_database_an_assistant_is_told_at_once() {
    let nowhere = tempfile::tempdir().unwrap();
    let refused = fovea(&nowhere.path().join("none"), &["mcp"]).expect(2);
    assert!(refused.stderr.contains("no database"), "{}", refused.stderr);
    assert!(!nowhere.path().join("none").exists());
}
