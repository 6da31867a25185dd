//! Every family of index against its naive twin, which is a full sort: what
//! is promised of all of them is checked of each entry of the table.

mod asked;
mod filters;
mod twin;

use std::sync::atomic::{AtomicUsize, Ordering};

use fovea_index::{
    Bitmap, BuildOptions, Error, FAMILIES, Family, Index, Metric, Parameters, Random, Saved,
    Scored, SearchOptions, Sections, Shared, Work, exact, family,
};
use proptest::prelude::*;

use twin::{Twin, check, clustered};

/// Recall@10 at least, at the default effort and at the highest, of clustered rows.
const FLOORS: &[(&str, f64, f64)] = &[
    ("flat", 1.0, 1.0),
    ("vamana", 0.95, 0.99),
    ("ivf", 0.90, 0.99),
    ("ivf-pq", 0.85, 0.98),
    ("lsh", 0.80, 0.97),
    ("kd-tree", 0.97, 0.97),
    ("annoy", 0.97, 0.97),
];

/// More rows than every family compares exactly.
const MANY: usize = 1300;

fn build(family: &Family, twin: &Twin, threads: usize, seed: u64) -> Box<dyn Index> {
    let options = BuildOptions {
        work: Work {
            threads,
            seed,
            ..Work::default()
        },
        ..BuildOptions::default()
    };
    let index = (family.build)(&twin.vectors(), &options).unwrap();
    assert_eq!(index.family().name, family.name);
    index
}

fn bytes_of(saved: &Saved<'_>) -> Vec<(&'static str, Vec<u8>)> {
    saved
        .iter()
        .map(|(name, bytes)| (*name, bytes.to_vec()))
        .collect()
}

/// Recall@10 over some queries like the rows.
fn recall(index: &dyn Index, twin: &Twin, effort: u32) -> f64 {
    const QUERIES: usize = 60;
    let mut random = Random::new(99);
    let live = twin.live(None);
    let mut hits = 0;
    for _ in 0..QUERIES {
        let query = clustered(1, twin.dim, twin.metric, &mut random);
        let options = SearchOptions {
            effort,
            ..SearchOptions::default()
        };
        let found = index.search(&twin.vectors(), &query, &options).unwrap();
        let expect = exact(&twin.vectors(), twin.len(), &query, 10, Some(&live));
        hits += expect
            .iter()
            .filter(|best| found.iter().any(|f| f.row == best.row))
            .count();
    }
    hits as f64 / (10 * QUERIES) as f64
}

fn remove(index: &mut dyn Index, twin: &mut Twin, rows: &[u32]) {
    index
        .remove(&twin.vectors(), rows, &Work::default())
        .unwrap();
    for &row in rows {
        twin.removed.insert(row);
        // Whatever stands there now is nobody's business.
        let at = row as usize * twin.dim;
        twin.numbers[at..at + twin.dim].fill(f32::NAN);
    }
}

fn insert(index: &mut dyn Index, twin: &mut Twin, rows: &[u32], random: &mut Random) {
    twin.put(rows, random);
    index
        .insert(&twin.vectors(), rows, &Work::default())
        .unwrap();
}

