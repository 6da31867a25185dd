//! Groups against what is known of each file: precision over all pairs within groups, recall of each kind of change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fovea_engine::dedupe::Duplicates;

use super::Made;
use super::originals::{Half, Original};
use super::transforms::Change;
use crate::bench_ann::Bar;

const PRECISION: f64 = 0.99;
const RECALL: f64 = 0.95;
/// Wrong pairs that are told by name.
const TOLD: usize = 40;

/// How many of how many.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    part: u64,
    all: u64,
}

impl Share {
    fn add(&mut self, is_part: bool) {
        self.all += 1;
        self.part += u64::from(is_part);
    }

    fn value(self) -> f64 {
        self.part as f64 / self.all.max(1) as f64
    }
}

/// What was counted.
#[derive(Debug, Default)]
pub struct Pairs {
    /// Pairs within groups that are of one original: of all, and of those that touch a half.
    precision: Share,
    precision_of: BTreeMap<&'static str, Share>,
    /// Changed files that are in the group of their original.
    recall: Share,
    recall_of: BTreeMap<&'static str, Share>,
    recall_by: BTreeMap<Change, Share>,
    /// Two originals that stand in one group, with how many pairs that makes.
    wrong: BTreeMap<(String, String), u64>,
}

impl Pairs {
    pub fn of(
        found: &Duplicates,
        originals: &[Original],
        files: &BTreeMap<PathBuf, Made>,
    ) -> anyhow::Result<Pairs> {
        let mut pairs = Pairs::default();
        let mut group_of: BTreeMap<&Path, usize> = BTreeMap::new();
        for (number, group) in found.groups.iter().enumerate() {
            let items =
                std::iter::once(&group.best).chain(group.copies.iter().map(|copy| &copy.item));
            let mut members = Vec::new();
            for item in items {
                let path = item.absolute();
                let (path, made) = files
                    .get_key_value(&path)
                    .with_context(|| format!("{} is none of the files", path.display()))?;
                group_of.insert(path, number);
                members.push(made);
            }
            pairs.count_group(&members, originals);
        }
        let mut home: BTreeMap<usize, Option<usize>> = BTreeMap::new();
        for (path, made) in files.iter().filter(|(_, made)| made.change.is_none()) {
            home.insert(made.original, group_of.get(path.as_path()).copied());
        }
        for (path, made) in files {
            if let Some(change) = made.change {
                let group = group_of.get(path.as_path()).copied();
                let is_found = group.is_some() && group == home[&made.original];
                pairs.recall.add(is_found);
                pairs.recall_by.entry(change).or_default().add(is_found);
                let half = half(originals[made.original].half);
                pairs.recall_of.entry(half).or_default().add(is_found);
            }
        }
        Ok(pairs)
    }

    fn count_group(&mut self, members: &[&Made], originals: &[Original]) {
        for (at, a) in members.iter().enumerate() {
            for b in &members[at + 1..] {
                let is_right = a.original == b.original;
                self.precision.add(is_right);
                let mut halves = [a, b]
                    .map(|made| half(originals[made.original].half))
                    .to_vec();
                halves.dedup();
                for half in halves {
                    self.precision_of.entry(half).or_default().add(is_right);
                }
                if !is_right {
                    let mut names = [a, b].map(|made| originals[made.original].name.clone());
                    names.sort();
                    let [first, second] = names;
                    *self.wrong.entry((first, second)).or_default() += 1;
                }
            }
        }
    }

    /// Which originals were taken for each other.
    pub fn tell_wrong(&self, say: &dyn Fn(&str)) {
        let mut wrong: Vec<_> = self.wrong.iter().collect();
        wrong.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        for ((first, second), n) in wrong.into_iter().take(TOLD) {
            say(&format!("{n} wrong pairs: {first} and {second}"));
        }
    }

    pub fn bars(&self, is_fit: bool) -> Vec<Bar> {
        let mut bars = vec![
            Bar::at_least(
                "pairs in groups that are the same picture (precision)",
                self.precision.value(),
                "",
                PRECISION,
            ),
            Bar::at_least(
                "changed copies in the group of their original (recall)",
                self.recall.value(),
                "",
                RECALL,
            ),
        ];
        let without_bar = |what: String, share: &Share| Bar::at_least(what, share.value(), "", 0.0);
        if !is_fit {
            for (half, share) in &self.precision_of {
                bars.push(without_bar(format!("precision, {half} (no bar)"), share));
            }
            for (half, share) in &self.recall_of {
                bars.push(without_bar(format!("recall, {half} (no bar)"), share));
            }
        }
        for (change, share) in &self.recall_by {
            let what = format!("recall, {} (no bar)", change.name());
            bars.push(without_bar(what, share));
        }
        bars
    }
}

fn half(half: Half) -> &'static str {
    match half {
        Half::Fit => "clips of the fit half",
        Half::HeldOut => "clips held out",
        Half::Stamps => "stamps",
    }
}
