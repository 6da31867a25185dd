//! What may be typed behind `fovea train`, `fovea tag` and `fovea migrate-model`.
//!
//! A flat list of flags.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

const MIGRATE_HELP: &str = "\
Images are not read again where what is kept of them will do. Searches go on meanwhile, saved
searches are compared before and after, and --back is the way back.

  fovea migrate-model --to base+mine
  fovea migrate-model --back
  fovea migrate-model --to clip --stay      and fovea search --with clip asks both";

#[derive(Args, Debug)]
#[command(after_help = MIGRATE_HELP)]
pub struct MigrateModelFlags {
    /// Move to this pack
    #[arg(
        long,
        value_name = "PACK",
        required_unless_present = "back",
        conflicts_with = "back"
    )]
    pub to: Option<String>,
    /// Move to the pack that the collection had before
    #[arg(long)]
    pub back: bool,
    /// Move even though some pictures are gone of which the new pack has nothing to derive from
    #[arg(long)]
    pub leave_behind: bool,
    /// Make what the pack needs of each picture and stay with the collection's own: both answer with `fovea search --with PACK`.
    /// Again after pictures were added
    #[arg(long, conflicts_with_all = ["back", "leave_behind"])]
    pub stay: bool,
}

const TAG_HELP: &str = "\
Tags come from kept features alone, and replace those that a pack gave before; a list (fovea
index --tags FILE) stays. Images that are indexed later have the tags of the collection's own
pack until this is done again.

  fovea tag --pack base+shop      tags of a pack that fovea train classify made
  fovea search tag:boots
  fovea tag                       those of the collection's own pack again";

#[derive(Args, Debug)]
#[command(after_help = TAG_HELP)]
pub struct TagFlags {
    /// Tags of this pack (default: that of the collection). The collection stays with its own
    #[arg(long, value_name = "PACK")]
    pub pack: Option<String>,
    /// Tags that are shown with their counts, the most frequent first
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: usize,
}

#[derive(Args, Debug)]
pub struct TrainFlags {
    #[command(subcommand)]
    pub what: TrainCommand,
}

#[derive(Debug, Subcommand)]
pub enum TrainCommand {
    /// Learn from images and their captions where images and words meet: a pack of its own
    Align(Box<AlignFlags>),
    /// Learn labels from images that have them: tags of a pack of its own
    Classify(ClassifyFlags),
    /// Learn from pictures without a word which ones are alike: the visual space of a pack of its own
    Visual(VisualFlags),
    /// List the pictures of the collection whose label would help most
    Suggest(SuggestFlags),
}

const ALIGN_HELP: &str = "\
A tenth of the images is held out; training stops when they are found no better, and the weights
that found them best are kept. What comes out is the pack base+NAME, with what was measured in
it; `fovea migrate-model --to base+NAME` moves a collection to it. A run that was stopped goes
on where it was when it is started again.

  fovea train align --from-collection
  fovea train align --pairs captions.tsv --name shop --report shop.html
  fovea train align --from-collection --sweep 10";

