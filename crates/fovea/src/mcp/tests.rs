//! An assistant at the other end of a pipe, line by line.

use std::sync::Arc;

use rmcp::ServiceExt;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};

use super::Assistant;
use crate::server::tests::fixture::Fixture;

struct Peer {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    out: WriteHalf<DuplexStream>,
    n_asked: u64,
}

impl Peer {
    /// Past the greeting.
    async fn of(fixture: &Fixture) -> Peer {
        let (here, there) = tokio::io::duplex(1 << 20);
        let assistant = Assistant::new(Arc::clone(&fixture.app), false);
        tokio::spawn(async move {
            if let Ok(service) = assistant.serve(there).await {
                let _ = service.waiting().await;
            }
        });
        let (read, out) = tokio::io::split(here);
        let mut peer = Peer {
            lines: BufReader::new(read).lines(),
            out,
            n_asked: 0,
        };
        let greeting = json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let greeted = peer.ask("initialize", greeting).await;
        assert_eq!(greeted["result"]["serverInfo"]["name"], "fovea");
        assert!(greeted["result"]["capabilities"]["tools"].is_object());
        peer.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
            .await;
        peer
    }

    async fn say(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.out.write_all(line.as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.n_asked += 1;
        let message =
            json!({ "jsonrpc": "2.0", "id": self.n_asked, "method": method, "params": params });
        self.say(&message).await;
        let line = self.lines.next_line().await.unwrap().unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], self.n_asked, "{line}");
        answer
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        self.ask("tools/call", params).await["result"].take()
    }

    async fn refused(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }
}

fn pictures(result: &Value) -> usize {
    let content = result["content"].as_array().unwrap();
    let shown = content.iter().filter(|block| block["type"] == "image");
    shown
        .filter(|block| block["mimeType"] == "image/jpeg")
        .count()
}

#[tokio::test]
async fn an_assistant_finds_looks_and_asks_why() {
    let fixture = Fixture::new();
    let mut peer = Peer::of(&fixture).await;
    let listed = peer.ask("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    let mut names: Vec<&str> = tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["explain", "get", "search", "similar"]);
    for tool in tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
        assert!(tool["description"].as_str().unwrap().len() > 40, "{tool}");
    }
    let found = peer
        .call("search", json!({ "query": "red", "top": 2, "pictures": 1 }))
        .await;
    let best = &found["structuredContent"]["results"][0];
    assert!(
        best["path"].as_str().unwrap().ends_with("red.png"),
        "{found}"
    );
    assert_eq!(pictures(&found), 1);
    assert!(!found.to_string().contains("/api/v1"), "{found}");
    let id = best["item"].as_str().unwrap().to_owned();
    let looked = peer.call("get", json!({ "item": id })).await;
    assert_eq!(looked["structuredContent"]["width"], 24, "{looked}");
    assert_eq!(pictures(&looked), 1);
    let unlooked = peer
        .call("get", json!({ "item": id, "picture": false }))
        .await;
    assert_eq!(pictures(&unlooked), 0);
    let similar = peer.call("similar", json!({ "item": id, "top": 5 })).await;
    let others = similar["structuredContent"]["results"].as_array().unwrap();
    assert_eq!(others.len(), 2, "{similar}");
    let why = peer
        .call("explain", json!({ "item": id, "query": "blue" }))
        .await;
    assert!(why["structuredContent"]["rank"].is_number(), "{why}");
}

#[tokio::test]
async fn an_assistant_is_told_what_to_ask_instead() {
    let fixture = Fixture::new();
    let mut peer = Peer::of(&fixture).await;
    for (tool, arguments, said) in [
        ("search", json!({ "query": "red", "top": 51 }), "50 results"),
        (
            "search",
            json!({ "query": "red", "pictures": 9 }),
            "8 pictures",
        ),
        ("search", json!({ "query": "\"red" }), "quot"),
        ("search", json!({ "query": "/etc/passwd.png" }), "not read"),
        ("search", json!({ "query": "near:1,1,1" }), "see-location"),
        ("get", json!({ "item": "nothing" }), "no item"),
        ("get", json!({ "item": "0000000000000007" }), "no item"),
        ("explain", json!({ "item": "x", "query": "red" }), "no item"),
    ] {
        let words = peer.refused(tool, arguments).await;
        assert!(words.contains(said), "{words}");
    }
    // What is no question at all ends nothing either.
    peer.ask(
        "tools/call",
        json!({ "name": "search", "arguments": { "q": 1 } }),
    )
    .await;
    peer.ask("tools/call", json!({ "name": "delete", "arguments": {} }))
        .await;
    peer.call("search", json!({ "query": "green" })).await;
}
