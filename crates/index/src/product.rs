//! Product codes (Jégou et al. 2011): a point's numbers in as many runs as a
//! code has bytes, and for each run a codebook of 256 words by k-means.

use crate::error::Error;
use crate::kmeans::{self, Centroids};
use crate::work::Work;

/// Words of a codebook, as many as a byte can tell.
pub const WORDS: usize = 256;

/// One codebook for each run of a point's numbers.
#[derive(Clone, Debug)]
pub struct Books {
    dim: usize,
    books: Vec<Centroids>,
}

/// Where the run of a byte starts.
fn start_of(byte: usize, bytes: usize, dim: usize) -> usize {
    byte * dim / bytes
}

impl Books {
    /// Bytes of a code.
    pub fn bytes(&self) -> usize {
        self.books.len()
    }

    /// The runs of a point with their books.
    fn runs<'a>(&'a self, point: &'a [f32]) -> impl Iterator<Item = (&'a Centroids, &'a [f32])> {
        self.books.iter().enumerate().map(|(byte, book)| {
            let start = start_of(byte, self.bytes(), self.dim);
            let end = start_of(byte + 1, self.bytes(), self.dim);
            (book, &point[start..end])
        })
    }

    /// Learnt from a sample of points of `dim` numbers, one after the other.
    pub fn train(
        dim: usize,
        bytes: usize,
        sample: &[f32],
        work: &Work<'_>,
    ) -> Result<Books, Error> {
        let mut books = Vec::with_capacity(bytes);
        for byte in 0..bytes {
            let run = start_of(byte, bytes, dim)..start_of(byte + 1, bytes, dim);
            let points = sample.chunks_exact(dim);
            let runs: Vec<f32> = points.flat_map(|p| &p[run.clone()]).copied().collect();
            let book = kmeans::train(run.len(), &runs, WORDS, None, work)?;
            // Words that nobody learnt are zero, which is as good as any.
            let mut words = book.numbers().to_vec();
            words.resize(WORDS * run.len(), 0.0);
            books.push(Centroids::new(run.len(), words));
        }
        Ok(Books { dim, books })
    }

    /// The numbers of all words, book after book.
    pub fn numbers(&self) -> Vec<f32> {
        let books = self.books.iter().flat_map(|book| book.numbers());
        books.copied().collect()
    }

    /// The books of these numbers, [`WORDS`] times `dim` of them.
    pub fn from_numbers(dim: usize, bytes: usize, numbers: &[f32]) -> Books {
        let books = (0..bytes).map(|byte| {
            let start = start_of(byte, bytes, dim);
            let end = start_of(byte + 1, bytes, dim);
            Centroids::new(end - start, numbers[WORDS * start..WORDS * end].to_vec())
        });
        Books {
            dim,
            books: books.collect(),
        }
    }

    /// The nearest word of each run.
    pub fn encode(&self, point: &[f32]) -> Vec<u8> {
        let mut buffer = Vec::new();
        self.runs(point)
            .map(|(book, run)| book.nearest(run, &mut buffer).centroid as u8)
            .collect()
    }

    /// Add the words of a code to a point.
    pub fn add_decoded(&self, code: &[u8], point: &mut [f32]) {
        let mut at = 0;
        for (book, &word) in self.books.iter().zip(code) {
            for x in book.get(u32::from(word)) {
                point[at] += x;
                at += 1;
            }
        }
    }

    /// The product of each word with its run of a query's point.
    pub fn table(&self, point: &[f32]) -> Vec<f32> {
        let mut table = Vec::with_capacity(WORDS * self.bytes());
        let mut products = Vec::new();
        for (book, run) in self.runs(point) {
            book.products(run, &mut products);
            table.extend_from_slice(&products);
        }
        table
    }
}

/// The sum of a table's numbers that a code names.
#[inline]
pub fn look_up(table: &[[f32; WORDS]], code: &[u8]) -> f32 {
    const LANES: usize = 4;
    // Four sums, because each addition waits for the one before it.
    let mut sums = [0.0f32; LANES];
    let (tables, tables_left) = table.as_chunks::<LANES>();
    let (codes, codes_left) = code.as_chunks::<LANES>();
    for (tables, codes) in tables.iter().zip(codes) {
        for lane in 0..LANES {
            sums[lane] += tables[lane][usize::from(codes[lane])];
        }
    }
    for (table, &code) in tables_left.iter().zip(codes_left) {
        sums[0] += table[usize::from(code)];
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Element;
    use crate::work::Random;

    /// The one door: codes of points that the books were learnt from are near
    /// to them, and a table sums to the product with what a code says.
    fn check(dim: usize, bytes: usize, n: usize, most: f32) {
        let mut random = Random::new(1);
        let points: Vec<f32> = (0..n * dim).map(|_| random.below(4) as f32).collect();
        let learnt = Books::train(dim, bytes, &points, &Work::default()).unwrap();
        let books = Books::from_numbers(dim, bytes, &learnt.numbers());
        let query: Vec<f32> = (0..dim).map(|_| random.normal()).collect();
        let table = books.table(&query);
        let (table, rest) = table.as_chunks();
        assert_eq!((table.len(), rest.len()), (bytes, 0));
        for point in points.chunks_exact(dim) {
            let code = books.encode(point);
            assert_eq!(code, learnt.encode(point));
            let mut decoded = vec![0.0; dim];
            books.add_decoded(&code, &mut decoded);
            let error = f32::l2(point, &decoded);
            assert!(
                error <= most,
                "{dim} numbers in {bytes} bytes are {error} off"
            );
            let product = f32::dot(&query, &decoded);
            assert!((look_up(table, &code) - product).abs() < 1e-3 * dim as f32);
        }
    }

    #[test]
    fn codes_say_what_the_points_were() {
        check(1, 1, 50, 0.0);
        check(7, 3, 100, 0.0);
        check(8, 8, 300, 0.0);
        check(30, 11, 200, 0.0);
        check(12, 2, 600, 9.0);
    }

    #[test]
    fn without_a_sample_every_word_is_zero() {
        let books = Books::train(5, 2, &[], &Work::default()).unwrap();
        assert_eq!(books.encode(&[1.0; 5]), [0, 0]);
    }
}