#[derive(Args, Debug)]
#[command(after_help = ALIGN_HELP)]
pub struct AlignFlags {
    /// Images and captions: path, language and caption on each line, with tabs between them. Features of images that are
    /// in the collection are taken from there
    #[arg(
        long,
        value_name = "FILE.tsv",
        required_unless_present = "from_collection",
        conflicts_with = "from_collection"
    )]
    pub pairs: Option<PathBuf>,
    /// The collection's own images and captions
    #[arg(long)]
    pub from_collection: bool,
    /// Only these of the collection, by filters as in `fovea search`
    #[arg(long = "where", value_name = "FILTER", requires = "from_collection")]
    pub filter: Vec<String>,
    /// Images that are only measured: a file as for --pairs, in the place of a tenth chosen by chance
    #[arg(long, value_name = "FILE.tsv", requires = "pairs")]
    pub held_out: Option<PathBuf>,
    /// Name of what is learnt: the pack base+NAME
    #[arg(long, default_value = "mine", value_name = "NAME")]
    pub name: String,
    /// Put it in the place of a pack of that name
    #[arg(long)]
    pub replace: bool,
    /// The pack whose encoders are used (default: that of the collection, or base)
    #[arg(long, value_name = "PACK")]
    pub model: Option<String>,
    /// Width of the hidden layer; 0 is a linear map
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub hidden: usize,
    /// Do not begin from the frozen alignment
    #[arg(long)]
    pub no_residual: bool,
    /// What is made small
    #[arg(long, value_enum, default_value_t = LossFlag::Infonce)]
    pub loss: LossFlag,
    /// Pairs of a step
    #[arg(long, default_value_t = 512, value_name = "N")]
    pub batch: usize,
    /// How often every image has its turn at most
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub epochs: u32,
    /// The greatest learning rate
    #[arg(long, default_value_t = 1e-4, value_name = "RATE")]
    pub rate: f32,
    /// Weight decay
    #[arg(long, default_value_t = 0.5, value_name = "DECAY")]
    pub decay: f32,
    /// Where the learned temperature starts
    #[arg(long, default_value_t = 0.07, value_name = "T")]
    pub temperature: f32,
    /// Share of each batch that is made of neighbours, which are hard to tell apart
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub hard_negatives: f64,
    /// Share of the numbers of a feature that are left out at each step
    #[arg(long, default_value_t = 0.5, value_name = "SHARE")]
    pub dropout: f32,
    /// Share of the words of a caption that are left out, four ways for each caption; their order stays
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub word_dropout: f32,
    /// Noise added to features, in deviations
    #[arg(long, default_value_t = 0.0, value_name = "N")]
    pub noise: f32,
    /// Mix up to so much of another pair into each
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub mixup: f32,
    /// Views of each image: as it is, mirrored, its middle, and that mirrored. More than one reads every image
    #[arg(long, default_value_t = 1, value_name = "1-4", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub views: u8,
    /// Share of the images that is held out
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    pub validation: f64,
    /// Epochs without improvement until training stops
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub patience: u32,
    /// The same seed gives the same weights
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// Try learning rates, temperatures, widths and losses for so many minutes, and take the best
    #[arg(long, value_name = "MINUTES")]
    pub sweep: Option<f64>,
    /// Write what happened as a page that stands by itself
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Write curves for TensorBoard into this folder
    #[arg(long, value_name = "DIR")]
    pub events: Option<PathBuf>,
    /// Threads (default: one a core)
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LossFlag {
    /// Each image and text apart from the others of its batch (CLIP)
    Infonce,
    /// Each pair by itself (SigLIP)
    Siglip,
    /// Pairs together, and nothing apart
    Cosine,
}

/// Images that have labels.
#[derive(Args, Debug)]
pub struct LabelFlags {
    /// A folder with a folder for each label, its images inside
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "labels",
        conflicts_with = "labels"
    )]
    pub folder: Option<PathBuf>,
    /// Path and label on each line with a tab between them; an image with several labels has several lines
    #[arg(long, value_name = "FILE.tsv")]
    pub labels: Option<PathBuf>,
}

const SUGGEST_HELP: &str = "\
Those that a classifier of the labels is least sure of, and not ten of one kind.

  fovea train suggest --folder ~/sorted --top 10";

#[derive(Args, Debug)]
#[command(after_help = SUGGEST_HELP)]
pub struct SuggestFlags {
    #[command(flatten)]
    pub source: LabelFlags,
    /// Only these of the collection, by filters as in `fovea search`
    #[arg(long = "where", value_name = "FILTER")]
    pub filter: Vec<String>,
    /// How many
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub top: usize,
    /// Threads (default: one a core)
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

impl SuggestFlags {
    /// Threads that work.
    pub fn n_threads(&self) -> usize {
        n_threads(self.threads)
    }
}

const CLASSIFY_HELP: &str = "\
A linear layer on the feature, regularised as strongly as is best on a fifth of the images that
is held out. What comes out is the pack base+NAME, which gives its labels as tags beside its
own: `fovea tag --pack base+NAME` tags a collection, and `fovea migrate-model --to base+NAME`
moves it, so that what is indexed later is tagged too.

