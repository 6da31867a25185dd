//! What a person may type. Parsed here and nowhere else; `settings` turns it into what the program means.
//!
//! A flat list of flags.

mod bench;
mod models;
pub mod scale;
pub mod train;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use fovea_vectordb::Metric;
use fovea_vectordb::exchange::{AnnoyMetric, FileKind};

pub use self::bench::{
    AnnFlags, BenchCommand, BenchDedupeFlags, BenchFlags, QueryKindFlag, TuneFlags,
};
pub use self::models::{AddFlags, ModelsCommand, ModelsFlags};
use self::scale::{MigrateFlags, PlanFlags};
use self::train::{MigrateModelFlags, TagFlags, TrainFlags};
use crate::server::keys::Role;

/// Find images by words, by images, and by mixtures of both.
#[derive(Debug, Parser)]
#[command(name = "fovea", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Flags {
    #[command(flatten)]
    pub global: GlobalFlags,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
First steps:
  fovea demo                      see it work on a real set of images
  fovea index ~/Pictures          make a folder searchable
  fovea search a dog on a beach   find pictures by words, in 16 languages
  fovea search ./photo.jpg        find similar pictures
  fovea dedupe                    find copies of the same picture
  fovea import vectors.npy        search vectors of your own

Exit codes: 0 found or done, 1 nothing found, 2 wrong usage or input, 3 the environment failed,
4 data is damaged, 130 interrupted.";

#[derive(Args, Debug)]
pub struct GlobalFlags {
    /// Folder of the database, or milvus://[USER:PASSWORD@]HOST:PORT[/DATABASE]
    #[arg(long, global = true, env = "FOVEA_DB", value_name = "DIR")]
    pub db: Option<String>,
    /// Folder of previews and uploads, where the database is on a server, or s3://BUCKET[/PREFIX] with the keys of
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, at AWS_ENDPOINT_URL and in AWS_REGION where those are set
    #[arg(long, global = true, env = "FOVEA_BLOBS", value_name = "DIR|URL")]
    pub blobs: Option<PathBuf>,
    /// Collection inside the database (default: `default`)
    #[arg(long, global = true, value_name = "NAME")]
    pub collection: Option<String>,
    /// Print JSON on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Folder of the model packs
    #[arg(long, global = true, env = "FOVEA_MODELS", value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// What the networks of a pack run on (default: cpu). Where ONNX Runtime cannot, a line says why, and the CPU is used
    #[arg(
        long,
        global = true,
        env = "FOVEA_DEVICE",
        value_enum,
        value_name = "DEVICE"
    )]
    pub device: Option<DeviceFlag>,
    /// Library of ONNX Runtime in place of the one that a pack brings, which knows the CPU alone on Linux and Windows
    #[arg(long, global = true, env = "FOVEA_ONNXRUNTIME", value_name = "FILE")]
    pub onnxruntime: Option<PathBuf>,
    /// No progress on standard error
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeviceFlag {
    Cpu,
    Cuda,
    #[value(name = "tensorrt")]
    TensorRt,
    #[value(name = "coreml")]
    CoreMl,
    #[value(name = "directml")]
    DirectMl,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Pull the base model pack and a real set of images, index it, and search it
    Demo,
    /// Make the images of folders searchable, and keep up with what changed
    Index(IndexFlags),
    /// Find images by words, by images, or by both
    Search(SearchFlags),
    /// Say why a picture is where it is in an answer, or why it is not there
    Explain(ExplainFlags),
    /// Keep searches under a name, to stand as `@NAME` in others
    Saved(SavedFlags),
    /// Give what a few pictures have in common a name, to search for it as `@NAME`
    Concept(ConceptFlags),
    /// Count the items by year, camera, tag and other values, all of them or those that filters let through
    Facets(FacetsFlags),
    /// Remove pictures from the collection for good, with all that was kept of them, to the last byte; their files stay
    Forget(ForgetFlags),
    /// Find copies of the same picture, and propose which one to keep; touches nothing unless told to
    Dedupe(DedupeFlags),
    /// Bring vectors of your own into a collection: NumPy, Faiss, Annoy, clip-retrieval and others
    Import(ImportFlags),
    /// Write the collection's vectors as a file that NumPy, Faiss and others read
    Export(ExportFlags),
    /// Answer over HTTP, with a page to look at pictures
    Serve(ServeFlags),
    /// Let an assistant look through the collection (Model Context Protocol, over standard input and output)
    Mcp(McpFlags),
    /// Make, list and revoke the keys of the server
    Keys(KeysFlags),
    /// Measure how well captions find their images
    Eval(EvalFlags),
    /// Measure speed
    Bench(BenchFlags),
    /// Find the cheapest search that finds enough, and keep it
    Tune(TuneFlags),
    /// Pull, add, list and inspect model packs
    Models(ModelsFlags),
    /// Learn a better alignment from images and their captions: a pack of its own
    Train(TrainFlags),
    /// Give the pictures of the collection tags anew, by its own pack or by one that was taught labels
    Tag(TagFlags),
    /// Move the collection to another pack, from what is kept of its images, or back
    MigrateModel(MigrateModelFlags),
    /// Copy the whole database to another place: from a folder to a Milvus server, back, or to another folder
    Migrate(MigrateFlags),
    /// Say what a library of a size takes: memory, disk, machines and time, in a folder and on a Milvus server
    Plan(PlanFlags),
    /// Show what the collection holds
    Stats,
    /// Look for damage
    Check(CheckFlags),
}

