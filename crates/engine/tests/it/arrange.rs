//! What was found is shown page by page, in groups, and unlike what came before.

use std::collections::BTreeSet;

use fovea_engine::{Grouping, Query, SearchOptions, SearchResults};
use fovea_vectordb::Order;

use crate::fixture::{BLUE, Fixture, GREEN, RED, YELLOW, age};

/// Five red pictures, which hardly differ, one of another colour each, in two folders.
fn library() -> Fixture {
    let fixture = Fixture::new();
    for number in 1..=5 {
        let folder = if number < 4 { "roses" } else { "cars" };
        let path = fixture.paint(&format!("{folder}/red{number}.png"), RED, number);
        age(&path, u64::from(number) * 86_400);
    }
    for (name, rgb) in [("green", GREEN), ("blue", BLUE), ("yellow", YELLOW)] {
        let path = fixture.paint(&format!("{name}.png"), rgb, 9);
        age(&path, 30 * 86_400);
    }
    fixture.index();
    fixture
}

fn search(fixture: &Fixture, query: &str, options: &SearchOptions) -> SearchResults {
    let query = Query::from_syntax(query).unwrap();
    fixture.engine.search(&query, options).unwrap()
}

fn names(results: &SearchResults) -> Vec<String> {
    let names = results.results.iter().map(|one| {
        let path = String::from_utf8_lossy(&one.item.path).into_owned();
        path.rsplit('/').next().unwrap_or(&path).to_owned()
    });
    names.collect()
}

/// All pages of a list.
fn paged(fixture: &Fixture, query: &str, options: &SearchOptions) -> Vec<String> {
    let mut options = options.clone();
    let mut all = Vec::new();
    loop {
        let page = search(fixture, query, &options);
        assert!(page.results.len() <= options.top_k);
        all.extend(names(&page));
        match page.next {
            Some(next) => options.after = Some(next.to_string().parse().unwrap()),
            None => return all,
        }
    }
}

#[test]
fn pages_are_cut_out_of_one_list() {
    let fixture = library();
    for query in ["red", "", "red + yellow", "ext:png", "red not:green"] {
        for sort in [
            None,
            Some(Order::Newest),
            Some(Order::Oldest),
            Some(Order::Name),
        ] {
            for group in [None, Some(Grouping::Folder), Some(Grouping::Similar)] {
                if query.is_empty() || (sort.is_some() && query != "ext:png") {
                    continue;
                }
                let whole = SearchOptions {
                    top_k: 100,
                    sort,
                    group,
                    ..Default::default()
                };
                let all = names(&search(&fixture, query, &whole));
                for top_k in 1..5 {
                    let options = SearchOptions {
                        top_k,
                        ..whole.clone()
                    };
                    assert_eq!(
                        paged(&fixture, query, &options),
                        all,
                        "{query} by {top_k}, {sort:?}, {group:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_comes_and_goes_moves_no_page() {
    let fixture = library();
    let options = SearchOptions {
        top_k: 3,
        ..Default::default()
    };
    let first = search(&fixture, "red", &options);
    let all = names(&search(&fixture, "red", &SearchOptions::default()));
    assert_eq!(names(&first), all[..3]);
    // The last of the page leaves, and a better one comes.
    std::fs::remove_file(first.results[2].item.absolute()).unwrap();
    fixture.paint("red99.png", [255, 0, 0], 77);
    fixture.index();
    let next = SearchOptions {
        after: first.next,
        ..options
    };
    let page = names(&search(&fixture, "red", &next));
    let expect: Vec<&String> = all[3..6].iter().collect();
    assert_eq!(page.iter().collect::<Vec<_>>(), expect);
}

#[test]
fn a_cursor_of_another_query_is_refused() {
    let fixture = library();
    let options = SearchOptions {
        top_k: 2,
        ..Default::default()
    };
    let after = search(&fixture, "red", &options).next;
    for (query, group) in [("green", None), ("red", Some(Grouping::Day))] {
        let options = SearchOptions {
            after: after.clone(),
            group,
            ..options.clone()
        };
        let query = Query::words(query).unwrap();
        let error = fixture.engine.search(&query, &options).unwrap_err();
        assert!(error.to_string().contains("of another query"), "{error}");
    }
}

#[test]
fn groups_show_their_best_and_count_the_others() {
    let fixture = library();
    let grouped = |query: &str, group| {
        let options = SearchOptions {
            top_k: 3,
            group: Some(group),
            ..Default::default()
        };
        search(&fixture, query, &options)
    };
    let folders = grouped("red", Grouping::Folder);
    let counts: Vec<usize> = folders.results.iter().map(|one| one.others.len()).collect();
    assert_eq!(
        folders.results.len(),
        3,
        "cars, roses, and what lies above both"
    );
    assert_eq!(counts.iter().sum::<usize>(), 5);
    let folder = folders.results[0].group.clone().unwrap();
    assert!(
        folder.ends_with("roses") || folder.ends_with("cars"),
        "{folder}"
    );

    let days = grouped("ext:png", Grouping::Day);
    assert_eq!(days.results.len(), 3);
    assert_eq!(days.results[0].group.as_ref().map(String::len), Some(10));

    // Three results although the five best look alike: more is looked at than is shown.
    let similar = grouped("red", Grouping::Similar);
    assert_eq!(similar.results.len(), 3);
    assert_eq!(similar.results[0].others.len(), 4);
    assert!(similar.results[1].others.is_empty());
}

#[test]
fn a_diverse_list_draws_from_more_than_it_shows() {
    let fixture = library();
    let found = |diversity| {
        let options = SearchOptions {
            top_k: 4,
            diversity,
            ..Default::default()
        };
        search(&fixture, "red", &options)
    };
    assert_eq!(names(&found(Some(0.0))), names(&found(None)));
    let diverse = found(Some(0.7));
    let kinds: BTreeSet<String> = names(&diverse)
        .iter()
        .map(|name| {
            name.trim_end_matches(|last: char| !last.is_alphabetic())
                .to_owned()
        })
        .map(|name| {
            name.trim_end_matches(".png")
                .trim_end_matches(char::is_numeric)
                .to_owned()
        })
        .collect();
    assert_eq!(kinds.len(), 4, "{:?}", names(&diverse));
    assert!(
        names(&diverse)[0].starts_with("red"),
        "the best stays first"
    );
    assert!(diverse.next.is_none());
}
