//! What may be typed behind `fovea train` and `fovea migrate-model`.

use clap::Args;

const MIGRATE_HELP: &str = "\
Images are not read again where what is kept of them will do. Searches go on meanwhile, saved searches are compared before
and after, and --back is the way back.

  fovea migrate-model --to base+mine
  fovea migrate-model --back";

#[derive(Args, Debug)]
#[command(after_help = MIGRATE_HELP)]
#[group(required = true, multiple = false)]
pub struct MigrateModelFlags {
    /// Move to this pack
    #[arg(long, value_name = "PACK")]
    pub to: Option<String>,
    /// Move to the pack that the collection had before
    #[arg(long)]
    pub back: bool,
}
