//! What may be typed about packs: `models`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Args, Debug)]
pub struct ModelsFlags {
    #[command(subcommand)]
    pub what: ModelsCommand,
}

#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Install a model pack
    Pull {
        /// `base` is the only one so far
        name: String,
        /// Take the parts from this folder instead of the network
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// Make a pack of a model of the CLIP family, of a classifier of ImageNet, or of a network that only sees: of a folder with ONNX
    /// files, of weights of torchvision, or from a hub; or of a file of word vectors
    Add(AddFlags),
    /// Show the installed packs
    List,
    /// Say which models fit: by language and memory as Immich measured them, and by how fast this machine is
    Recommend {
        /// Language of the searches, as `de` or `zh-Hant`
        #[arg(long, default_value = "en")]
        language: String,
        /// Memory that both networks may take at most, as `4G` or `3500M`
        #[arg(long)]
        memory: Option<String>,
    },
    /// Measure for a few seconds how a pack sees fastest on this machine (sessions, threads, pictures in a run), and keep it.
    /// `fovea index` does so by itself in a moment where nothing is kept yet
    Tune { name: String },
    /// Show one pack and check every file of it; fails when it is not the version this program needs
    Info { name: String },
}

const ADD_HELP: &str = "\
What is recognised, read and refused: docs/models.md. A download goes into the cache that
Python's huggingface_hub keeps, goes on where it broke off, and is checked. HF_ENDPOINT,
HF_HOME, HF_TOKEN and HTTPS_PROXY mean what they mean there.";

#[derive(Args, Debug)]
#[command(after_help = ADD_HELP)]
pub struct AddFlags {
    /// A folder as published for transformers.js, Immich or open_clip; weights of a ResNet or VGG of torchvision; a repository of a hub with such files; or the name that
    /// Immich gives a model, as `ViT-B-32__openai`, or one of clip, clip-large, siglip, siglip2, siglip2-large, nllb-clip.
    /// Or a file of word vectors: word2vec (.bin, .txt), GloVe (.txt) or fastText (.vec), also as .gz
    #[arg(value_name = "DIR|FILE|hf:OWNER/REPO[@REV]|NAME")]
    pub model: PathBuf,
    /// What the pack will be called (default: as the folder, the file or the repository)
    #[arg(long)]
    pub name: Option<String>,
    /// Which of several precisions, as in `fp16` or `quantized` (default: the plain files); of those in a folder `fastest` takes
    /// the one that sees fastest on this machine, and as the plain one does
    #[arg(long)]
    pub precision: Option<String>,
    /// Which of several sizes that lie in folders of their own, as `s0` of onnx/s0/vision_model.onnx
    #[arg(long)]
    pub size: Option<String>,
    /// Put it in the place of a pack of that name
    #[arg(long)]
    pub replace: bool,
    /// Ask no hub: use what was fetched before
    #[arg(long)]
    pub offline: bool,
    /// Of word vectors so many at most, the most frequent, which files have first (default: 400000)
    #[arg(long, value_name = "N")]
    pub most_words: Option<usize>,
}
