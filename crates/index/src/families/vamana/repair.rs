//! Removed rows leave the graph: whoever led to one of them leads to what it
//! led to (FreshDiskANN, Singh et al. 2021).

use super::grow::{Choice, choose};
use super::links::Links;
use crate::bitmap::Bitmap;
use crate::codes::CodesView;
use crate::error::Error;
use crate::work::Work;

/// Mend the links around the removed rows and cut theirs.
pub fn mend(
    links: &mut Links,
    codes: CodesView<'_>,
    removed: &Bitmap,
    choice: Choice,
    work: &Work<'_>,
) -> Result<(), Error> {
    let view = links.view();
    let rows = links.rows() as usize;
    let mended = work.map(
        rows,
        || (),
        |(), i| {
            let row = i as u32;
            let is_touched = !removed.contains(row)
                && view.near(row).iter().any(|&other| removed.contains(other));
            is_touched.then(|| {
                let mut all: Vec<u32> = Vec::new();
                let mut add = |other: u32| {
                    if other != row && !removed.contains(other) && !all.contains(&other) {
                        all.push(other);
                    }
                };
                for &other in view.near(row) {
                    if removed.contains(other) {
                        view.near(other).iter().for_each(|&next| add(next));
                    } else {
                        add(other);
                    }
                }
                choose(codes, row, &all, links.near, choice.alpha)
            })
        },
    )?;
    let asked: Vec<Option<Vec<u32>>> = (0..rows as u32)
        .map(|row| {
            let asked = view.asked(row);
            let live = |other: &&u32| !removed.contains(**other);
            let kept: Vec<u32> = asked.iter().filter(live).copied().collect();
            (kept.len() < asked.len()).then_some(kept)
        })
        .collect();
    for (row, (near, asked)) in mended.into_iter().zip(asked).enumerate() {
        let row = row as u32;
        if let Some(near) = near {
            links.set_near(row, &near);
        }
        if let Some(asked) = asked {
            links.set_asked(row, &asked);
        }
        if removed.contains(row) {
            links.set_near(row, &[]);
            links.set_asked(row, &[]);
        }
    }
    Ok(())
}
