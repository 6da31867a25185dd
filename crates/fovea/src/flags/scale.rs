//! What may be typed about libraries that outgrow a machine: `migrate` and `plan`.

use std::path::PathBuf;

use clap::Args;

const MIGRATE_HELP: &str = "\
Every collection is copied with everything that is kept of it: items, captions, metadata, tags,
features, vectors, sources, packs, settings, saved searches, concepts, keys, what people did
with results, previews and uploads. The source may be in use: what changes meanwhile is copied
too, until it stands still. Cut short, the same command goes on where it stopped. The target has
to be empty, or a copy of the same source that nobody wrote to.

  fovea migrate --to milvus://milvus.lan --verify               from the folder that is used now to a server
  fovea --db milvus://milvus.lan migrate --to ./copy --verify   and back, into a folder

--verify asks both sides the same: what people asked, captions and names of items, and vectors
of items. Exit code 1 says that they did not agree as much as --recall wants.";

#[derive(Args, Debug)]
#[command(after_help = MIGRATE_HELP)]
pub struct MigrateFlags {
    /// Where to copy the database: a folder, or milvus://[USER:PASSWORD@]HOST:PORT[/DATABASE]
    #[arg(long, value_name = "DIR|URL")]
    pub to: String,
    /// Folder or bucket for previews and uploads, where the target is on a server, as with --blobs
    #[arg(long, value_name = "DIR|URL")]
    pub to_blobs: Option<PathBuf>,
    /// Ask both sides the same when all is copied, and compare the answers
    #[arg(long)]
    pub verify: bool,
    /// Share of the source's ten best answers that the target has to find, of every kind of query
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.95,
        requires = "verify"
    )]
    pub recall: f64,
}

const PLAN_HELP: &str = "\
Sums of what one item, vector and query cost, most of them measured (docs/scale.md says which,
and what is supposed). fovea bench plan holds them against databases that it makes.

  fovea plan --images 2000000 --queries-per-second 50
  fovea plan --images 10000000000 --queries-per-second 5000 --machine-memory 512 --json";

#[derive(Args, Debug)]
#[command(after_help = PLAN_HELP)]
pub struct PlanFlags {
    /// How many images, up to ten billion
    #[arg(long, value_name = "N")]
    pub images: String,
    /// How many searches by words in a second
    #[arg(long, value_name = "Q", default_value = "1")]
    pub queries_per_second: String,
    /// Model pack, which decides how long vectors are
    #[arg(long, value_name = "PACK", default_value = "base")]
    pub model: String,
    /// Captions of an image
    #[arg(long, value_name = "N", default_value = "0")]
    pub captions: String,
    /// Memory of one machine, in GB
    #[arg(long, value_name = "GB", default_value = "64")]
    pub machine_memory: String,
    /// Cores of one machine
    #[arg(long, value_name = "N", default_value = "16")]
    pub machine_cores: String,
}

const BENCH_PLAN_HELP: &str = "\
Where --db names a Milvus server, which should have nothing else, a library is written to it, and
what the server and a Fovea process with a copy of the records take is measured. What writing
leaves in the server's memory is no part of a plan: a command of yours starts it anew before it is
asked, best without its joining of segments, which reads all of them. With the tests' server:

  scripts/milvus up
  scripts/milvus exec sh -c 'fovea --db $FOVEA_MILVUS bench plan \\
    --server-data $FOVEA_MILVUS_DATA --restart \"scripts/milvus kill &&
      DATACOORD_ENABLECOMPACTION=false scripts/milvus again\"'";

#[derive(Args, Debug)]
#[command(after_help = BENCH_PLAN_HELP)]
pub struct BenchPlanFlags {
    /// How many items each database gets
    #[arg(long, value_delimiter = ',', default_values_t = [2_000, 20_000], value_name = "N,...")]
    pub items: Vec<u64>,
    /// Command that ends and starts the server of --db, and returns when it answers; without it the server's memory is not measured
    #[arg(long, value_name = "COMMAND")]
    pub restart: Option<String>,
    /// Folder of the server's object store; without it the server's disk is not measured
    #[arg(long, value_name = "DIR")]
    pub server_data: Option<PathBuf>,
    /// Say how much memory a copy of the records takes in this process, and nothing else
    #[arg(long, hide = true)]
    pub copy: bool,
}
