//! Flat arrays that an index made itself or that somebody else keeps for it,
//! such as a mapped file. Either way they read as a slice.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use bytemuck::Pod;

use crate::error::Error;

/// Bytes that live as long as anybody holds them: a vector, or a mapped file.
pub type Owner = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A run of shared bytes.
#[derive(Clone)]
pub struct Shared {
    owner: Owner,
    range: Range<usize>,
}

impl Shared {
    /// A run of the owner's bytes, `None` where it has no such run.
    pub fn new(owner: Owner, range: Range<usize>) -> Option<Shared> {
        (*owner).as_ref().get(range.clone())?;
        Some(Shared { owner, range })
    }

    /// All of a vector's bytes.
    pub fn from_vec(bytes: Vec<u8>) -> Shared {
        let range = 0..bytes.len();
        let owner: Owner = Arc::new(bytes);
        Shared { owner, range }
    }
}

impl Deref for Shared {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &(*self.owner).as_ref()[self.range.clone()]
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({} bytes)", self.range.len())
    }
}

/// Numbers of one kind, owned or shared.
#[derive(Clone, Debug)]
pub struct Block<T: Pod>(Kept<T>);

#[derive(Clone, Debug)]
enum Kept<T> {
    Owned(Vec<T>),
    Shared(Shared),
}

impl<T: Pod> Block<T> {
    /// Shared bytes as numbers; copied where they do not lie as numbers must.
    pub fn from_shared(name: &'static str, bytes: Shared) -> Result<Block<T>, Error> {
        match bytemuck::try_cast_slice::<u8, T>(&bytes) {
            Ok(_) => Ok(Block(Kept::Shared(bytes))),
            Err(bytemuck::PodCastError::TargetAlignmentGreaterAndInputNotAligned) => {
                Ok(bytemuck::allocation::pod_collect_to_vec::<u8, T>(&bytes).into())
            }
            Err(_) => Err(Error::damaged(name, "its length is not whole numbers")),
        }
    }

    /// The numbers to be changed; shared ones are copied first.
    pub fn to_mut(&mut self) -> &mut Vec<T> {
        if let Kept::Shared(bytes) = &self.0 {
            self.0 = Kept::Owned(bytemuck::cast_slice(bytes).to_vec());
        }
        match &mut self.0 {
            Kept::Owned(numbers) => numbers,
            Kept::Shared(_) => unreachable!("shared numbers were just copied"),
        }
    }

    /// The bytes as they are kept in a file.
    pub fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(self)
    }
}

impl<T: Pod> Default for Block<T> {
    fn default() -> Block<T> {
        Vec::new().into()
    }
}

impl<T: Pod> From<Vec<T>> for Block<T> {
    fn from(numbers: Vec<T>) -> Block<T> {
        Block(Kept::Owned(numbers))
    }
}

impl<T: Pod> Deref for Block<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Kept::Owned(numbers) => numbers,
            Kept::Shared(bytes) => bytemuck::cast_slice(bytes),
        }
    }
}
