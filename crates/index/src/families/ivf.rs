//! Lists by k-means (IVF, Jégou et al. 2011): a query is compared with the
//! rows of the few cells nearest to it, by the vectors themselves. It takes
//! four numbers of memory a row and is built fast; for memory and batches
//! where a graph is too much.

use std::borrow::Cow;

use crate::answer::{answer, arriving, is_outgrown, live_rows};
use crate::bitmap::Bitmap;
use crate::error::Error;
use crate::family::{
    BuildOptions, Built, Family, Index, Parameter, Parameters, SearchOptions, mark_removed,
};
use crate::partition::{MOST_CELLS, Partition};
use crate::sections::{Saved, Sections};
use crate::topk::Scored;
use crate::vectors::Vectors;
use crate::work::Work;

pub const FAMILY: Family = Family {
    name: "ivf",
    about: "lists by k-means, of which the nearest are compared; small and quickly built",
    effort: "lists that are looked through",
    parameters: &[Parameter {
        name: "lists",
        about: "how many, 0 for four times the root of the rows",
        least: 0.0,
        most: MOST_CELLS as f64,
    }],
    build,
    load,
};

#[derive(Debug)]
struct Ivf {
    partition: Partition,
    removed: Bitmap,
}

fn build(vectors: &Vectors<'_>, options: &BuildOptions<'_>) -> Built {
    options.parameters.check(&FAMILY)?;
    vectors.check_rows(0..vectors.len())?;
    let rows: Vec<u32> = (0..vectors.len()).collect();
    let asked = options.parameters.count("lists", 0) as u32;
    Ok(Box::new(Ivf {
        partition: train(vectors, &rows, vectors.len(), asked, &options.work)?,
        removed: Bitmap::new(),
    }))
}

fn train(
    vectors: &Vectors<'_>,
    rows: &[u32],
    end: u32,
    asked: u32,
    work: &Work<'_>,
) -> Result<Partition, Error> {
    let mut partition = Partition::train(vectors, rows, end, asked, work)?;
    (work.progress)(0.5);
    let cells = partition.assign(vectors, rows, work)?;
    partition.put(rows, &cells);
    (work.progress)(1.0);
    Ok(partition)
}

fn load(sections: &Sections, vectors: &Vectors<'_>) -> Built {
    let removed = sections.removed(vectors.len())?;
    let partition = Partition::load(sections, vectors, &removed)?;
    let removed = sections.removed(partition.rows())?;
    Ok(Box::new(Ivf { partition, removed }))
}

impl Index for Ivf {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn parameters(&self) -> Parameters {
        Parameters::default().with("lists", self.partition.lists.len() as u32)
    }

    fn rows(&self) -> u32 {
        self.partition.rows()
    }

    fn removed(&self) -> &Bitmap {
        &self.removed
    }

    fn memory_bytes(&self) -> u64 {
        self.partition.memory_bytes()
    }

    fn default_effort(&self) -> u32 {
        self.partition.default_effort()
    }

    fn efforts(&self) -> Vec<u32> {
        self.partition.efforts()
    }

    fn search(
        &self,
        vectors: &Vectors<'_>,
        query: &[f32],
        options: &SearchOptions<'_>,
    ) -> Result<Vec<Scored>, Error> {
        answer(self, vectors, query, options, |wanted, effort| {
            let point = self.partition.points.query(query);
            let cells = self.partition.probe(&point, effort);
            let rows = cells
                .iter()
                .flat_map(|&cell| self.partition.lists.get(cell));
            rows.copied().filter(|&row| wanted.has(row)).collect()
        })
    }

    fn insert(
        &mut self,
        vectors: &Vectors<'_>,
        rows: &[u32],
        work: &Work<'_>,
    ) -> Result<(), Error> {
        let (rows, end) = arriving(self, vectors, rows)?;
        if is_outgrown(self.partition.trained, end) {
            let live = live_rows(end, &self.removed, &rows);
            self.partition = train(vectors, &live, end, self.partition.asked(), work)?;
        } else {
            let cells = self.partition.assign(vectors, &rows, work)?;
            self.partition.put(&rows, &cells);
        }
        rows.iter().for_each(|&row| {
            self.removed.remove(row);
        });
        Ok(())
    }

    fn remove(&mut self, _: &Vectors<'_>, rows: &[u32], _: &Work<'_>) -> Result<(), Error> {
        mark_removed(self.rows(), &mut self.removed, rows)?;
        self.partition.lists.take_out(rows);
        Ok(())
    }

    fn save(&self) -> Saved<'_> {
        let removed = bytemuck::cast_slice(self.removed.words());
        let mut saved: Saved<'_> = vec![("removed", Cow::Borrowed(removed))];
        self.partition.save(&mut saved);
        saved
    }
}
