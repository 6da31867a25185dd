//! Milvus's own collections, which Fovea calls tables where a collection of images could be meant: what is in each,
//! and that it is there, indexed and loaded.

use std::time::{Duration, Instant};

use prost::Message;

use fovea_index::Metric;

use super::address::{MilvusAddress, VectorIndex};
use super::client::Client;
use super::lite;
use super::proto::*;
use super::rows::pair;
use crate::error::{Error, Result};

/// Table of the few records that every process keeps in memory: collections, packs, sources, keys, settings.
const SETTINGS: &str = "fovea_settings";
/// Table of items, contents and captions.
const ITEMS: &str = "fovea_items";
/// Table of an earlier Fovea, which had all of it in one.
pub(super) const EARLIER: &str = "fovea_records";
/// Bytes of a row's text; Milvus takes 65,535.
pub(super) const MOST_TEXT: usize = 60_000;
/// Numbers of the vector that Milvus wants of every row, also where there is none.
pub(super) const NO_VECTOR: usize = 2;

/// What stands in a table's description before the number of its partitions.
const PARTITIONS: &str = "; partitions: ";

/// Between two looks at whether a table is loaded.
const LOOK: Duration = Duration::from_millis(100);

/// One of Milvus's collections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// For whoever looks at the server.
    pub(super) about: String,
    pub(super) dim: usize,
    /// Milvus's name of how vectors are compared.
    pub(super) metric: &'static str,
    texts: &'static [(&'static str, usize)],
    longs: &'static [&'static str],
    /// Texts by which rows are looked up.
    looked_up: &'static [&'static str],
    /// Whether rows have fields beside these.
    pub(super) is_dynamic: bool,
    index: VectorIndex,
    shards: i32,
    replicas: i32,
    /// Into so many partitions the rows of libraries are spread; 0 is not at all.
    partitions: u64,
}

impl Table {
    /// In one shard, whose rows are seen in the order in which they were put.
    pub(super) fn settings(replicas: i32) -> Table {
        Table {
            name: SETTINGS.to_owned(),
            about: "Fovea: collections, packs, sources, keys and settings".to_owned(),
            dim: NO_VECTOR,
            metric: "L2",
            texts: &[("lib", 16), ("doc", 65_535)],
            longs: &["kind", "stamp", "batch"],
            looked_up: &[],
            is_dynamic: false,
            index: VectorIndex::Flat,
            shards: 1,
            replicas,
            partitions: 0,
        }
    }

    /// In one shard too. `coll` names the collection of an item, `owner` its content, `place` where its file is; what filters
    /// ask of items is in dynamic fields, which the server reads of every row of a library's partition for each filter.
    pub(super) fn items(address: &MilvusAddress) -> Table {
        Table {
            name: ITEMS.to_owned(),
            about: "Fovea: items, contents and captions".to_owned(),
            texts: &[
                ("lib", 16),
                ("doc", 65_535),
                ("coll", 32),
                ("owner", 80),
                ("place", 80),
            ],
            longs: &["kind", "stamp", "batch", "source"],
            looked_up: &["owner", "place"],
            is_dynamic: true,
            partitions: address.partitions.unsigned_abs().into(),
            ..Table::settings(address.replicas)
        }
    }

    /// Vectors of one space, by a key that names whose they are.
    pub(super) fn space(space: &Space, address: &MilvusAddress) -> Table {
        let name = blake3::hash(format!("{space:?}").as_bytes()).to_hex();
        Table {
            name: format!("fovea_{:.24}", name.as_str()),
            about: format!("Fovea: space {:?} of pack {}", space.name, space.pack),
            dim: space.dim,
            metric: space.milvus_metric(),
            texts: &[("lib", 16), ("owner", 80), ("region", 200)],
            longs: &["part"],
            looked_up: &[],
            is_dynamic: false,
            index: address.index,
            shards: address.shards,
            replicas: address.replicas,
            partitions: address.partitions.unsigned_abs().into(),
        }
    }

    /// Make it, index it and load it, as far as that is not done yet; any number of processes may do so at once.
    /// Answers into how many partitions its rows are spread, which whoever made it decided; 0 is not at all.
    pub(super) fn ensure(&self, client: &Client) -> Result<u64> {
        let (db_name, collection_name) = (client.database().to_owned(), self.name.clone());
        let describe = || {
            client.call(DescribeCollectionRequest {
                db_name: db_name.clone(),
                collection_name: collection_name.clone(),
            })
        };
        let described = match describe() {
            Err(Error::NoTable { .. }) => {
                // Another process may have made it meanwhile, and otherwise.
                let made = self.create(client);
                describe().or_else(|error| made.and(Err(error)))?
            }
            described => described?,
        };
        let partitions = self.partitions_of(client, &described.schema.unwrap_or_default())?;
        let state = GetLoadStateRequest {
            db_name: db_name.clone(),
            collection_name: collection_name.clone(),
        };
        // To milvus-lite a table is loaded that has no index yet.
        if client.call(state.clone())?.state() == LoadState::Loaded && !client.is_lite() {
            return Ok(partitions);
        }
        // Where another process died between making it and its index.
        for number in 0..partitions {
            client.call(CreatePartitionRequest {
                db_name: db_name.clone(),
                collection_name: collection_name.clone(),
                partition_name: partition(number),
            })?;
        }
        self.create_index(client)?;
        client.call(LoadCollectionRequest {
            db_name,
            collection_name,
            replica_number: self.replicas,
        })?;
        let begun = Instant::now();
        while client.call(state.clone())?.state() != LoadState::Loaded {
            if begun.elapsed() > client.patience() {
                let reason = format!("{} is not loaded after {:?}", self.name, begun.elapsed());
                let server = client.server().to_owned();
                return Err(Error::NotLoaded { server, reason });
            }
            std::thread::sleep(LOOK);
        }
        Ok(partitions)
    }

