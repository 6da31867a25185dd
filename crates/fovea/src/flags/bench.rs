//! What may be typed about measurements: `bench`, and `tune`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};

use super::scale::BenchPlanFlags;

#[derive(Args, Debug)]
pub struct BenchFlags {
    #[command(subcommand)]
    pub what: BenchCommand,
}

#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Stage costs alone on one thread, against the whole ingest on all cores
    Ingest {
        /// Folder of images
        path: PathBuf,
        /// Worker threads (default: one a core)
        #[arg(long, value_name = "N")]
        threads: Option<usize>,
    },
    /// Latency of searches in this process, text encoding included
    Query {
        /// One query on each line
        #[arg(long, value_name = "FILE")]
        queries: PathBuf,
        /// How often the file is asked
        #[arg(long, default_value_t = 3, value_name = "N")]
        rounds: usize,
    },
    /// How well absent queries are told from present ones, and how true the stated probabilities are
    Cut {
        /// Fit the regressions on Open Clip Art instead, and print them
        #[arg(long)]
        fit: bool,
        /// Judge the pictures by this head, which learned of none of them, in place of the pack's
        #[arg(long, value_name = "FILE", requires = "fit")]
        head: Option<PathBuf>,
    },
    /// How well words find pictures by what is seen, by what captions mean, by what is written, and by all of these
    Hybrid {
        /// Try weights on other queries instead
        #[arg(long)]
        fit: bool,
    },
    /// How well the tags of a person's list fit
    Tags {
        /// Fit the regression on Open Clip Art instead, and print it
        #[arg(long)]
        fit: bool,
    },
    /// How well a few pictures of a kind find the others, by several ways to learn from them
    Concepts,
    /// Whether heat maps are hot where the thing lies that was asked for
    Heat,
    /// How much better a small figure in a big scene is found with parts of pictures than without
    Regions {
        /// Measure with Open Clip Art instead of the stamps: settings are chosen with those
        #[arg(long)]
        clips: bool,
    },
    /// What `fovea serve` answers over this collection, asked by another process
    Serve {
        /// One text on each line
        #[arg(long, value_name = "FILE")]
        queries: PathBuf,
    },
    /// How long a collection takes to come to another pack from the features that are kept; they are mixed of those of this one
    Migrate {
        /// How many pictures
        #[arg(long, default_value_t = 100_000, value_name = "N")]
        items: u64,
    },
    /// What filters cost among a million synthetic items: their first use, and with their bitmap kept
    Filters {
        /// How many items; they are made once and kept in Fovea's cache
        #[arg(long, default_value_t = 1_000_000, value_name = "N")]
        items: u64,
        /// Which index their vectors get, as for `fovea index`
        #[arg(long, default_value = "auto", value_name = "auto|FAMILY[:NAME=N,...]")]
        index: String,
    },
    /// What Fovea costs beside the official client on the server of --db, and whether its answers are those of a folder
    Milvus {
        /// How many synthetic vectors; they are gone from the server afterwards
        #[arg(long, default_value_t = 20_000, value_name = "N")]
        items: usize,
    },
    /// What databases of synthetic items take, against what `fovea plan` says of them
    Plan(BenchPlanFlags),
    /// How well copies of pictures are found that were saved again, resized, cropped, marked, turned and more
    Dedupe(BenchDedupeFlags),
    /// Pictures and texts a second, loading and memory of a pack, beside Python's ONNX Runtime over the same networks
    Encode {
        /// The pack
        #[arg(long, default_value = "base", value_name = "PACK")]
        model: String,
        /// Threads of both sides (default: one a core)
        #[arg(long, value_name = "N")]
        threads: Option<usize>,
        /// Pictures and texts in each of the rounds
        #[arg(long, default_value_t = 32, value_name = "N")]
        count: usize,
    },
    /// Fovea's indexes against hnswlib, Faiss and usearch, on the same vectors in the same run
    Ann(AnnFlags),
}

#[derive(Args, Debug)]
pub struct BenchDedupeFlags {
    /// Pictures of Open Clip Art
    #[arg(long, default_value_t = 2_000, value_name = "N")]
    pub clips: usize,
    /// Pictures of Tux Paint
    #[arg(long, default_value_t = 700, value_name = "N")]
    pub stamps: usize,
    /// Measure with the half of the clips that bounds are chosen with, alone
    #[arg(long)]
    pub fit: bool,
    /// Measure the time of so many synthetic pictures instead; they are made once and kept in Fovea's cache
    #[arg(long, value_name = "N", conflicts_with_all = ["clips", "stamps", "fit"])]
    pub items: Option<u64>,
}

#[derive(Args, Debug)]
pub struct AnnFlags {
    /// `crops-512`, `wordnet-512`, `glove-50` or `synthetic-512` (default: all but the last, which is for scale only)
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
    /// What asks (default: text where the data set has it)
    #[arg(long, value_enum)]
    pub queries: Option<QueryKindFlag>,
    /// Of Fovea's families of index, measure these alone, as in `flat,vamana` (default: all; the trees take long)
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = PossibleValuesParser::new(fovea_index::FAMILIES.iter().map(|family| family.name)))]
    pub families: Vec<String>,
    /// Folder for what the run leaves: JSON, table and plot (default: in Fovea's cache)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Only make the data sets and build the peers' indexes, which takes long
    #[arg(long)]
    pub prepare_only: bool,
    /// Leave out peers whose index is not built yet
    #[arg(long)]
    pub no_build: bool,
    /// Measure what else is promised instead: the exact scan against Faiss, filters, and half of the rows replaced
    #[arg(long, conflicts_with_all = ["prepare_only", "no_build", "out", "families"])]
    pub bars: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryKindFlag {
    Text,
    Image,
}

#[derive(Args, Debug)]
pub struct TuneFlags {
    /// Share of the true ten nearest that a search must find
    #[arg(long, default_value_t = 0.95, value_name = "SHARE")]
    pub recall: f64,
}
