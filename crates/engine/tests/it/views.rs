//! Pictures with altered views, really encoded, of a collection's previews or of files.

use std::time::Instant;

use fovea_engine::views::{self, ViewOptions};
use fovea_engine::{IndexOptions, Silent};
use fovea_vectordb::Filter;

use crate::fixture::{BLUE, Fixture, GREEN, RED};

fn pictures() -> Fixture {
    let fixture = Fixture::new();
    for number in 0..3 {
        fixture.paint(&format!("red{number}.png"), RED, number);
        fixture.paint(&format!("green{number}.png"), GREEN, number);
    }
    fixture
}

fn options(n_images: usize) -> ViewOptions {
    ViewOptions {
        n_images,
        n_views: 3,
        seed: 1,
        until: None,
        files: IndexOptions {
            n_workers: 2,
            ..Default::default()
        },
    }
}

#[test]
fn views_are_made_of_previews_and_are_the_same_for_the_same_seed() {
    let fixture = pictures();
    fixture.index();
    std::fs::remove_dir_all(&fixture.root).unwrap();
    let of = |options: &ViewOptions| {
        views::of_collection(&fixture.engine, &Filter::All, options, &Silent).unwrap()
    };
    let all = of(&options(100));
    assert_eq!((all.images.len(), all.skipped.len()), (6, 0));
    for image in &all.images {
        assert_eq!(image.features.len(), 4);
        assert!(
            image.features[1..]
                .iter()
                .all(|view| *view != image.features[0])
        );
    }
    assert_eq!(of(&options(100)).images, all.images);
    let other = ViewOptions {
        seed: 2,
        ..options(100)
    };
    assert_ne!(of(&other).images[0].features, all.images[0].features);
    assert_eq!(of(&options(4)).images.len(), 4);
    let late = ViewOptions {
        until: Some(Instant::now()),
        ..options(100)
    };
    assert!(of(&late).images.is_empty(), "no time, no picture");
}

#[test]
fn files_count_once_and_what_is_none_is_named() {
    let fixture = pictures();
    let one = fixture.path("red0.png");
    std::fs::copy(&one, fixture.path("copy.png")).unwrap();
    let broken = fixture.write("broken.png", b"no picture");
    let files = vec![
        one,
        fixture.path("copy.png"),
        broken.clone(),
        fixture.paint("b.png", BLUE, 9),
    ];
    let encoder = fixture.engine.encoder();
    let found = views::of_files(encoder, None, files, &options(9), &Silent).unwrap();
    assert_eq!(found.images.len(), 2, "the copy is the same picture");
    let skipped: Vec<_> = found.skipped.iter().map(|one| &one.path).collect();
    assert_eq!(skipped, [&broken]);
}