    /// As the description has it, which is there from the first moment on.
    fn partitions_of(&self, client: &Client, schema: &CollectionSchema) -> Result<u64> {
        // Milvus 2.3 spreads rows that are put again otherwise than it looks for them, and finds none of them.
        if schema.fields.iter().any(|field| field.is_partition_key) {
            return Err(Error::Invalid {
                what: format!("{} on {}", self.name, client.server()),
                reason: "an earlier Fovea made it with a partition key, by which Milvus 2.3 does not find what is put: drop \
                         it and index again"
                    .to_owned(),
            });
        }
        let said = schema.description.rsplit_once(PARTITIONS);
        Ok(said.and_then(|(_, n)| n.parse().ok()).unwrap_or(0))
    }

    /// Whether its vectors are found by a graph.
    pub(super) fn has_graph(&self) -> bool {
        self.index != VectorIndex::Flat
    }

    fn create(&self, client: &Client) -> Result<()> {
        client.call(CreateCollectionRequest {
            db_name: client.database().to_owned(),
            collection_name: self.name.clone(),
            schema: self.schema().encode_to_vec(),
            shards_num: self.shards,
            consistency_level: ConsistencyLevel::Session.into(),
        })?;
        Ok(())
    }

    fn create_index(&self, client: &Client) -> Result<()> {
        let (kind, parameters) = match self.index {
            VectorIndex::Flat => ("FLAT", "{}"),
            VectorIndex::Hnsw { .. } => ("HNSW", r#"{"M":16,"efConstruction":200}"#),
        };
        let index = |field: &str, extra_params: Vec<KeyValuePair>| CreateIndexRequest {
            db_name: client.database().to_owned(),
            collection_name: self.name.clone(),
            field_name: field.to_owned(),
            extra_params,
            index_name: field.to_owned(),
        };
        let of_vectors = vec![
            pair("index_type", kind),
            pair("metric_type", self.metric),
            pair("params", parameters),
        ];
        lite::create_index(client, index("v", of_vectors))?;
        let kind = lite::index_of_texts(client);
        for field in self.looked_up {
            lite::create_index(client, index(field, vec![pair("index_type", kind)]))?;
        }
        Ok(())
    }

    fn schema(&self) -> CollectionSchema {
        let field = |name: &str, kind: DataType, parameter: Option<(&str, usize)>| FieldSchema {
            name: name.to_owned(),
            is_primary_key: name == "pk",
            description: String::new(),
            data_type: kind.into(),
            type_params: parameter
                .map(|(key, value)| pair(key, value.to_string()))
                .into_iter()
                .collect(),
            is_partition_key: false,
        };
        let mut fields = vec![field("pk", DataType::VarChar, Some(("max_length", 100)))];
        let texts = self.texts.iter();
        fields.extend(
            texts.map(|(name, most)| field(name, DataType::VarChar, Some(("max_length", *most)))),
        );
        fields.extend(
            self.longs
                .iter()
                .map(|name| field(name, DataType::Int64, None)),
        );
        fields.push(field("v", DataType::FloatVector, Some(("dim", self.dim))));
        CollectionSchema {
            name: self.name.clone(),
            description: match self.partitions {
                0 => self.about.clone(),
                n => format!("{}{PARTITIONS}{n}", self.about),
            },
            fields,
            enable_dynamic_field: self.is_dynamic,
        }
    }

    /// What a search is told beside its vector.
    pub(super) fn search_params(&self, limit: usize) -> Vec<KeyValuePair> {
        let params = match self.index.effort_for(limit) {
            None => "{}".to_owned(),
            Some(effort) => format!("{{\"ef\":{effort}}}"),
        };
        vec![
            pair("anns_field", "v"),
            pair("topk", limit.to_string()),
            pair("metric_type", self.metric),
            pair("params", params),
            pair("round_decimal", "-1"),
        ]
    }
}

/// Name of a partition.
pub(super) fn partition(number: u64) -> String {
    format!("libraries_{number}")
}

/// Which of so many partitions has the rows of a library, whose key is a hash.
pub(super) fn partition_of(library: &str, partitions: u64) -> Option<String> {
    let hash = u64::from_str_radix(library, 16).unwrap_or(0);
    Some(partition(hash.checked_rem(partitions)?))
}

/// A space of a pack, or its features.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Space {
    /// Fingerprint.
    pub(super) pack: String,
    /// None for the features, and for the space that is made of them.
    pub(super) name: Option<String>,
    pub(super) dim: usize,
    /// As [`Metric::name`] has it.
    pub(super) metric: &'static str,
}

impl Space {
    /// Under which name contents and phrases note what they have here.
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.pack, self.name.as_deref().unwrap_or_default())
    }

    /// Vectors of the cosine are at unit length, where the inner product is the same; features are as they came.
    fn milvus_metric(&self) -> &'static str {
        match (&self.name, self.metric == Metric::L2.name()) {
            (None, _) => "COSINE",
            (_, true) => "L2",
            (_, false) => "IP",
        }
    }
}
