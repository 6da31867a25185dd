//! What each space is searched with.

use std::io::Write;

use fovea_vectordb::IndexInfo;
use serde_json::{Value, json};

use super::units::{bytes, count, counted};
use super::{dim, print_json, strong};
use crate::settings::Settings;

/// The indexes of all spaces, after tuning.
pub fn indexes(settings: &Settings, indexes: &[IndexInfo]) -> anyhow::Result<()> {
    if settings.json {
        let indexes: Vec<Value> = indexes.iter().map(index_json).collect();
        return print_json(&json!({ "indexes": indexes }));
    }
    let mut out = anstream::stdout().lock();
    for index in indexes {
        let mut lines = index_lines(index).into_iter();
        let first = lines.next().unwrap_or_default();
        writeln!(out, "{}", strong(&first))?;
        for line in lines {
            writeln!(out, "  {}", dim(&line))?;
        }
    }
    Ok(())
}

/// The same of one that a server builds.
fn server_lines(index: &IndexInfo, vectors: &str) -> Vec<String> {
    let mut lines = vec![
        format!("{} · {vectors} · {}", index.space, index.family),
        format!("{} ({})", index.why, index.parameters),
    ];
    if index.effort > 0 {
        lines.push(format!("effort {} ({})", index.effort, index.effort_unit));
        if index.n_pending > 0 {
            let pending = counted(index.n_pending, "vector");
            lines.push(format!(
                "{pending} written since, which the server has yet to index"
            ));
        }
    }
    lines
}

/// A line on what it is, then why, what it takes, and how well it finds.
pub fn index_lines(index: &IndexInfo) -> Vec<String> {
    let vectors = counted(index.n_vectors, "vector");
    if index.family.starts_with("milvus ") {
        return server_lines(index, &vectors);
    }
    if index.file_bytes == 0 {
        let first = format!("{} · {vectors} · exact search", index.space);
        return vec![first, index.why.clone()];
    }
    let (memory, file) = (bytes(index.memory_bytes), bytes(index.file_bytes));
    let mut lines = vec![
        format!("{} · {vectors} · {}", index.space, index.family),
        format!("{} ({})", index.why, index.parameters),
        format!(
            "{memory} beside the vectors · {file} file · built in {:.1} s for {} sample queries",
            index.build_ms as f64 / 1e3,
            count(index.n_queries)
        ),
    ];
    if index.n_pending > 0 {
        let pending = counted(index.n_pending, "vector");
        lines.push(format!(
            "{pending} written or removed since, looked at one by one"
        ));
    }
    let effort = format!("effort {} ({})", index.effort, index.effort_unit);
    lines.push(match &index.tuned {
        Some(tuned) => format!(
            "{effort}: recall@10 {:.3} of exact search on {} queries, {:.3} asked for",
            tuned.recall,
            count(tuned.n_queries),
            tuned.target
        ),
        None => format!("{effort}, the default: `fovea tune` measures and sets it"),
    });
    if let Some(canary) = &index.canary {
        let searches = counted(canary.n_searches, "live search");
        lines.push(format!(
            "recall@10 {:.3} over {searches} repeated exactly",
            canary.recall()
        ));
    }
    lines
}

pub fn index_json(index: &IndexInfo) -> Value {
    json!({
        "space": index.space,
        "family": index.family,
        "parameters": index.parameters,
        "why": index.why,
        "n_vectors": index.n_vectors,
        "n_pending": index.n_pending,
        "memory_bytes": index.memory_bytes,
        "file_bytes": index.file_bytes,
        "build_ms": index.build_ms,
        "n_queries": index.n_queries,
        "effort": index.effort,
        "tuned": index.tuned.map(|tuned| json!({
            "recall": tuned.recall, "target": tuned.target, "n_queries": tuned.n_queries,
        })),
        "canary": index.canary.map(|canary| json!({
            "recall": canary.recall(), "n_searches": canary.n_searches,
        })),
    })
}
