//! What a library of a size takes, in a folder and on a Milvus server: memory, disk, shards, nodes and time.
//!
//! `costs` is what one of each thing costs, with where that number comes from; `folder` and `server` add up. `sizes` and
//! `server_sizes` measure the same on this machine, so that sums are held against what was kept (`fovea bench plan`). Nothing here prints.

mod costs;
mod folder;
mod server;
mod server_sizes;
mod sizes;

use fovea_vectordb::{PackRecord, SpaceSource};
use serde::Serialize;

pub use self::server::Records;
pub use self::server_sizes::copied;
pub use self::sizes::measure;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Load {
    pub images: u64,
    pub queries_per_second: f64,
    pub captions_per_image: f64,
    /// Bytes of memory, and cores, of one machine.
    pub machine_bytes: f64,
    pub machine_cores: f64,
    pub pack: String,
    /// Numbers of a feature, of a vector of images, and of one of captions; 0 where there is none.
    pub feature_dim: usize,
    pub image_dims: Vec<usize>,
    pub caption_dim: usize,
}

/// What it takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    pub load: Load,
    pub folder: folder::Folder,
    pub server: server::Server,
    /// What was supposed, in sentences.
    pub assumptions: Vec<String>,
}

impl Load {
    /// The vectors of a pack.
    pub fn of_pack(mut self, pack: &PackRecord) -> Load {
        let stored = pack.spaces.iter();
        let stored = stored.filter(|space| space.source == SpaceSource::Stored);
        let (captions, images): (Vec<_>, Vec<_>) =
            stored.partition(|space| space.name == "caption");
        self.pack = pack.name.clone();
        self.feature_dim = pack.feature_dim;
        self.image_dims = images.iter().map(|space| space.dim).collect();
        self.caption_dim = captions.first().map_or(0, |space| space.dim);
        self
    }

    fn n_captions(&self) -> f64 {
        self.images as f64 * self.captions_per_image
    }

    /// Each table of vectors: how many there are, and of how many numbers. Features are one.
    fn tables(&self) -> Vec<(f64, usize)> {
        let images = self.images as f64;
        let of_images = self.image_dims.iter().chain([&self.feature_dim]);
        let of_images = of_images.map(|&dim| (images, dim));
        of_images
            .chain([(self.n_captions(), self.caption_dim)])
            .filter(|(n, dim)| *n > 0.0 && *dim > 0)
            .collect()
    }
}

/// Add it all up.
pub fn plan(load: Load) -> Plan {
    Plan {
        folder: folder::Folder::of(&load),
        server: server::Server::of(&load),
        assumptions: costs::assumptions(&load),
        load,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn load(images: u64) -> Load {
        Load {
            images,
            queries_per_second: 10.0,
            captions_per_image: 0.0,
            machine_bytes: 64e9,
            machine_cores: 16.0,
            pack: "base".to_owned(),
            feature_dim: 1280,
            image_dims: vec![512],
            caption_dim: 512,
        }
    }

    #[test]
    fn more_takes_more_and_small_fits_in_a_folder() {
        let sizes = [1_000, 100_000, 10_000_000, 1_000_000_000, 10_000_000_000];
        let plans: Vec<Plan> = sizes.map(|images| plan(load(images))).into();
        for two in plans.windows(2) {
            assert!(two[0].folder.disk_bytes < two[1].folder.disk_bytes);
            assert!(two[0].folder.memory_bytes < two[1].folder.memory_bytes);
            assert!(two[0].server.memory_bytes < two[1].server.memory_bytes);
            assert!(two[0].server.query_nodes <= two[1].server.query_nodes);
            assert!(two[0].server.shards <= two[1].server.shards);
        }
        assert!(plans[1].folder.fits && !plans[4].folder.fits);
        assert_eq!(plans[1].server.records, server::Records::Memory);
        assert!(plans[1].server.record_bytes > 0.0);
        assert_eq!(plans[4].server.records, server::Records::Server);
        assert_eq!(plans[4].server.record_bytes, 0.0);
        let mut busy = load(100_000);
        busy.queries_per_second = 10_000.0;
        assert!(plan(busy).folder.cores > plans[1].folder.cores);
        let mut said = load(100_000);
        said.captions_per_image = 2.0;
        assert!(plan(said).folder.disk_bytes > plans[1].folder.disk_bytes);
    }
}