#[derive(Args, Debug)]
pub struct IndexFlags {
    /// Folders or files
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Where captions come from: `none`, `sidecar` (IMAGE.txt beside IMAGE.jpg), or a FILE.tsv with path,
    /// language and caption. Without this flag: as the folder was indexed last, at first `sidecar`
    #[arg(long, value_name = "none|sidecar|FILE.tsv")]
    pub captions: Option<String>,
    /// Leave out what matches (grammar of .gitignore; repeatable). Remembered for the folder; `--exclude ""` forgets
    #[arg(long, value_name = "GLOB")]
    pub exclude: Option<Vec<String>>,
    /// Keep parts of each picture too, so that a small thing in a big scene is found: `grid` (overlapping squares), `salient`
    /// (what stands out), `all` (both; what the bare flag means), or `none`, which removes them. Remembered for the collection
    #[arg(long, value_name = "all|grid|salient|none", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub regions: Option<String>,
    /// Tags of your own, one on each line of a file: a name, or a name, a tab, and words that describe it. Pictures that look
    /// like one get it, those that are indexed already, too. Remembered for the collection; `none` forgets them
    #[arg(long, value_name = "FILE|none")]
    pub tags: Option<String>,
    /// Keep following the folders until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// The model pack of a new collection (default: base). One that is there keeps its own: see `fovea migrate-model`
    #[arg(long, value_name = "PACK")]
    pub model: Option<String>,
    /// Which index the vectors get: `auto` (by their number), or a family with parameters, as in `vamana:degree=64`.
    /// Remembered for the collection
    #[arg(long, value_name = "auto|FAMILY[:NAME=N,...]")]
    pub index: Option<String>,
    /// Index the I-th of N shares of the files, as in 2/4: N processes, on as many machines as you like, index one database on
    /// a server side by side. Give all the same other flags. What was left behind is swept by a run without it
    #[arg(long, value_name = "I/N", conflicts_with = "watch")]
    pub part: Option<String>,
    /// Try unreadable files again, although they have not changed
    #[arg(long)]
    pub retry: bool,
    /// Index pictures that were forgotten, too
    #[arg(long)]
    pub remember: bool,
    /// A folder that has become empty is really empty, not an unplugged drive
    #[arg(long)]
    pub prune_empty: bool,
    /// Largest image, in millions of pixels
    #[arg(long, value_name = "N")]
    pub max_megapixels: Option<u64>,
    /// Largest file, in MiB
    #[arg(long, value_name = "N")]
    pub max_file_mb: Option<u64>,
    /// Worker threads (default: one a core)
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

const SEARCH_HELP: &str = "\
Terms: words; \"a phrase\"; ./FILE or image:\"my dog.jpg\"; #ITEM, which is more like an item of the collection. A lone `+`
adds a term, a lone `-` takes one away, `0.5:TERM` weighs it, `not:TERM` leaves out what looks like it. @NAME is a saved
search or a concept: see `fovea saved --help`, `fovea concept --help`.

Filters, anywhere among them: date: year: month: path: folder: name: ext: camera: lens: iso: w: h: size: orientation:
rating: tag: lang: near: color: has: and every key of the metadata. `a|b` is either, `a..b` a range, `*` and `?` any
letters, `-key:value` the opposite, `key:a | key:b` either filter. An argument in quotes of the shell stays words.

