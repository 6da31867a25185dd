//! The measurement: first every contender alone, to find its cheapest setting for each recall; then those settings in
//! turns, peer, Fovea, peer, Fovea, so that a machine that grows busy slows both.

use std::collections::BTreeMap;

use anyhow::Context;
use fovea_measure::median;

use super::contender::{Ask, Built, Contender, Side};
use super::judge::Judge;
use crate::interrupt;

/// Answers a query.
pub const K: usize = 10;
/// The recalls at which speeds are compared.
pub const TARGETS: [f64; 3] = [0.90, 0.95, 0.99];
pub const ROUNDS: usize = 5;
/// A turn of the rounds asks fewer queries when all would take longer than this.
const TURN_S: f64 = 3.0;
const FEWEST: usize = 50;
/// Settings are searched between two of a contender's own until they are this near.
const NEAR: f64 = 1.06;

/// One setting, measured once and alone.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Point {
    pub effort: u32,
    pub recall: f64,
    pub qps: f64,
}

/// What one contender showed alone.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Curve {
    pub name: String,
    pub system: String,
    pub side: Side,
    pub built: Built,
    pub points: Vec<Point>,
}

/// A setting that reached a target, measured in turns.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Final {
    pub target: f64,
    pub name: String,
    pub system: String,
    pub side: Side,
    pub effort: u32,
    pub recall: f64,
    /// The median of the rounds.
    pub qps: f64,
    pub rounds: Vec<f64>,
}

impl Curve {
    /// The fastest point that reaches the target.
    pub fn best(&self, target: f64) -> Option<Point> {
        let reach = self
            .points
            .iter()
            .filter(|point| point.recall >= target)
            .copied();
        reach.max_by(|a, b| a.qps.total_cmp(&b.qps))
    }
}

/// Sweeps one contender, which is opened and closed again.
pub fn sweep(
    contender: &mut dyn Contender,
    judge: &Judge,
    n_queries: usize,
) -> anyhow::Result<Curve> {
    let built = contender.open()?;
    let mut points = Vec::new();
    let ask = Ask {
        count: n_queries,
        k: K,
    };
    // The first answers wait for pages and caches.
    contender.search(
        contender.efforts()[0],
        Ask {
            count: n_queries.min(FEWEST),
            k: K,
        },
    )?;
    let efforts = contender.efforts().to_vec();
    let mut measured = |effort: u32| -> anyhow::Result<Point> {
        if let Some(point) = points.iter().find(|point: &&Point| point.effort == effort) {
            return Ok(*point);
        }
        let answers = contender.search(effort, ask)?;
        let qps = n_queries as f64 / answers.seconds.max(1e-9);
        let point = Point {
            effort,
            recall: judge.recall(&answers.ids),
            qps,
        };
        points.push(point);
        Ok(point)
    };
    let mut ladder = Vec::new();
    for effort in efforts {
        anyhow::ensure!(!interrupt::is_interrupted(), "interrupted");
        ladder.push(measured(effort)?);
        if ladder
            .last()
            .is_some_and(|point| point.recall >= TARGETS[2] + 0.004)
        {
            break;
        }
    }
    for target in TARGETS {
        narrow(&ladder, target, &mut measured)?;
    }
    points.sort_by_key(|point| point.effort);
    contender.close()?;
    Ok(Curve {
        name: contender.name().to_owned(),
        system: contender.system().to_owned(),
        side: contender.side(),
        built,
        points,
    })
}

/// Between the last step of the ladder below the target and the first that reaches it.
fn narrow(
    ladder: &[Point],
    target: f64,
    measured: &mut dyn FnMut(u32) -> anyhow::Result<Point>,
) -> anyhow::Result<()> {
    let Some(first) = ladder
        .iter()
        .position(|point| point.recall >= target)
        .filter(|at| *at > 0)
    else {
        return Ok(());
    };
    let (mut below, mut above) = (ladder[first - 1].effort, ladder[first].effort);
    while above > below + 1 && f64::from(above) / f64::from(below) > NEAR {
        let middle = below + (above - below) / 2;
        if measured(middle)?.recall >= target {
            above = middle;
        } else {
            below = middle;
        }
    }
    Ok(())
}