  fovea train classify --folder ~/sorted --name shop
  fovea train classify --labels labels.tsv --name shop --report shop.html
  fovea train classify --folder ~/sorted --pseudo-label
  fovea search tag:boots";

#[derive(Args, Debug)]
#[command(after_help = CLASSIFY_HELP)]
pub struct ClassifyFlags {
    #[command(flatten)]
    pub source: LabelFlags,
    /// Name of what is learnt: the pack base+NAME
    #[arg(long, default_value = "labels", value_name = "NAME")]
    pub name: String,
    /// Put it in the place of a pack of that name
    #[arg(long)]
    pub replace: bool,
    /// The pack that it is added to (default: base); one that was trained keeps what it learnt
    #[arg(long, value_name = "PACK")]
    pub model: Option<String>,
    /// Go on into so many of the last blocks of the image network; its search stays as it was
    #[arg(long, value_name = "N", conflicts_with = "pseudo_label", value_parser = clap::value_parser!(u8).range(1..))]
    pub unfreeze: Option<u8>,
    /// Learn too from pictures of the collection without a label, as far as a classifier of the others is sure of them
    #[arg(long)]
    pub pseudo_label: bool,
    /// Only these of the collection, by filters as in `fovea search`
    #[arg(long = "where", value_name = "FILTER", requires = "pseudo_label")]
    pub filter: Vec<String>,
    /// So many of the labels that are added must be right, by what held-out pictures say
    #[arg(
        long,
        default_value_t = 0.95,
        value_name = "SHARE",
        requires = "pseudo_label"
    )]
    pub precision: f64,
    /// Rare labels weigh as much as frequent ones
    #[arg(long)]
    pub class_weights: bool,
    /// Noise added to features, in deviations
    #[arg(long, default_value_t = 0.0, value_name = "N")]
    pub noise: f32,
    /// Mix up to so much of another image into each
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub mixup: f32,
    /// Share of the images that is held out
    #[arg(long, default_value_t = 0.2, value_name = "SHARE")]
    pub validation: f64,
    /// The same seed gives the same weights
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// Write what came out as a page that stands by itself
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Threads (default: one a core)
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

const VISUAL_HELP: &str = "\
Of each picture a few altered views are encoded (a part, other colours, blurred, on another
picture), and a linear projection of features learns to bring them together and other pictures
apart. What comes out is the pack base+NAME, whose visual space finds copies and similar
pictures by it: `fovea migrate-model --to base+NAME` moves a collection, from its kept features.

  fovea train visual --from-collection
  fovea train visual --folder ~/Pictures --name look --images 3000";

#[derive(Args, Debug)]
#[command(after_help = VISUAL_HELP)]
pub struct VisualFlags {
    /// Pictures below this folder; features and previews of those that are in the collection are taken from there
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "from_collection",
        conflicts_with = "from_collection"
    )]
    pub folder: Option<PathBuf>,
    /// The collection's own pictures
    #[arg(long)]
    pub from_collection: bool,
    /// Only these of the collection, by filters as in `fovea search`
    #[arg(long = "where", value_name = "FILTER", requires = "from_collection")]
    pub filter: Vec<String>,
    /// Name of what is learnt: the pack base+NAME
    #[arg(long, default_value = "visual", value_name = "NAME")]
    pub name: String,
    /// Put it in the place of a pack of that name
    #[arg(long)]
    pub replace: bool,
    /// The pack whose features are used (default: that of the collection, or base); one that was trained keeps what it learnt
    #[arg(long, value_name = "PACK")]
    pub model: Option<String>,
    /// The most pictures, chosen by chance
    #[arg(long, default_value_t = 6000, value_name = "N")]
    pub images: usize,
    /// Altered views of each that are encoded
    #[arg(long, default_value_t = 4, value_name = "1-16", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub views: u8,
    /// After so many minutes no further picture is encoded, and what there is teaches
    #[arg(long, default_value_t = 30.0, value_name = "MINUTES")]
    pub minutes: f64,
    /// Length of a vector of the visual space
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub dim: usize,
    /// Divides cosines: the smaller, the more the nearest wrong pictures count
    #[arg(long, default_value_t = 0.1, value_name = "T")]
    pub temperature: f32,
    /// Pictures of a step
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub batch: usize,
    /// How often every picture has its turn
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub epochs: u32,
    /// The greatest learning rate
    #[arg(long, default_value_t = 1e-4, value_name = "RATE")]
    pub rate: f32,
    /// Share of the pictures that do not teach: half of them choose the epoch, the other half is only measured
    #[arg(long, default_value_t = 0.2, value_name = "SHARE")]
    pub validation: f64,
    /// The same seed gives the same weights
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// Threads (default: one a core)
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

impl VisualFlags {
    /// Threads that work.
    pub fn n_threads(&self) -> usize {
        n_threads(self.threads)
    }
}

/// So many as somebody said, else one a core.
fn n_threads(threads: Option<usize>) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    threads.unwrap_or_else(all).clamp(1, 256)
}

impl AlignFlags {
    /// Threads that work.
    pub fn n_threads(&self) -> usize {
        n_threads(self.threads)
    }
}

impl ClassifyFlags {
    /// Threads that work.
    pub fn n_threads(&self) -> usize {
        n_threads(self.threads)
    }
}