  fovea search a dog on a beach - people
  fovea search beach July 2023 -tag:private rating:4..
  fovea search ./dog.jpg + snow 'near:47.4,11.0,30' 'ext:jpg|png'
  fovea search 去年夏天的海滩 --plan";

/// A filter that is turned round begins with a dash, as flags do: `-tag:cat`. It means the same with a `!`.
pub fn with_negations(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut is_search = false;
    let spelt = arguments.map(|argument| {
        let Some(text) = argument.to_str() else {
            return argument;
        };
        is_search |= ["search", "saved", "explain", "facets", "dedupe"].contains(&text);
        let filter = text.strip_prefix('-').filter(|_| is_search);
        let key = filter.and_then(|filter| filter.split_once(':'));
        let is_key = |name: &str| {
            name.starts_with(|first: char| first.is_ascii_alphabetic())
                && !name.contains(|letter: char| letter == '=' || letter.is_whitespace())
        };
        match (filter, key) {
            (Some(filter), Some((name, _))) if is_key(name) => format!("!{filter}").into(),
            _ => argument,
        }
    });
    spelt.collect()
}

#[derive(Args, Debug)]
#[command(after_help = SEARCH_HELP)]
pub struct SearchFlags {
    /// What to look for: words, images and filters, see below
    #[arg(value_name = "TERM", allow_hyphen_values = false)]
    pub terms: Vec<String>,
    /// How many results (default: 10)
    #[arg(long, short = 'n', value_name = "N")]
    pub top: Option<usize>,
    /// Print only paths
    #[arg(long)]
    pub paths: bool,
    /// End each path with a zero byte, for `xargs -0`; implies --paths
    #[arg(long, short = '0')]
    pub null: bool,
    /// Read queries from a file, one on each line (`-` is standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "terms")]
    pub queries: Option<PathBuf>,
    /// Ask this pack, too, and rank by both (repeatable): what one sees and the other does not comes to the front. `fovea
    /// migrate-model --to PACK --stay` makes what it needs of the collection
    #[arg(long, value_name = "PACK",
          conflicts_with_all = ["queries", "plan", "sort", "threshold", "group", "diverse", "cursor", "vector"])]
    pub with: Vec<String>,
    /// Print what the query means in this collection, as a query that can be changed, and search for nothing
    #[arg(long, conflicts_with = "vector")]
    pub plan: bool,
    /// Leave all words as they are; otherwise `beach July 2023` looks for a beach among the pictures of that month, and `photos of a dog` for a dog
    #[arg(long)]
    pub no_guess: bool,
    /// Search by a part of the image: left, top, width and height, in fractions of the picture
    #[arg(
        long,
        value_name = "X,Y,W,H",
        allow_hyphen_values = true,
        conflicts_with = "vector"
    )]
    pub region: Option<String>,
    /// The order in which what was found is shown
    #[arg(long, value_enum, default_value_t = SortFlag::Relevance)]
    pub sort: SortFlag,
    /// Leave out what scores less
    #[arg(long, value_name = "SCORE", allow_hyphen_values = true)]
    pub threshold: Option<f32>,
    /// Show one result of each folder, day, or set of pictures that look alike, with the number of the others
    #[arg(long, value_enum, value_name = "BY", conflicts_with = "vector")]
    pub group: Option<GroupFlag>,
    /// Prefer results unlike those before them: 0 changes nothing, 1 looks at nothing else
    #[arg(long, value_name = "0..1", num_args = 0..=1, default_missing_value = "0.5", require_equals = true,
          conflicts_with_all = ["sort", "group", "cursor", "vector"])]
    pub diverse: Option<f32>,
    /// The next page: what stood as `next` in the JSON of the page before
    #[arg(long, value_name = "CURSOR", conflicts_with_all = ["queries", "vector"])]
    pub cursor: Option<String>,
    /// Lines of --queries are queries as on the command line; otherwise each is a text, taken as it is
    #[arg(long, requires = "queries")]
    pub syntax: bool,
    /// Ask with the vectors of a file, each row a query: NumPy, Faiss and others, see `fovea import --help`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["terms", "queries"])]
    pub vector: Option<PathBuf>,
    /// Only this row of --vector, counted from 0
    #[arg(long, value_name = "N", requires = "vector")]
    pub row: Option<usize>,
    /// Spaces that answer; for --vector by default the one whose vectors are as long
    #[arg(long, value_enum, default_value_t = SpaceFlag::All)]
    pub space: SpaceFlag,
    /// Show the pictures in the terminal
    #[arg(long, value_enum, default_value_t = PreviewFlag::Auto)]
    pub preview: PreviewFlag,
    /// Height of a shown picture, in lines
    #[arg(long, default_value_t = 8, value_name = "LINES", value_parser = clap::value_parser!(u32).range(2..200))]
    pub preview_height: u32,
    #[command(flatten)]
    pub file: VectorFileFlags,
}

