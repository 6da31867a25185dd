//! What the tools are asked with. The comments on the fields are what an assistant reads.

use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchArguments {
    /// Words in any language, as in `dog on a beach` or `海滩上的狗`. A lone `+` or `-` adds or subtracts terms, `#ITEM` is
    /// a picture of the collection, `key:value` filters: `date:2023-07`, `folder:holidays*`, `tag:cat`, `camera:*`,
    /// `color:red`, `-ext:png`. Only filters, or nothing, lists the newest.
    pub query: String,
    /// How many results, 1 to 50. Without it ten, and none after the matches end.
    pub top: Option<usize>,
    /// Further filters that all must hold, as in `date:2023 -tag:document`.
    pub filter: Option<String>,
    /// Order of the results; without it the best first.
    pub sort: Option<SortArgument>,
    /// The next page: `next` of the answer before, all else being as it was.
    pub cursor: Option<String>,
    /// Show small pictures of so many of the first results, 0 to 8; none without it.
    pub pictures: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SortArgument {
    Relevance,
    /// The newest first.
    Date,
    Name,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetArguments {
    /// Id of an item, as `item` stands in results.
    pub item: String,
    /// Show the picture, its longer side up to 512 pixels; true without it.
    pub picture: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimilarArguments {
    /// Id of an item, as `item` stands in results.
    pub item: String,
    /// How many results, 1 to 50. Without it ten, and none after the matches end.
    pub top: Option<usize>,
    /// Filters that all must hold, as in `date:2023`.
    pub filter: Option<String>,
    /// Only this part of the picture: left, top, width and height in fractions, as in `0.1,0.2,0.5,0.5`.
    pub region: Option<String>,
    /// Show small pictures of so many of the first results, 0 to 8; none without it.
    pub pictures: Option<usize>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainArguments {
    /// Id of an item, as `item` stands in results.
    pub item: String,
    /// The query that found it, or did not.
    pub query: String,
}