/// Small whole numbers, so that every order of summing gives the same score and ties are plenty.
fn small_rows(most: usize) -> impl Strategy<Value = (usize, Vec<f32>, Vec<f32>)> {
    let dim = prop_oneof![12 => 1usize..40, 2 => 40usize..300, 1 => Just(1536usize)];
    (dim, 0..most).prop_flat_map(|(dim, n)| {
        let n = if dim > 300 { n.min(20) } else { n };
        let number = (-2i8..=2).prop_map(f32::from);
        let row = proptest::collection::vec(number, dim);
        let distinct = proptest::collection::vec(row.clone(), 1..n.max(2));
        (distinct, row).prop_map(move |(distinct, query)| {
            // Fewer distinct rows than rows: the others are the same again.
            let rows = distinct.iter().cycle().take(n).flatten().copied().collect();
            (dim, rows, query)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn few_rows_agree_with_the_twin(
        (dim, numbers, query) in small_rows(300),
        metric in proptest::sample::select(&Metric::ALL[..]),
        k in prop_oneof![0usize..12, Just(1000)],
        allowed in proptest::option::of(proptest::collection::btree_set(0u32..400, 0..300)),
        removed in proptest::collection::btree_set(0u32..300, 0..100),
    ) {
        let allowed: Option<Bitmap> = allowed.map(|rows| rows.into_iter().collect());
        for family in FAMILIES {
            let mut twin = Twin::new(dim, metric, numbers.clone());
            let mut index = build(family, &twin, 1, 0);
            check(&*index, &twin, &query, k, allowed.as_ref());
            let removed: Vec<u32> = removed.iter().copied().filter(|row| *row < twin.len()).collect();
            remove(&mut *index, &mut twin, &removed);
            check(&*index, &twin, &query, k, allowed.as_ref());
            let mut again: Vec<u32> = removed.into_iter().step_by(2).collect();
            again.push(twin.len());
            insert(&mut *index, &mut twin, &again, &mut Random::new(1));
            check(&*index, &twin, &query, k, allowed.as_ref());
        }
    }
}

/// Rows, many of which are equal, or zero, or of one dimension.
#[test]
fn many_rows_agree_with_the_twin() {
    let mut random = Random::new(3);
    for (case, (dim, distinct)) in [(1, 3), (2, 1300), (5, 1), (9, 40), (33, 1300)]
        .into_iter()
        .enumerate()
    {
        let small = |random: &mut Random| random.below(5) as f32 - 2.0;
        let known: Vec<f32> = (0..dim * distinct).map(|_| small(&mut random)).collect();
        let mut numbers: Vec<f32> = known.iter().cycle().take(MANY * dim).copied().collect();
        numbers[..dim * 7].fill(0.0);
        let query: Vec<f32> = (0..dim).map(|_| small(&mut random)).collect();
        let metric = Metric::ALL[case % 3];
        let twin = Twin::new(dim, metric, numbers);
        let most: Bitmap = (0..MANY as u32).filter(|row| row % 7 != 0).collect();
        let few: Bitmap = (0..MANY as u32).filter(|row| row % 13 == 0).collect();
        let beyond: Bitmap = (1000..9000).collect();
        for family in FAMILIES {
            let index = build(family, &twin, 1, case as u64);
            for allowed in [
                None,
                Some(&most),
                Some(&few),
                Some(&beyond),
                Some(&Bitmap::new()),
            ] {
                for k in [0, 1, 10, 1250, 5000] {
                    check(&*index, &twin, &query, k, allowed);
                }
            }
            check(&*index, &twin, &vec![0.0; dim], 10, None);
            let mut twin = twin.clone();
            let mut index = index;
            remove(&mut *index, &mut twin, &[0, 5, 700, 5]);
            insert(&mut *index, &mut twin, &[5, 0, MANY as u32], &mut random);
            check(&*index, &twin, &query, 10, None);
        }
    }
}

#[test]
fn recall_is_what_a_family_is_for() {
    let mut low = Vec::new();
    for metric in Metric::ALL {
        let numbers = clustered(3000, 32, metric, &mut Random::new(7));
        let twin = Twin::new(32, metric, numbers);
        for family in FAMILIES {
            let floor = FLOORS.iter().find(|(name, ..)| *name == family.name);
            let &(name, default, highest) = floor.expect("each family has a floor");
            let index = build(family, &twin, 2, 1);
            let efforts = index.efforts();
            assert!(efforts.is_sorted_by(|a, b| a < b), "{name}: {efforts:?}");
            let most = *efforts.last().expect("there is an effort");
            for (effort, floor) in [(0, default), (most, highest)] {
                let recall = recall(&*index, &twin, effort);
                if recall < floor {
                    low.push(format!(
                        "{name} {metric} effort {effort}: {recall:.3} < {floor}"
                    ));
                }
            }
        }
    }
    assert!(low.is_empty(), "{low:#?}");
}

#[test]
fn histories_end_where_a_fresh_build_is() {
    let mut low = Vec::new();
    for (at, metric) in Metric::ALL.into_iter().enumerate() {
        for family in FAMILIES {
            let name = family.name;
            let mut random = Random::new(at as u64);
            let mut twin = Twin::new(16, metric, clustered(2000, 16, metric, &mut random));
            let mut index = build(family, &twin, 1, 1);
            let mut order: Vec<u32> = (0..2000).collect();
            random.shuffle(&mut order);
            remove(&mut *index, &mut twin, &order[..1000]);
            let query = clustered(1, 16, metric, &mut random);
            check(&*index, &twin, &query, 10, None);
            let mut again: Vec<u32> = order[..700].to_vec();
            again.extend(2000..2300);
            for rows in again.chunks(170) {
                insert(&mut *index, &mut twin, rows, &mut random);
            }
            check(&*index, &twin, &query, 10, None);
            let history = recall(&*index, &twin, 0);
            // The fresh one has the same rows, without gaps.
            let live: Vec<u32> = twin.live(None).iter().collect();
            let numbers = live
                .iter()
                .flat_map(|&row| twin.row(row))
                .copied()
                .collect();
            let packed = Twin::new(16, metric, numbers);
            let fresh = recall(&*build(family, &packed, 1, 1), &packed, 0);
            if history < fresh - 0.05 {
                low.push(format!(
                    "{name} {metric}: {history:.3}, built anew {fresh:.3}"
                ));
            }
        }
    }
    assert!(low.is_empty(), "{low:#?}");
}

#[test]
fn an_empty_index_grows() {
    let mut low = Vec::new();
    for family in FAMILIES {
        for metric in Metric::ALL {
            let mut random = Random::new(4);
            let mut twin = Twin::new(12, metric, Vec::new());
            let mut index = build(family, &twin, 1, 1);
            let query = clustered(1, 12, metric, &mut random);
            check(&*index, &twin, &query, 3, None);
            for rows in [0..1, 1..30, 30..700, 700..900, 900..1800] {
                let rows: Vec<u32> = rows.collect();
                insert(&mut *index, &mut twin, &rows, &mut random);
                check(&*index, &twin, &query, 10, None);
            }
            let all: Vec<u32> = (0..1800).collect();
            let recall = recall(&*index, &twin, 0);
            if recall < 0.8 {
                low.push(format!("{} {metric}: {recall:.3}", family.name));
            }
            remove(&mut *index, &mut twin, &all);
            check(&*index, &twin, &query, 10, None);
            insert(&mut *index, &mut twin, &all[..5], &mut random);
            check(&*index, &twin, &query, 10, None);
        }
    }
    assert!(low.is_empty(), "{low:#?}");
}

/// An index with removed rows, reused ones and new ones.
fn lived(family: &Family, metric: Metric) -> (Box<dyn Index>, Twin) {
    let mut random = Random::new(8);
    let mut twin = Twin::new(8, metric, clustered(MANY, 8, metric, &mut random));
    let mut index = build(family, &twin, 1, 2);
    let gone: Vec<u32> = (0..MANY as u32).step_by(9).collect();
    remove(&mut *index, &mut twin, &gone);
    insert(&mut *index, &mut twin, &[9, 18, MANY as u32], &mut random);
    (index, twin)
}

fn answers(index: &dyn Index, twin: &Twin) -> Vec<Vec<Scored>> {
    let mut random = Random::new(21);
    let mut answers = Vec::new();
    for effort in [0, 1, 3, 40, 100_000] {
        let query = clustered(1, twin.dim, twin.metric, &mut random);
        let options = SearchOptions {
            effort,
            ..SearchOptions::default()
        };
        answers.push(index.search(&twin.vectors(), &query, &options).unwrap());
    }
    answers
}

#[test]
fn what_is_saved_answers_the_same() {
    for metric in Metric::ALL {
        for family in FAMILIES {
            let (index, twin) = lived(family, metric);
            let saved = index.save();
            let loaded = (family.load)(&Sections::of(&saved), &twin.vectors()).unwrap();
            assert_eq!(
                answers(&*loaded, &twin),
                answers(&*index, &twin),
                "{}",
                family.name
            );
            assert_eq!(
                bytes_of(&loaded.save()),
                bytes_of(&saved),
                "{}",
                family.name
            );
            assert_eq!(loaded.parameters(), index.parameters(), "{}", family.name);
            assert_eq!(loaded.efforts(), index.efforts(), "{}", family.name);
        }
    }
}

#[test]
fn threads_decide_nothing() {
    for metric in Metric::ALL {
        let twin = Twin::new(10, metric, clustered(MANY, 10, metric, &mut Random::new(2)));
        for family in FAMILIES {
            let one = build(family, &twin, 1, 5);
            let two = build(family, &twin, 2, 5);
            assert_eq!(
                bytes_of(&one.save()),
                bytes_of(&two.save()),
                "{}",
                family.name
            );
        }
    }
}

/// Load what was damaged; where that is not noticed, searches and edits must still end well.
fn check_damaged(family: &Family, twin: &Twin, saved: &[(&'static str, Vec<u8>)]) -> bool {
    let mut sections = Sections::default();
    for (name, bytes) in saved {
        sections.insert(name, Shared::from_vec(bytes.clone()));
    }
    match (family.load)(&sections, &twin.vectors()) {
        Err(Error::Damaged { .. }) => true,
        Err(error) => panic!("{}: {error}", family.name),
        Ok(mut index) => {
            let mut random = Random::new(31);
            for effort in [0, 1, 64] {
                let query = clustered(1, twin.dim, twin.metric, &mut random);
                let options = SearchOptions {
                    effort,
                    ..SearchOptions::default()
                };
                let found = index.search(&twin.vectors(), &query, &options).unwrap();
                assert!(found.iter().all(|scored| scored.row < index.rows()));
                assert!(
                    found.is_sorted_by(|a, b| a.best_first(b).is_lt()),
                    "{}",
                    family.name
                );
            }
            let live: Vec<u32> = (0..index.rows())
                .filter(|row| !index.removed().contains(*row))
                .take(2)
                .collect();
            index
                .remove(&twin.vectors(), &live, &Work::default())
                .unwrap();
            index
                .insert(&twin.vectors(), &live, &Work::default())
                .unwrap();
            false
        }
    }
}

#[test]
fn damage_is_refused_or_does_no_harm() {
    for (at, family) in FAMILIES.iter().enumerate() {
        let metric = Metric::ALL[at % 3];
        let (index, mut twin) = lived(family, metric);
        let saved = bytes_of(&index.save());
        twin.numbers
            .iter_mut()
            .filter(|x| x.is_nan())
            .for_each(|x| *x = 0.5);
        let mut random = Random::new(13);
        let mut refused = 0;
        for section in 0..saved.len() {
            let n_bytes = saved[section].1.len();
            let mut damaged = saved.clone();
            damaged.remove(section);
            assert!(
                check_damaged(family, &twin, &damaged),
                "{}: {} is missing",
                family.name,
                saved[section].0
            );
            for length in [0, n_bytes / 2, n_bytes.saturating_sub(1)] {
                let mut damaged = saved.clone();
                damaged[section].1.truncate(length);
                refused += u32::from(check_damaged(family, &twin, &damaged));
            }
            // Each bit of a head, and some of what is large.
            let is_head = n_bytes <= 64;
            for flip in 0..if is_head { n_bytes * 8 } else { 60 } {
                let bit = if is_head {
                    flip
                } else {
                    random.below(n_bytes * 8)
                };
                let mut damaged = saved.clone();
                damaged[section].1[bit / 8] ^= 1 << (bit % 8);
                if !is_head && flip % 3 == 0 {
                    let byte = bit / 8;
                    let end = (byte + 4).min(n_bytes);
                    damaged[section].1[byte..end].fill(0xff);
                }
                refused += u32::from(check_damaged(family, &twin, &damaged));
            }
        }
        assert!(refused > 20, "{}: only {refused} were noticed", family.name);
    }
}

#[test]
fn what_compares_with_nothing_is_refused() {
    let twin = Twin::new(2, Metric::L2, vec![1.0, 2.0, 3.0, 4.0]);
    let bad = Twin::new(2, Metric::L2, vec![1.0, 2.0, f32::NAN, 4.0]);
    for family in FAMILIES {
        let name = family.name;
        let mut index = build(family, &twin, 1, 0);
        let search = |query: &[f32]| {
            index
                .search(&twin.vectors(), query, &SearchOptions::default())
                .err()
        };
        assert_eq!(
            search(&[f32::INFINITY, 0.0]),
            Some(Error::NotFinite { position: 0 }),
            "{name}"
        );
        assert_eq!(
            search(&[0.0]),
            Some(Error::Dimension {
                expected: 2,
                got: 1
            }),
            "{name}"
        );
        let built = (family.build)(&bad.vectors(), &BuildOptions::default());
        assert_eq!(
            built.err(),
            Some(Error::NotFinite { position: 0 }),
            "{name}"
        );
        let odd = BuildOptions {
            parameters: Parameters::default().with("no such", 1.0),
            ..BuildOptions::default()
        };
        let built = (family.build)(&twin.vectors(), &odd).err();
        assert!(matches!(built, Some(Error::Parameter { .. })), "{name}");

        let work = Work::default();
        let no_row = |row| Err(Error::NoSuchRow { row, rows: 2 });
        assert_eq!(
            index.remove(&twin.vectors(), &[1, 2], &work),
            no_row(2),
            "{name}"
        );
        assert_eq!(
            index.insert(&twin.vectors(), &[1], &work),
            no_row(1),
            "{name}"
        );
        assert_eq!(
            index.insert(&twin.vectors(), &[2], &work),
            no_row(2),
            "{name}"
        );
        index.remove(&twin.vectors(), &[1], &work).unwrap();
        let inserted = index.insert(&bad.vectors(), &[1], &work);
        assert_eq!(inserted, Err(Error::NotFinite { position: 0 }), "{name}");
        index.insert(&twin.vectors(), &[1, 1], &work).unwrap();
        check(&*index, &twin, &[1.0, 1.0], 5, None);
    }
    assert!(matches!(family("no such"), Err(Error::NoSuchFamily { .. })));
}

/// Work that is cancelled when it was asked this often.
fn cancelled_after(asked: usize, task: impl FnOnce(&Work<'_>)) {
    let left = AtomicUsize::new(asked);
    let is_cancelled = || {
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        taken.is_err()
    };
    task(&Work {
        is_cancelled: &is_cancelled,
        ..Work::default()
    });
}

#[test]
fn cancelled_work_leaves_the_index_as_it_was() {
    for family in FAMILIES {
        let (mut index, mut twin) = lived(family, Metric::L2);
        let before = answers(&*index, &twin);
        let whole = twin.clone();
        let rows: Vec<u32> = [0, 27]
            .into_iter()
            .chain(twin.len()..twin.len() + 5000)
            .collect();
        twin.put(&rows, &mut Random::new(3));
        let mut n_cancelled = 0;
        for asked in [0, 1, 2, 5, 20, 100, 400, 2000] {
            cancelled_after(asked, |work| {
                let options = BuildOptions {
                    work: *work,
                    ..BuildOptions::default()
                };
                match (family.build)(&whole_of(&whole).vectors(), &options) {
                    Err(error) => assert_eq!(error, Error::Cancelled),
                    Ok(_) => assert!(asked > 0 || family.name == "flat", "{}", family.name),
                }
            });
            let mut is_inserted = false;
            cancelled_after(asked, |work| {
                match index.insert(&twin.vectors(), &rows, work) {
                    Err(error) => assert_eq!(error, Error::Cancelled),
                    Ok(()) => is_inserted = true,
                }
            });
            if is_inserted {
                break;
            }
            n_cancelled += 1;
            assert_eq!(index.rows(), whole.len(), "{}", family.name);
            assert_eq!(answers(&*index, &twin), before, "{}", family.name);
            let saved = index.save();
            let loaded = (family.load)(&Sections::of(&saved), &whole.vectors());
            assert_eq!(answers(&*loaded.unwrap(), &twin), before, "{}", family.name);
        }
        assert!(n_cancelled > 0 || family.name == "flat", "{}", family.name);
    }
}

/// The same rows with numbers where there are none.
fn whole_of(twin: &Twin) -> Twin {
    let mut whole = twin.clone();
    whole
        .numbers
        .iter_mut()
        .filter(|x| x.is_nan())
        .for_each(|x| *x = 0.0);
    whole
}