const EXPLAIN_HELP: &str = "\
ITEM is the path of a picture, or an id as `--json` prints it: #0mcec91gq42rt. A path that is no
item is answered with the reason why it was never indexed. Exit code 0 says that the query shows
it, 1 that it does not.

One argument after --query is a whole query, several are what `fovea search` takes.

  fovea explain zoo/owl.png --query a bird date:2024
  fovea explain zoo/owl.png --query 'a bird - 0.5:water' --heat owl-heat.png
  fovea explain ~/Pictures/new.jpg --query a bird";

#[derive(Args, Debug)]
#[command(after_help = EXPLAIN_HELP)]
pub struct ExplainFlags {
    /// A path, or an id
    #[arg(value_name = "ITEM")]
    pub item: String,
    /// The query that is explained, as for `fovea search`
    #[arg(long, required = true, value_name = "QUERY", num_args = 1..)]
    pub query: Vec<String>,
    /// Further filters (repeatable)
    #[arg(long = "where", value_name = "FILTER")]
    pub filter: Vec<String>,
    /// Write a picture of where it matched, as PNG: each part is hidden in turn and shown alone, and where that makes a
    /// difference to the score it is hot
    #[arg(long, value_name = "FILE.png")]
    pub heat: Option<PathBuf>,
    /// Where it stands by this pack, too, and by all together, as for `fovea search --with` (repeatable)
    #[arg(long, value_name = "PACK")]
    pub with: Vec<String>,
    /// Of how many results the list is that is explained (default: 10)
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub top: Option<u32>,
    /// Leave all words as they are: dates and `photos of`, too
    #[arg(long)]
    pub no_guess: bool,
    /// Spaces that answer
    #[arg(long, value_enum, default_value_t = SpaceFlag::All)]
    pub space: SpaceFlag,
}

const SAVED_HELP: &str = "\
@NAME stands for a saved search wherever a term may: its filters have to hold, and its terms
together are one term. Names have letters and digits of any script, `-` and `_`; letter case does
not count.

  fovea saved add beach sand and sea date:2020..
  fovea search @beach + 0.5:dog
  fovea search @beach --plan";

#[derive(Args, Debug)]
#[command(after_help = SAVED_HELP)]
pub struct SavedFlags {
    #[command(subcommand)]
    pub what: SavedCommand,
}

