//! Who is whose neighbour: one flat array, as many places for each row, so
//! that a row's neighbours are one short run of memory.

use crate::block::Block;
use crate::error::Error;

/// Marks the end of a row's neighbours.
pub const NONE: u32 = u32::MAX;

/// Neighbours of rows: `near` places for those chosen by distance, then
/// `asked` places for those that queries joined.
#[derive(Clone, Debug)]
pub struct Links {
    pub near: usize,
    pub asked: usize,
    places: Block<u32>,
}

impl Links {
    pub fn new(near: usize, asked: usize) -> Links {
        Links {
            near,
            asked,
            places: Block::default(),
        }
    }

    /// Links read back; each must lead to a row.
    pub fn load(near: usize, asked: usize, places: Block<u32>, rows: u32) -> Result<Links, Error> {
        // `NONE` becomes zero and rows begin at one; to the end, because a loop
        // that may stop early is not made wide.
        let most = places
            .iter()
            .fold(0, |most, place| place.wrapping_add(1).max(most));
        if most > rows {
            return Err(Error::damaged("vamana.links", "a link leads nowhere"));
        }
        Ok(Links {
            near,
            asked,
            places,
        })
    }

    pub fn bytes(&self) -> &[u8] {
        self.places.bytes()
    }

    pub fn rows(&self) -> u32 {
        (self.places.len() / self.stride()) as u32
    }

    pub fn stride(&self) -> usize {
        self.near + self.asked
    }

    /// Make room for this many rows, the new ones without neighbours.
    pub fn grow(&mut self, rows: u32) {
        let stride = self.stride();
        let places = self.places.to_mut();
        places.resize(places.len().max(rows as usize * stride), NONE);
    }

    pub fn view(&self) -> LinksView<'_> {
        LinksView {
            near: self.near,
            stride: self.stride(),
            places: &self.places,
        }
    }

    /// Give a row other neighbours by distance, no more than there are places.
    pub fn set_near(&mut self, row: u32, neighbours: &[u32]) {
        let at = row as usize * self.stride();
        let end = at + self.near;
        fill(&mut self.places.to_mut()[at..end], neighbours);
    }

    /// Take away all neighbours by queries.
    pub fn forget_asked(&mut self) {
        let (near, stride) = (self.near, self.stride());
        let rows = self.places.to_mut().chunks_exact_mut(stride);
        rows.for_each(|places| places[near..].fill(NONE));
    }

    /// Give a row other neighbours by queries.
    pub fn set_asked(&mut self, row: u32, neighbours: &[u32]) {
        let at = row as usize * self.stride() + self.near;
        let end = at + self.asked;
        fill(&mut self.places.to_mut()[at..end], neighbours);
    }
}

fn fill(places: &mut [u32], neighbours: &[u32]) {
    for (at, place) in places.iter_mut().enumerate() {
        *place = neighbours.get(at).copied().unwrap_or(NONE);
    }
}

/// Links as a plain slice, which a walk reads faster than a block.
#[derive(Clone, Copy, Debug)]
pub struct LinksView<'a> {
    near: usize,
    stride: usize,
    places: &'a [u32],
}

impl<'a> LinksView<'a> {
    /// All places of a row, empty ones included.
    #[inline]
    pub fn places(&self, row: u32) -> &'a [u32] {
        let at = row as usize * self.stride;
        &self.places[at..at + self.stride]
    }

    /// Neighbours by distance.
    pub fn near(&self, row: u32) -> &'a [u32] {
        until_end(&self.places(row)[..self.near])
    }

    /// Neighbours by queries.
    pub fn asked(&self, row: u32) -> &'a [u32] {
        until_end(&self.places(row)[self.near..])
    }
}

fn until_end(places: &[u32]) -> &[u32] {
    let end = places.iter().position(|&place| place == NONE);
    &places[..end.unwrap_or(places.len())]
}
