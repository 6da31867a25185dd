//! Which images are learned from and which are only measured, so that nothing leaks from one side to the other.

use std::collections::HashMap;

use crate::error::Error;
use crate::pairs::{Pairs, Usable};
use crate::random::seeded_hash;

/// Images of either side. Those in neither are not used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Images that are learned from.
    pub train: Vec<u32>,
    /// Images that are only measured.
    pub validation: Vec<u32>,
}

impl Pairs {
    /// Splits the usable images, about `share` of them for validation. Images of one key, and images that share a caption
    /// text, even by way of others, stay on one side. Which side depends on the seed and the keys alone, not on the order.
    pub fn split(&self, share: f64, seed: u64) -> Split {
        let usable = self.usable();
        let images: Vec<u32> = (0..self.image_keys.len() as u32)
            .filter(|image| usable.has(*image as usize))
            .collect();
        let mut groups = self.groups(&usable, &images);
        groups.sort_by_key(|group| {
            let keys = group
                .iter()
                .map(|image| seeded_hash(seed, &self.image_keys[*image as usize]));
            keys.min()
        });
        let wanted = (share * images.len() as f64).round() as usize;
        let mut split = Split::default();
        for group in groups {
            // A group too large for what is left goes to training, so that one frequent caption cannot take it all.
            let side = match split.validation.len() + group.len() <= wanted {
                true => &mut split.validation,
                false => &mut split.train,
            };
            side.extend(group);
        }
        split.train.sort_unstable();
        split.validation.sort_unstable();
        split
    }

    /// Images joined by a key or a caption text.
    fn groups(&self, usable: &Usable, images: &[u32]) -> Vec<Vec<u32>> {
        let mut union = Union::new(self.image_keys.len());
        let (mut of_key, mut of_caption) = (HashMap::new(), HashMap::new());
        for &image in images {
            let first = *of_key
                .entry(usable.image_ids[image as usize])
                .or_insert(image);
            union.join(first, image);
            for caption in &usable.captions[image as usize] {
                let first = *of_caption
                    .entry(usable.caption_ids[*caption as usize])
                    .or_insert(image);
                union.join(first, image);
            }
        }
        let mut groups: HashMap<u32, Vec<u32>> = HashMap::new();
        for &image in images {
            groups.entry(union.root(image)).or_default().push(image);
        }
        groups.into_values().collect()
    }

    /// Fails when an image of the validation side, by its key or by a caption text, is on the training side too. A split may
    /// come from elsewhere, and an error here is worth more than a number that is too good.
    pub fn check_split(&self, split: &Split) -> Result<(), Error> {
        let images = self.image_keys.len();
        for image in split.train.iter().chain(&split.validation) {
            if *image as usize >= images {
                return Err(Error::Shape {
                    what: "image of the split",
                    expected: images,
                    found: *image as usize,
                });
            }
        }
        let usable = self.usable();
        let of_key: HashMap<u32, u32> = split
            .train
            .iter()
            .map(|image| (usable.image_ids[*image as usize], *image))
            .collect();
        let captions_of = |image: &u32| usable.captions[*image as usize].iter().copied();
        let of_caption: HashMap<u32, u32> = split
            .train
            .iter()
            .flat_map(|image| {
                captions_of(image).map(|caption| (usable.caption_ids[caption as usize], *image))
            })
            .collect();
        let leak_of = |image: &u32| {
            let key = &self.image_keys[*image as usize];
            if let Some(other) = of_key.get(&usable.image_ids[*image as usize]) {
                return Some(format!("image {image} is image {other} (key {key:?})"));
            }
            captions_of(image).find_map(|caption| {
                let other = of_caption.get(&usable.caption_ids[caption as usize])?;
                let words = &self.captions[caption as usize];
                Some(format!(
                    "image {image} ({key:?}) has the caption of image {other}, {words:?}"
                ))
            })
        };
        let leaks: Vec<String> = split.validation.iter().filter_map(leak_of).collect();
        match leaks.first() {
            Some(example) => Err(Error::Leak {
                count: leaks.len(),
                example: example.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// Disjoint sets (Galler and Fischer 1964), with paths halved.
struct Union {
    parents: Vec<u32>,
}

impl Union {
    fn new(n: usize) -> Self {
        Self {
            parents: (0..n as u32).collect(),
        }
    }

    fn root(&mut self, mut item: u32) -> u32 {
        while self.parents[item as usize] != item {
            let above = self.parents[self.parents[item as usize] as usize];
            self.parents[item as usize] = above;
            item = above;
        }
        item
    }

    /// The smaller root stays, so that the order of joining does not matter.
    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b) as usize] = a.min(b);
    }
}