/// For each target the best setting of each system, all of them measured in turns.
pub fn finals(
    contenders: &mut [Box<dyn Contender>],
    curves: &[Curve],
    judge: &Judge,
    n_queries: usize,
    say: &dyn Fn(&str),
) -> anyhow::Result<Vec<Final>> {
    let mut found = Vec::new();
    for target in TARGETS {
        let chosen = chosen(curves, target);
        for at in chosen.iter().map(|(at, _)| *at) {
            contenders[at].open()?;
        }
        say(&format!(
            "{ROUNDS} rounds in turns of {} systems at recall {target}",
            chosen.len()
        ));
        let mut finals: BTreeMap<usize, Final> = BTreeMap::new();
        for _ in 0..ROUNDS {
            for at in turns(&chosen, curves) {
                anyhow::ensure!(!interrupt::is_interrupted(), "interrupted");
                let (_, point) = chosen
                    .iter()
                    .find(|(chosen, _)| *chosen == at)
                    .context("every turn was chosen")?;
                let count = ((point.qps * TURN_S) as usize)
                    .clamp(FEWEST, n_queries)
                    .min(n_queries);
                let answers = contenders[at].search(point.effort, Ask { count, k: K })?;
                let entry = finals
                    .entry(at)
                    .or_insert_with(|| Final::new(target, &curves[at], *point));
                entry.rounds.push(count as f64 / answers.seconds.max(1e-9));
                if count == n_queries {
                    entry.recall = judge.recall(&answers.ids);
                }
            }
        }
        for at in chosen.iter().map(|(at, _)| *at) {
            contenders[at].close()?;
        }
        found.extend(finals.into_values().map(Final::settled));
    }
    Ok(found)
}

impl Final {
    fn new(target: f64, curve: &Curve, point: Point) -> Final {
        Final {
            target,
            name: curve.name.clone(),
            system: curve.system.clone(),
            side: curve.side,
            effort: point.effort,
            recall: point.recall,
            qps: 0.0,
            rounds: Vec::new(),
        }
    }

    fn settled(mut self) -> Final {
        self.qps = median(&self.rounds).unwrap_or(0.0);
        self
    }
}

/// The fastest curve of each system at this recall, by number, and its setting.
fn chosen(curves: &[Curve], target: f64) -> Vec<(usize, Point)> {
    let mut best: BTreeMap<&str, (usize, Point)> = BTreeMap::new();
    for (at, curve) in curves.iter().enumerate() {
        let Some(point) = curve.best(target) else {
            continue;
        };
        let place = best.entry(&curve.system).or_insert((at, point));
        if point.qps > place.1.qps {
            *place = (at, point);
        }
    }
    best.into_values().collect()
}

