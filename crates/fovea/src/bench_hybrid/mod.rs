//! What `fovea bench hybrid` and `fovea bench tags` are made of: pictures of Open Clip Art under names that say nothing, each
//! with half of its keywords as its caption. The other half asks for it, by what is seen, by what the caption means, by what
//! is written, and by all of these.

mod clips;
mod tags;

use std::collections::{BTreeMap, HashMap, HashSet};

use fovea_engine::{Engine, PlanOptions, Query, SearchOptions, Spaces, written};
use fovea_measure::{Bootstrap, Rank, Retrieval};
use fovea_vectordb::ItemId;

pub use tags::{fit as fit_tags, measure as tags};

use self::clips::Clips;
use crate::bench_ann::Bar;
use crate::settings::Settings;

/// Queries of each kind; more say the same.
const QUERIES: usize = 1_200;
/// Places that are looked at.
const DEPTH: usize = 100;
const WEIGHTS: [f32; 6] = [0.3, 0.6, 0.9, 1.4, 2.0, 3.0];

/// Queries with the items that are right, in the order of the queries.
type Asked = BTreeMap<String, HashSet<ItemId>>;

/// How well each way to search finds pictures by words that were not written of them.
pub fn measure(settings: &Settings, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
    let clips = Clips::prepare(say)?;
    let engine = clips.engine(settings, clips::ALL, say)?;
    // Those of even numbers chose the weight.
    let asked = clips.asked(&engine, &|number| number % 2 == 1)?;
    say(&format!("{} queries", asked.len()));
    let mut alone = Vec::new();
    let mut bars = Vec::new();
    for (name, spaces) in [
        ("what is seen (image)", Spaces::Image),
        ("what the caption means (caption)", Spaces::Caption),
        ("what is written (keyword)", Spaces::Keyword),
    ] {
        let found = retrieval(&engine, &asked, spaces, written::WEIGHT)?;
        alone.push(found.recall_at_10.value);
        bars.push(recall(name, &found, 0.0));
        bars.push(rank(name, &found, 0.0));
        say(name);
    }
    let fused = retrieval(&engine, &asked, Spaces::All, written::WEIGHT)?;
    let best = alone.iter().copied().fold(0.0, f64::max);
    bars.push(recall(
        "all together, against the best of these",
        &fused,
        best,
    ));
    bars.push(rank("all together", &fused, 0.0));
    bars.extend(beside_others(&clips, settings, say)?);
    Ok(bars)
}

/// Where every second picture has no caption, those without must not drown.
fn beside_others(
    clips: &Clips,
    settings: &Settings,
    say: &dyn Fn(&str),
) -> anyhow::Result<Vec<Bar>> {
    let engine = clips.engine(settings, clips::HALF, say)?;
    let asked = clips.asked(&engine, &|number| number % 4 == 3)?;
    let mut bars = Vec::new();
    for (name, spaces) in [
        (
            "pictures without a caption among captioned ones, what is seen",
            Spaces::Image,
        ),
        ("the same, all together", Spaces::All),
    ] {
        let found = retrieval(&engine, &asked, spaces, written::WEIGHT)?;
        bars.push(recall(name, &found, 0.0));
    }
    Ok(bars)
}

/// Recall of every weight, on queries that nothing is measured with.
pub fn fit(settings: &Settings, say: &dyn Fn(&str)) -> anyhow::Result<Vec<Bar>> {
    let clips = Clips::prepare(say)?;
    let all = clips.engine(settings, clips::ALL, say)?;
    let half = clips.engine(settings, clips::HALF, say)?;
    let captioned = clips.asked(&all, &|number| number % 2 == 0)?;
    let bare = clips.asked(&half, &|number| number % 4 == 1)?;
    let mut bars = Vec::new();
    for weight in WEIGHTS {
        let both = [(&all, &captioned), (&half, &bare)];
        for (name, (engine, asked)) in ["captioned", "without a caption"].iter().zip(both) {
            let found = retrieval(engine, asked, Spaces::All, weight)?;
            bars.push(recall(&format!("{name}, weight {weight}"), &found, 0.0));
        }
        say(&format!("weight {weight}"));
    }
    Ok(bars)
}

fn recall(name: &str, found: &Retrieval, least: f64) -> Bar {
    Bar::at_least(
        format!("R@10 by {name}"),
        found.recall_at_10.value,
        "",
        least,
    )
}

fn rank(name: &str, found: &Retrieval, least: f64) -> Bar {
    Bar::at_least(format!("MRR by {name}"), found.mrr.value, "", least)
}

fn retrieval(
    engine: &Engine,
    asked: &Asked,
    spaces: Spaces,
    keyword_weight: f32,
) -> anyhow::Result<Retrieval> {
    let options = SearchOptions {
        top_k: DEPTH,
        spaces,
        keyword_weight,
        ..SearchOptions::default()
    };
    let mut ranks: Vec<Rank> = Vec::new();
    for (query, right) in asked {
        let plan = engine.plan(&Query::words(query)?, PlanOptions::new(false))?;
        let found = engine.rank(&plan, &options)?;
        let at = found.iter().position(|one| right.contains(&one.item));
        ranks.push(at.and_then(|at| u32::try_from(at + 1).ok()));
    }
    Ok(Retrieval::of(&ranks, &Bootstrap::default()))
}

impl Clips {
    /// What asks for the pictures of some numbers, each query once with all that it is right for.
    fn asked(&self, engine: &Engine, is_meant: &dyn Fn(usize) -> bool) -> anyhow::Result<Asked> {
        let items: HashMap<String, ItemId> = clips::by_name(engine)?;
        let mut asked = Asked::new();
        for clip in self.clips.iter().filter(|clip| is_meant(clip.number)) {
            if let Some(item) = items.get(&clip.name()) {
                asked.entry(clip.query()).or_default().insert(*item);
            }
        }
        // Whoever has these keywords, too, is right as well.
        for clip in &self.clips {
            if let (Some(right), Some(item)) =
                (asked.get_mut(&clip.query()), items.get(&clip.name()))
            {
                right.insert(*item);
            }
        }
        while asked.len() > QUERIES {
            asked.pop_last();
        }
        Ok(asked)
    }
}