#[derive(Debug, Subcommand)]
pub enum SavedCommand {
    /// Keep a query, written as for `fovea search`
    Add {
        /// What it is called, without the `@`
        name: String,
        /// Terms and filters
        #[arg(value_name = "TERM", allow_hyphen_values = false)]
        query: Vec<String>,
        /// Put it in the place of one of that name
        #[arg(long)]
        replace: bool,
    },
    /// Show all of them
    List,
    /// Show what one means in this collection
    Show { name: String },
    /// Forget one
    Remove { name: String },
}

const CONCEPT_HELP: &str = "\
A concept is learnt from pictures that show what is meant, better with some that do not:
pictures of the collection (by path or #ID) or any others. @NAME then stands for it: alone it
finds what looks like that, and beside words it is a term among them. Five liked pictures are a
good beginning; more can be added, and so can what was found and is wrong.

  fovea concept add rex --like rex1.jpg rex2.jpg rex3.jpg '#0mcec91gq42rt' --unlike wolf.jpg
  fovea search @rex
  fovea search @rex + beach";

#[derive(Args, Debug)]
#[command(after_help = CONCEPT_HELP)]
pub struct ConceptFlags {
    #[command(subcommand)]
    pub what: ConceptCommand,
}

#[derive(Debug, Subcommand)]
pub enum ConceptCommand {
    /// Begin a concept, or add examples to it
    Add {
        /// What it is called, without the `@`
        name: String,
        /// Pictures that show it: paths, or ids of items
        #[arg(long, value_name = "FILE|#ID", num_args = 1..)]
        like: Vec<String>,
        /// Pictures that do not, though they look alike
        #[arg(long, value_name = "FILE|#ID", num_args = 1..)]
        unlike: Vec<String>,
    },
    /// Show all of them
    List,
    /// Show one with its examples and how well it finds them
    Show { name: String },
    /// Forget one, or only some of its examples
    Remove {
        name: String,
        /// Examples that go: paths, or ids of items
        #[arg(value_name = "FILE|#ID")]
        examples: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SortFlag {
    /// The best first; of filters alone, the newest
    Relevance,
    /// The newest first
    Date,
    /// By file name
    Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GroupFlag {
    /// The folder they lie in
    Folder,
    /// The day they were taken
    Day,
    /// How they look
    Similar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SpaceFlag {
    /// What is seen and what captions mean, of which an image counts with the better; more where the words are written
    All,
    /// Only what is seen
    Image,
    /// Only what captions mean
    Caption,
    /// Only the words that are written: in captions, tags, and names of files and folders
    Keyword,
    /// The image alone, in the encoder's own space; for --vector only
    Visual,
}

const FACETS_HELP: &str = "\
  fovea facets                                    how many items of each year, extension, folder, camera ...
  fovea facets ext:jpg -tag:private --by year     of those that filters let through
  fovea facets --by camera,iso,focal_mm --limit 5 by keys of filters, and of the metadata";

#[derive(Args, Debug)]
#[command(after_help = FACETS_HELP)]
pub struct FacetsFlags {
    /// Filters, as in `fovea search`
    #[arg(value_name = "KEY:VALUE")]
    pub filters: Vec<String>,
    /// What to count by: keys of filters (year, month, ext, folder, camera, lens, iso, w, h, tag, rating, lang ...) and
    /// every key of the metadata (default: the usual ones that have values)
    #[arg(long, value_name = "KEY,...", value_delimiter = ',')]
    pub by: Vec<String>,
    /// Values of a key that are shown, the most frequent first
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub limit: usize,
}

const DEDUPE_HELP: &str = "\
The same picture is one that was saved again, in another format or size, cropped by up to a
tenth, made brighter, darker or grey, marked, mirrored or turned. What is only alike is no copy:
--similar shows that, and nothing ever moves or links it.

  fovea dedupe                            groups of copies, the best of each to keep
  fovea dedupe --where folder:2023        only among these
  fovea dedupe --move ~/copies            move the others away; ~/copies/moved.tsv says where from
  fovea dedupe --link                     let copies with the same bytes share them";

#[derive(Args, Debug)]
#[command(after_help = DEDUPE_HELP)]
pub struct DedupeFlags {
    /// Only among what this filter lets through, as in `fovea search` (repeatable)
    #[arg(long = "where", value_name = "FILTER")]
    pub filter: Vec<String>,
    /// Show pictures too that are alike and not the same, from this cosine on
    #[arg(long, value_name = "COSINE", num_args = 0..=1, require_equals = true, default_missing_value = SIMILAR)]
    pub similar: Option<f32>,
    /// Let copies with the same bytes share them: by a reflink where the file system has these, or else as one file (hard link)
    #[arg(long, conflicts_with = "move")]
    pub link: bool,
    /// Move all copies but the best into this folder, with their paths, never over another file
    #[arg(long, value_name = "DIR")]
    pub r#move: Option<PathBuf>,
}

/// As `fovea_engine::dedupe::SIMILAR`, written out for the help; a test compares them.
pub const SIMILAR: &str = "0.9";

const IMPORT_HELP: &str = "\
Files: .npy; .fvecs .ivecs .bvecs; .fbin .ibin .u8bin .i8bin; .faiss (flat, IDMap, HNSWFlat);
.ann (with --annoy-dim and --annoy-metric); a folder of clip-retrieval, with its paths, captions
and texts.

Each row becomes an item. It is called as the file calls it, or FILE#ID, or FILE#ROW counted
from 0. Importing a file again writes what changed, and what left it goes.

  fovea --collection mine import vectors.npy --metric l2 --index vamana
  fovea --collection mine search --vector queries.npy --row 0
  fovea --collection mine export copy.faiss";

#[derive(Args, Debug)]
#[command(after_help = IMPORT_HELP)]
pub struct ImportFlags {
    /// File or folder
    pub path: PathBuf,
    /// How the vectors are compared: cosine, ip (inner product) or l2 (Euclidean distance). Decided once for a
    /// collection; by default what the file was made for, else cosine
    #[arg(long, value_name = "cosine|ip|l2")]
    pub metric: Option<Metric>,
    /// Which index the vectors get: `auto` (by their number), or a family with parameters, as in `ivf:lists=512`.
    /// Remembered for the collection
    #[arg(long, value_name = "auto|FAMILY[:NAME=N,...]")]
    pub index: Option<String>,
    /// A caption for each row, one a line, empty for none
    #[arg(long, value_name = "FILE")]
    pub captions: Option<PathBuf>,
    #[command(flatten)]
    pub file: VectorFileFlags,
}

// What a vector file may not say of itself. A comment of three slashes would become the help of the whole command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Vector files")]
pub struct VectorFileFlags {
    /// What the file is, where its name does not say it: npy, fvecs, ivecs, bvecs, fbin, ibin, u8bin, i8bin,
    /// faiss, annoy or clip-retrieval
    #[arg(long, value_name = "KIND")]
    pub kind: Option<FileKind>,
    /// Numbers of a vector, which Annoy files do not say
    #[arg(long, value_name = "N")]
    pub annoy_dim: Option<usize>,
    /// The metric that an Annoy file was built with, which it does not say either
    #[arg(long, value_name = "angular|euclidean|manhattan|dot")]
    pub annoy_metric: Option<AnnoyMetric>,
}

#[derive(Args, Debug)]
pub struct ExportFlags {
    /// OUT.npy, OUT.fvecs, OUT.fbin or OUT.faiss, and beside it OUT.npy.names.jsonl with a line for each row; or a
    /// new folder with --kind clip-retrieval
    pub out: PathBuf,
    /// What to write, where the name does not say it: npy, fvecs, fbin, faiss or clip-retrieval
    #[arg(long, value_name = "KIND")]
    pub kind: Option<FileKind>,
    /// Which vectors (default: image)
    #[arg(long, value_name = "image|caption|visual")]
    pub space: Option<String>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

const SERVE_HELP: &str = "\
Without keys whoever reaches the server may do everything, so that it listens on this machine
alone. Once a key exists, it is asked for everywhere.

  fovea serve                                        http://127.0.0.1:7878
  fovea keys add --role read family                  prints a key, once
  fovea serve --listen 0.0.0.0:7878 --cert cert.pem --key key.pem --host photos.example.org";

#[derive(Args, Debug)]
#[command(after_help = SERVE_HELP)]
pub struct ServeFlags {
    /// Where to listen; any other place than this machine itself needs a key
    #[arg(long, default_value = "127.0.0.1:7878", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,
    /// Certificates for TLS, as PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Private key of the first certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// A name under which the server is reached, beside its addresses and `localhost` (repeatable)
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
    /// A folder that may be indexed over HTTP although it is not part of the collection yet (repeatable)
    #[arg(long = "allow-root", value_name = "DIR")]
    pub allow_roots: Vec<PathBuf>,
    /// Write what is looked for into the log
    #[arg(long)]
    pub log_queries: bool,
    /// Requests a second that each key may make
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// Connections at once
    #[arg(long, default_value_t = 512, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub connections: u32,
    /// Largest picture that is taken, in MiB
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(1..2048))]
    pub max_upload_mb: u32,
}

#[derive(Args, Debug)]
pub struct ForgetFlags {
    /// Items, as #ITEM or by path
    #[arg(value_name = "ITEM", required_unless_present = "filter")]
    pub items: Vec<String>,
    /// All items that these filters let through, as in `folder:private` (repeatable; all of them hold)
    #[arg(long = "where", value_name = "FILTER", conflicts_with = "items")]
    pub filter: Vec<String>,
    /// Do it; without this it is only told what would go
    #[arg(long)]
    pub yes: bool,
}

#[derive(Args, Debug)]
pub struct McpFlags {
    /// Tell the assistant where pictures were taken and by which camera, and let it search by that
    #[arg(long)]
    pub see_location: bool,
}

#[derive(Args, Debug)]
pub struct KeysFlags {
    #[command(subcommand)]
    pub what: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key, and print it once; with --collection it opens that one alone
    Add {
        /// What it is for, to know it again
        name: String,
        /// What it may do; each role may do what those before it may
        #[arg(long, value_enum, default_value_t = Role::Read)]
        role: Role,
        /// It may be told where pictures were taken
        #[arg(long)]
        see_location: bool,
    },
    /// Show all of them; what they are is not known any more
    List,
    /// Let one open nothing any more
    Revoke { name: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PreviewFlag {
    /// When standard output is a terminal that can
    Auto,
    Always,
    Never,
}

#[derive(Args, Debug)]
pub struct EvalFlags {
    /// Path, language and caption on each line, with tabs between them
    #[arg(long, value_name = "FILE.tsv")]
    pub captions: PathBuf,
    /// Among which images a caption has to find its own
    #[arg(long, value_enum, default_value_t = CandidatesFlag::All)]
    pub candidates: CandidatesFlag,
    /// Only these languages (repeatable)
    #[arg(long, value_name = "TAG")]
    pub lang: Vec<String>,
    /// Spaces that answer; captions would find themselves, so only what is seen by default
    #[arg(long, value_enum, default_value_t = SpaceFlag::Image)]
    pub space: SpaceFlag,
    /// How well the captions of each folder's images are answered, too
    #[arg(long)]
    pub by_folder: bool,
    /// Ask another pack the same, which the collection was searched with before, and say whether the difference is chance
    #[arg(long, value_name = "PACK")]
    pub against: Option<String>,
    /// Seed of the bootstrap
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CandidatesFlag {
    /// Every image of the collection
    All,
    /// The images that the file names
    Listed,
}

#[derive(Args, Debug)]
pub struct CheckFlags {
    /// Make missing previews again; with --forgotten remove what is left
    #[arg(long)]
    pub repair: bool,
    /// Search every byte of the database's files for what `fovea forget` removed
    #[arg(long)]
    pub forgotten: bool,
}