/// Peers with Fovea's own choice after each of them; whatever else Fovea has comes once.
fn turns(chosen: &[(usize, Point)], curves: &[Curve]) -> Vec<usize> {
    let of = |wanted: fn(Side) -> bool| {
        chosen
            .iter()
            .map(|(at, _)| *at)
            .filter(move |at| wanted(curves[*at].side))
    };
    let headline: Vec<usize> = of(|side| side == Side::FoveaDefault).collect();
    let mut turns = Vec::new();
    for peer in of(|side| side == Side::Peer) {
        turns.push(peer);
        turns.extend(&headline);
    }
    if turns.is_empty() {
        turns.extend(&headline);
    }
    turns.extend(of(|side| side == Side::Fovea));
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench_ann::contender::Answers;
    use crate::bench_ann::dataset::DataSet;
    use fovea_vectordb::exchange::Matrix;

    fn point(effort: u32, recall: f64, qps: f64) -> Point {
        Point {
            effort,
            recall,
            qps,
        }
    }

    fn curve(system: &str, side: Side, points: &[Point]) -> Curve {
        let built = Built {
            build_s: 1.0,
            build_cpu_s: 1.0,
            bytes_per_vector: 1.0,
            load_at_build: None,
        };
        Curve {
            name: format!("{system} x"),
            system: system.into(),
            side,
            built,
            points: points.to_vec(),
        }
    }

    #[test]
    fn a_system_is_its_fastest_curve() {
        let curves = [
            curve(
                "a",
                Side::Peer,
                &[point(1, 0.91, 10.0), point(2, 0.96, 5.0)],
            ),
            curve("a", Side::Peer, &[point(1, 0.96, 7.0)]),
            curve("b", Side::FoveaDefault, &[point(1, 0.80, 99.0)]),
        ];
        let names = |target: f64| {
            chosen(&curves, target)
                .iter()
                .map(|(at, point)| (*at, point.qps))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(0.90), [(0, 10.0)]);
        assert_eq!(names(0.95), [(1, 7.0)]);
        assert_eq!(names(0.99), []);
    }

    #[test]
    fn the_default_follows_every_peer() {
        let curves = [
            curve("p", Side::Peer, &[]),
            curve("d", Side::FoveaDefault, &[]),
            curve("f", Side::Fovea, &[]),
            curve("q", Side::Peer, &[]),
        ];
        let all: Vec<(usize, Point)> = (0..4).map(|at| (at, point(1, 1.0, 1.0))).collect();
        assert_eq!(turns(&all, &curves), [0, 1, 3, 1, 2]);
        assert_eq!(turns(&all[1..2], &curves), [1]);
    }

    #[test]
    fn settings_between_two_steps_are_tried() {
        let ladder = [point(10, 0.80, 9.0), point(20, 0.97, 5.0)];
        let mut asked = Vec::new();
        narrow(&ladder, 0.95, &mut |effort| {
            asked.push(effort);
            Ok(point(effort, 0.80 + 0.017 * f64::from(effort - 10), 1.0))
        })
        .expect("nothing fails");
        assert_eq!(asked, [15, 17, 18, 19]);
    }

    /// Finds the first `effort` of the `K` nearest rows, at a speed that falls with the effort.
    struct Partial {
        data: std::rc::Rc<DataSet>,
        is_open: bool,
    }

    impl Contender for Partial {
        fn name(&self) -> &str {
            "partial"
        }

        fn system(&self) -> &str {
            "partial"
        }

        fn side(&self) -> Side {
            Side::FoveaDefault
        }

        fn efforts(&self) -> &[u32] {
            &[1, 4, 8, 10, 20]
        }

        fn open(&mut self) -> anyhow::Result<Built> {
            self.is_open = true;
            Ok(Built {
                build_s: 1.0,
                build_cpu_s: 1.0,
                bytes_per_vector: 1.0,
                load_at_build: None,
            })
        }

        fn close(&mut self) -> anyhow::Result<()> {
            self.is_open = false;
            Ok(())
        }

        fn search(&mut self, effort: u32, ask: Ask) -> anyhow::Result<Answers> {
            assert!(self.is_open);
            let right = |query: usize, rank: usize| match rank < effort as usize {
                true => i64::from(self.data.measure.truth.of(query)[rank]),
                false => -1,
            };
            let ids = (0..ask.count).flat_map(|query| (0..ask.k).map(move |rank| (query, rank)));
            Ok(Answers {
                seconds: 0.001 * f64::from(effort) * ask.count as f64,
                ids: ids.map(|(query, rank)| right(query, rank)).collect(),
            })
        }
    }

    fn small_data() -> std::rc::Rc<DataSet> {
        let angles = |n: usize, from: f32| {
            let numbers =
                (0..n).flat_map(|at| [(from + at as f32).cos(), (from + at as f32).sin()]);
            Matrix::new(2, numbers.collect()).expect("rows of two")
        };
        let base = angles(200, 0.0);
        let asked = |from: f32| {
            let rows = angles(60, from);
            let truth = crate::bench_ann::truth::exact(&base, &rows);
            crate::bench_ann::dataset::Asked { rows, truth }
        };
        let card = crate::bench_ann::Card::new("small", "", "", "", Vec::new());
        let (tune, measure) = (asked(0.3), asked(0.7));
        std::rc::Rc::new(DataSet {
            card,
            kind: crate::bench_ann::Kind::Image,
            base,
            build: None,
            tune,
            measure,
        })
    }

    #[test]
    fn a_sweep_stops_where_everything_is_found_and_finals_repeat_it() {
        let data = small_data();
        let judge = Judge::new(&data, K);
        let contender = Partial {
            data: std::rc::Rc::clone(&data),
            is_open: false,
        };
        let mut contenders: Vec<Box<dyn Contender>> = vec![Box::new(contender)];
        let curve = sweep(contenders[0].as_mut(), &judge, 60).expect("nothing fails");
        let found: Vec<(u32, f64)> = curve.points.iter().map(|p| (p.effort, p.recall)).collect();
        assert_eq!(found, [(1, 0.1), (4, 0.4), (8, 0.8), (9, 0.9), (10, 1.0)]);
        let finals = finals(&mut contenders, &[curve], &judge, 60, &|_| {}).expect("nothing fails");
        let found: Vec<_> = finals
            .iter()
            .map(|f| (f.target, f.effort, f.recall))
            .collect();
        assert_eq!(found, [(0.90, 9, 0.9), (0.95, 10, 1.0), (0.99, 10, 1.0)]);
        assert!(
            finals
                .iter()
                .all(|found| found.rounds.len() == ROUNDS && found.qps > 0.0)
        );
    }
}
