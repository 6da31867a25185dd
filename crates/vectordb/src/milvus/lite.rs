//! Where milvus-lite, Milvus's like in one process of Python, has ways of its own.

use super::address::MilvusAddress;
use super::client::Client;
use super::proto::*;
use super::rows::pair;
use crate::error::{Error, Result};

/// Refuse what it would pass over in silence.
pub(super) fn check(client: &Client, address: &MilvusAddress) -> Result<()> {
    let is_spread = address.shards > 1 || address.replicas > 1 || address.partitions > 0;
    match client.is_lite() && is_spread {
        false => Ok(()),
        true => Err(Error::Invalid {
            what: address.shown(),
            reason: "milvus-lite is one process and has no shards, replicas or partitions: leave these options out, or name a \
                     Milvus server"
                .to_owned(),
        }),
    }
}

/// What a query is told. The first rows are those with the lowest keys; to milvus-lite that is said by the word for a client that goes
/// on from page to page.
pub(super) fn query_params(client: &Client, limit: Option<usize>) -> Vec<KeyValuePair> {
    let limited = limit.map(|limit| pair("limit", limit.to_string()));
    let ordered = limit.filter(|_| client.is_lite());
    let ordered = ordered.map(|_| pair("iterator", "True"));
    limited.into_iter().chain(ordered).collect()
}

/// The kind of index by which texts are looked up.
pub(super) fn index_of_texts(client: &Client) -> &'static str {
    match client.is_lite() {
        true => "INVERTED",
        false => "Trie",
    }
}

/// Make an index: an error to milvus-lite, but not to Milvus, is one that is there, because another process made it.
pub(super) fn create_index(client: &Client, index: CreateIndexRequest) -> Result<()> {
    if !client.is_lite() {
        return client.call(index).map(drop);
    }
    let is_there = || {
        let there = client.call(DescribeIndexRequest {
            db_name: index.db_name.clone(),
            collection_name: index.collection_name.clone(),
        })?;
        let mut fields = there.index_descriptions.into_iter();
        Ok::<bool, Error>(fields.any(|one| one.field_name == index.field_name))
    };
    if is_there()? {
        return Ok(());
    }
    match client.call(index.clone()) {
        Err(error) if !is_there()? => Err(error),
        _ => Ok(()),
    }
}
