//! The messages of `proto/milvus.proto` as types: a flat table, field for field and number for number, which a test holds
//! against that file. Nothing here decides anything.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(super) enum DataType {
    None = 0,
    Int64 = 5,
    Double = 11,
    VarChar = 21,
    Json = 23,
    FloatVector = 101,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(super) enum ConsistencyLevel {
    Strong = 0,
    Session = 1,
    Bounded = 2,
    Eventually = 3,
    Customized = 4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(super) enum LoadState {
    NotExist = 0,
    NotLoad = 1,
    Loading = 2,
    Loaded = 3,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    pub(super) error_code: i32,
    #[prost(string, tag = "2")]
    pub(super) reason: String,
    #[prost(int32, tag = "3")]
    pub(super) code: i32,
    #[prost(bool, tag = "4")]
    pub(super) retriable: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct KeyValuePair {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetVersionRequest {}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetVersionResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
    #[prost(string, tag = "2")]
    pub(super) version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FieldSchema {
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(bool, tag = "3")]
    pub(super) is_primary_key: bool,
    #[prost(string, tag = "4")]
    pub(super) description: String,
    #[prost(enumeration = "DataType", tag = "5")]
    pub(super) data_type: i32,
    #[prost(message, repeated, tag = "6")]
    pub(super) type_params: Vec<KeyValuePair>,
    #[prost(bool, tag = "13")]
    pub(super) is_partition_key: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CollectionSchema {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) description: String,
    #[prost(message, repeated, tag = "4")]
    pub(super) fields: Vec<FieldSchema>,
    #[prost(bool, tag = "5")]
    pub(super) enable_dynamic_field: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CreateCollectionRequest {
    #[prost(string, tag = "2")]
    pub(super) db_name: String,
    #[prost(string, tag = "3")]
    pub(super) collection_name: String,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) schema: Vec<u8>,
    #[prost(int32, tag = "5")]
    pub(super) shards_num: i32,
    #[prost(enumeration = "ConsistencyLevel", tag = "6")]
    pub(super) consistency_level: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CreatePartitionRequest {
    #[prost(string, tag = "2")]
    pub(super) db_name: String,
    #[prost(string, tag = "3")]
    pub(super) collection_name: String,
    #[prost(string, tag = "4")]
    pub(super) partition_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DescribeCollectionRequest {
    #[prost(string, tag = "2")]
    pub(super) db_name: String,
    #[prost(string, tag = "3")]
    pub(super) collection_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DescribeCollectionResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
    #[prost(message, optional, tag = "2")]
    pub(super) schema: Option<CollectionSchema>,
    #[prost(int32, tag = "8")]
    pub(super) shards_num: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CreateIndexRequest {
    #[prost(string, tag = "2")]
    pub(super) db_name: String,
    #[prost(string, tag = "3")]
    pub(super) collection_name: String,
    #[prost(string, tag = "4")]
    pub(super) field_name: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) extra_params: Vec<KeyValuePair>,
    #[prost(string, tag = "6")]
    pub(super) index_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DescribeIndexRequest {
    #[prost(string, tag = "2")]
    pub(super) db_name: String,
    #[prost(string, tag = "3")]
    pub(super) collection_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct IndexDescription {
    #[prost(message, repeated, tag = "3")]
    pub(super) params: Vec<KeyValuePair>,
    #[prost(string, tag = "4")]
    pub(super) field_name: String,
    #[prost(int64, tag = "5")]
    pub(super) indexed_rows: i64,
    #[prost(int64, tag = "6")]
    pub(super) total_rows: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DescribeIndexResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
    #[prost(message, repeated, tag = "2")]
    pub(super) index_descriptions: Vec<IndexDescription>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FlushRequest {
    #[prost(string, tag = "2")]
    pub(super) db_name: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) collection_names: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FlushResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LoadCollectionRequest {
    #[prost(string, tag = "2")]
    pub(super) db_name: String,
    #[prost(string, tag = "3")]
    pub(super) collection_name: String,
    #[prost(int32, tag = "4")]
    pub(super) replica_number: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetLoadStateRequest {
    #[prost(string, tag = "2")]
    pub(super) collection_name: String,
    #[prost(string, tag = "4")]
    pub(super) db_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetLoadStateResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
    #[prost(enumeration = "LoadState", tag = "2")]
    pub(super) state: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FloatArray {
    #[prost(float, repeated, tag = "1")]
    pub(super) data: Vec<f32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LongArray {
    #[prost(int64, repeated, tag = "1")]
    pub(super) data: Vec<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StringArray {
    #[prost(string, repeated, tag = "1")]
    pub(super) data: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct JsonArray {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(super) data: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ScalarField {
    #[prost(oneof = "ScalarFieldKind", tags = "3, 6, 9")]
    pub(super) data: Option<ScalarFieldKind>,
}

#[allow(clippy::enum_variant_names, reason = "the published names")]
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum ScalarFieldKind {
    #[prost(message, tag = "3")]
    LongData(LongArray),
    #[prost(message, tag = "6")]
    StringData(StringArray),
    #[prost(message, tag = "9")]
    JsonData(JsonArray),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct VectorField {
    #[prost(oneof = "VectorFieldKind", tags = "2")]
    pub(super) data: Option<VectorFieldKind>,
    #[prost(int64, tag = "1")]
    pub(super) dim: i64,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum VectorFieldKind {
    #[prost(message, tag = "2")]
    FloatVector(FloatArray),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FieldData {
    #[prost(oneof = "FieldDataKind", tags = "3, 4")]
    pub(super) field: Option<FieldDataKind>,
    #[prost(enumeration = "DataType", tag = "1")]
    pub(super) kind: i32,
    #[prost(string, tag = "2")]
    pub(super) field_name: String,
    #[prost(bool, tag = "6")]
    pub(super) is_dynamic: bool,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum FieldDataKind {
    #[prost(message, tag = "3")]
    Scalars(ScalarField),
    #[prost(message, tag = "4")]
    Vectors(VectorField),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct UpsertRequest {
    #[prost(string, tag = "2")]
    pub(super) db_name: String,
    #[prost(string, tag = "3")]
    pub(super) collection_name: String,
    #[prost(string, tag = "4")]
    pub(super) partition_name: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) fields_data: Vec<FieldData>,
    #[prost(uint32, tag = "7")]
    pub(super) num_rows: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DeleteRequest {
    #[prost(string, tag = "2")]
    pub(super) db_name: String,
    #[prost(string, tag = "3")]
    pub(super) collection_name: String,
    #[prost(string, tag = "4")]
    pub(super) partition_name: String,
    #[prost(string, tag = "5")]
    pub(super) expr: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MutationResult {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
    #[prost(uint64, tag = "9")]
    pub(super) timestamp: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PlaceholderValue {
    #[prost(string, tag = "1")]
    pub(super) tag: String,
    #[prost(int32, tag = "2")]
    pub(super) kind: i32,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(super) values: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PlaceholderGroup {
    #[prost(message, repeated, tag = "1")]
    pub(super) placeholders: Vec<PlaceholderValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SearchRequest {
    #[prost(string, tag = "2")]
    pub(super) db_name: String,
    #[prost(string, tag = "3")]
    pub(super) collection_name: String,
    #[prost(string, repeated, tag = "4")]
    pub(super) partition_names: Vec<String>,
    #[prost(string, tag = "5")]
    pub(super) dsl: String,
    #[prost(bytes = "vec", tag = "6")]
    pub(super) placeholder_group: Vec<u8>,
    #[prost(int32, tag = "7")]
    pub(super) dsl_type: i32,
    #[prost(string, repeated, tag = "8")]
    pub(super) output_fields: Vec<String>,
    #[prost(message, repeated, tag = "9")]
    pub(super) search_params: Vec<KeyValuePair>,
    #[prost(uint64, tag = "11")]
    pub(super) guarantee_timestamp: u64,
    #[prost(int64, tag = "12")]
    pub(super) nq: i64,
    #[prost(enumeration = "ConsistencyLevel", tag = "14")]
    pub(super) consistency_level: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Ids {
    #[prost(oneof = "IdsKind", tags = "1, 2")]
    pub(super) id_field: Option<IdsKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum IdsKind {
    #[prost(message, tag = "1")]
    IntId(LongArray),
    #[prost(message, tag = "2")]
    StrId(StringArray),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SearchResultData {
    #[prost(message, repeated, tag = "3")]
    pub(super) fields_data: Vec<FieldData>,
    #[prost(float, repeated, tag = "4")]
    pub(super) scores: Vec<f32>,
    #[prost(message, optional, tag = "5")]
    pub(super) ids: Option<Ids>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SearchResults {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
    #[prost(message, optional, tag = "2")]
    pub(super) results: Option<SearchResultData>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct QueryRequest {
    #[prost(string, tag = "2")]
    pub(super) db_name: String,
    #[prost(string, tag = "3")]
    pub(super) collection_name: String,
    #[prost(string, tag = "4")]
    pub(super) expr: String,
    #[prost(string, repeated, tag = "5")]
    pub(super) output_fields: Vec<String>,
    #[prost(string, repeated, tag = "6")]
    pub(super) partition_names: Vec<String>,
    #[prost(uint64, tag = "8")]
    pub(super) guarantee_timestamp: u64,
    #[prost(message, repeated, tag = "9")]
    pub(super) query_params: Vec<KeyValuePair>,
    #[prost(enumeration = "ConsistencyLevel", tag = "11")]
    pub(super) consistency_level: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct QueryResults {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
    #[prost(message, repeated, tag = "2")]
    pub(super) fields_data: Vec<FieldData>,
}

#[cfg(test)]
mod tests {
    /// Messages and enums with the numbers of their fields, each sorted.
    fn numbers(
        text: &str,
        begins: &[&str],
        number: impl Fn(&str) -> Vec<u32>,
    ) -> Vec<(String, Vec<u32>)> {
        let mut found: Vec<(String, Vec<u32>)> = Vec::new();
        for line in text.lines() {
            if line == "}" {
                // What comes until the next beginning is of something else.
                found.push(Default::default());
            }
            let line = line.trim();
            let name = begins.iter().find_map(|begin| line.strip_prefix(begin));
            if let Some(name) = name {
                let name = name.trim_end_matches(['{', '}', ' ']).to_lowercase();
                found.push((name, Vec::new()));
            } else if let Some((_, numbers)) = found.last_mut() {
                numbers.extend(number(line));
            }
        }
        found.retain(|(name, _)| !name.is_empty());
        found.iter_mut().for_each(|(_, numbers)| numbers.sort());
        found.sort();
        found
    }

    #[test]
    fn the_types_have_the_numbers_of_the_published_file() {
        let ours = include_str!("proto.rs")
            .split("#[cfg(test)]")
            .next()
            .unwrap_or_default();
        let published = numbers(
            include_str!("../../proto/milvus.proto"),
            &["message "],
            |line| {
                let number = line
                    .rsplit_once(" = ")
                    .map(|(_, end)| end.trim_end_matches(';'));
                number
                    .and_then(|number| number.parse().ok())
                    .into_iter()
                    .collect()
            },
        );
        let ours = numbers(ours, &["pub(super) struct ", "pub(super) enum "], |line| {
            // Of a choice the numbers stand again with its alternatives.
            let number = line
                .split_once(", tag = \"")
                .map(|(_, end)| end.trim_end_matches("\")]"));
            number
                .and_then(|number| number.parse().ok())
                .into_iter()
                .collect()
        });
        // Alternatives belong to the message that has the choice.
        let mut joined = ours.clone();
        for (name, numbers) in &ours {
            if let Some(owner) = name.strip_suffix("kind")
                && let Some((_, all)) = joined.iter_mut().find(|(other, _)| other == owner)
            {
                all.extend(numbers);
                all.sort();
            }
        }
        for (name, numbers) in &published {
            let found = joined.iter().find(|(other, _)| other == name);
            assert_eq!(found.map(|(_, numbers)| numbers), Some(numbers), "{name}");
        }
        assert!(published.len() > 30, "{}", published.len());
    }
}
