//! How well held-out images and captions find each other.

use std::collections::{BTreeMap, HashSet};

use fovea_measure::{Rank, mrr, recall_at};

use crate::gradient::Pass;
use crate::head::Head;
use crate::matrix::{Form, Matrix, Output, product};
use crate::pairs::{Pairs, Usable};

/// Queries whose scores are held at a time.
const QUERIES: usize = 256;

/// Retrieval in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Recall {
    /// Queries.
    pub queries: usize,
    /// Share with a right answer first.
    pub at_1: f64,
    /// Share with a right answer among the first ten.
    pub at_10: f64,
    /// Mean reciprocal rank.
    pub mrr: f64,
}

/// Retrieval both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct BothWays {
    /// A caption asks for its image.
    pub text_to_image: Recall,
    /// An image asks for one of its captions.
    pub image_to_text: Recall,
}

/// Retrieval over a validation side.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Validation {
    /// Over all captions.
    pub all: BothWays,
    /// Over the captions of each language, asked and answered in it.
    pub languages: BTreeMap<String, BothWays>,
}

impl Validation {
    /// What early stopping goes by: recall@10, the mean of both ways, and among equals the reciprocal rank.
    pub fn score(&self) -> (f64, f64) {
        let (text, image) = (&self.all.text_to_image, &self.all.image_to_text);
        (
            (text.at_10 + image.at_10) / 2.0,
            (text.mrr + image.mrr) / 2.0,
        )
    }
}

impl Recall {
    fn of(ranks: &[Rank]) -> Self {
        Self {
            queries: ranks.len(),
            at_1: recall_at(ranks, 1),
            at_10: recall_at(ranks, 10),
            mrr: mrr(ranks),
        }
    }
}

/// Vectors of one side with what makes an answer right: the image's key or the caption's words.
struct Side {
    vectors: Matrix,
    images: Vec<u32>,
    captions: Vec<Vec<u32>>,
}

/// Measures `images`, each by its first view, against all their captions, words that several share once. An answer is right when it is of the same content or
/// has the same words; equal scores count against the query, so that vectors all alike find nothing.
pub fn validate(head: &Head, pairs: &Pairs, images: &[u32], threads: usize) -> Validation {
    measure(head, pairs, &pairs.usable(), images, threads)
}

pub(crate) fn measure(
    head: &Head,
    pairs: &Pairs,
    usable: &Usable,
    images: &[u32],
    threads: usize,
) -> Validation {
    let images: Vec<u32> = images
        .iter()
        .copied()
        .filter(|image| usable.has(*image as usize))
        .collect();
    let image_side = image_side(head, pairs, usable, &images, threads);
    let captions = asked(usable, &images);
    let vectors = text_vectors(head, pairs, &captions, threads);
    let mut by_language: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, caption) in captions.iter().enumerate() {
        by_language
            .entry(&pairs.languages[*caption as usize])
            .or_default()
            .push(at);
    }
    let over = |chosen: &[usize]| {
        let text_side = text_side(pairs, usable, &captions, &vectors, chosen);
        both_ways(&image_side, &text_side, threads)
    };
    let all: Vec<usize> = (0..captions.len()).collect();
    let languages = by_language
        .iter()
        .map(|(language, chosen)| (language.to_string(), over(chosen)));
    Validation {
        all: over(&all),
        languages: languages.collect(),
    }
}

/// The first view and the first caption, as numbers of the pairs, of each of these images that is usable.
pub fn examples(pairs: &Pairs, images: &[u32]) -> Vec<(usize, usize)> {
    let usable = pairs.usable();
    let images = images.iter().map(|image| *image as usize);
    images
        .filter(|image| usable.has(*image))
        .map(|image| {
            let (view, caption) = (usable.views[image][0], usable.captions[image][0]);
            (view as usize, caption as usize)
        })
        .collect()
}

/// The captions of these images, words that several share once: a caption that fifty playing cards have is one question.
fn asked(usable: &Usable, images: &[u32]) -> Vec<u32> {
    let all = images
        .iter()
        .flat_map(|image| &usable.captions[*image as usize]);
    let mut known = HashSet::new();
    let is_new = |caption: &&u32| known.insert(usable.caption_ids[**caption as usize]);
    all.filter(is_new).copied().collect()
}

/// Images that are usable, each by its first view.
fn image_side(head: &Head, pairs: &Pairs, usable: &Usable, images: &[u32], threads: usize) -> Side {
    let views: Vec<u32> = images
        .iter()
        .map(|image| usable.views[*image as usize][0])
        .collect();
    let ids_of = |image: &u32| {
        let captions = usable.captions[*image as usize].iter();
        captions
            .map(|caption| usable.caption_ids[*caption as usize])
            .collect()
    };
    Side {
        vectors: image_vectors(head, pairs, &views, threads),
        images: images
            .iter()
            .map(|image| usable.image_ids[*image as usize])
            .collect(),
        captions: images.iter().map(ids_of).collect(),
    }
}

fn text_side(
    pairs: &Pairs,
    usable: &Usable,
    captions: &[u32],
    vectors: &Matrix,
    chosen: &[usize],
) -> Side {
    let caption_of = |at: &usize| captions[*at] as usize;
    let image_of = |at: &usize| usable.image_ids[pairs.caption_image[caption_of(at)] as usize];
    Side {
        vectors: Matrix {
            rows: chosen.len(),
            cols: vectors.cols,
            data: chosen
                .iter()
                .flat_map(|at| vectors.row(*at))
                .copied()
                .collect(),
        },
        images: chosen.iter().map(image_of).collect(),
        captions: chosen
            .iter()
            .map(|at| vec![usable.caption_ids[caption_of(at)]])
            .collect(),
    }
}

fn both_ways(images: &Side, texts: &Side, threads: usize) -> BothWays {
    // An image without a caption in the language has nothing to find.
    let answered: Vec<Rank> = ranks(images, texts, threads)
        .into_iter()
        .flatten()
        .collect();
    let asked: Vec<Rank> = ranks(texts, images, threads)
        .into_iter()
        .flatten()
        .collect();
    BothWays {
        text_to_image: Recall::of(&asked),
        image_to_text: Recall::of(&answered),
    }
}

/// The rank of each query's best right answer; `None` outside for a query without any.
fn ranks(queries: &Side, answers: &Side, threads: usize) -> Vec<Option<Rank>> {
    let n = answers.images.len();
    let mut scores = vec![0.0; QUERIES * n];
    let mut ranks = Vec::with_capacity(queries.images.len());
    for from in (0..queries.images.len()).step_by(QUERIES) {
        let to = (from + QUERIES).min(queries.images.len());
        let rows = queries.vectors.view().slice(from, to);
        let scores = &mut scores[..(to - from) * n];
        product(
            scores,
            Output::Replaced,
            1.0,
            rows,
            answers.vectors.view(),
            Form::RightTransposed,
            threads,
        );
        for (query, scores) in (from..to).zip(scores.chunks_exact(n.max(1))) {
            ranks.push(rank(queries, query, answers, scores));
        }
    }
    ranks
}

fn rank(queries: &Side, query: usize, answers: &Side, scores: &[f32]) -> Option<Rank> {
    let is_right = |at: usize| {
        let words = &answers.captions[at];
        queries.images[query] == answers.images[at]
            || queries.captions[query].iter().any(|id| words.contains(id))
    };
    let right: Vec<bool> = (0..scores.len()).map(is_right).collect();
    let of_right = scores
        .iter()
        .zip(&right)
        .filter(|(_, right)| **right)
        .map(|(score, _)| *score);
    let best = of_right.reduce(f32::max)?;
    // A score that is no number counts against the query.
    let above = scores
        .iter()
        .zip(&right)
        .filter(|(score, right)| !**right && (score.is_nan() || **score >= best))
        .count();
    Some((!best.is_nan()).then_some(above as u32 + 1))
}

/// Unit vectors of views, as they will be searched.
pub(crate) fn image_vectors(head: &Head, pairs: &Pairs, views: &[u32], threads: usize) -> Matrix {
    let mut pass = Pass::new(head);
    let mut vectors = Matrix::zeros(0, head.shape().outputs);
    for rows in views.chunks(QUERIES) {
        pass.load_images(head, &pairs.features, &pairs.conse, rows, threads);
        head.forward(&mut pass, threads);
        vectors.data.extend(&pass.image.data);
    }
    vectors.rows = views.len();
    vectors
}

/// Unit vectors of captions, as they will be searched.
pub(crate) fn text_vectors(head: &Head, pairs: &Pairs, captions: &[u32], threads: usize) -> Matrix {
    let mut pass = Pass::new(head);
    let mut vectors = Matrix::zeros(0, head.shape().outputs);
    for rows in captions.chunks(QUERIES) {
        pass.load_texts(&pairs.texts, rows);
        head.forward_text(&mut pass, threads);
        vectors.data.extend(&pass.text.data);
    }
    vectors.rows = captions.len();
    vectors
}

/// How one caption is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Which caption of the pairs.
    pub caption: u32,
    /// Its language; empty where it is not known.
    pub language: String,
    /// The rank of its first right answer.
    pub rank: Rank,
    /// The first images of the list, as numbers of the pairs.
    pub nearest: Vec<u32>,
}

/// Images of a list that are named.
const NAMED: usize = 5;

/// Asks the caption of each of `images` for an image among them, as [`validate`] does, and says what each found. The order depends
/// on the pairs alone, so that answers of two heads stand side by side.
pub fn answers(head: &Head, pairs: &Pairs, images: &[u32], threads: usize) -> Vec<Answer> {
    let usable = pairs.usable();
    let images: Vec<u32> = images
        .iter()
        .copied()
        .filter(|image| usable.has(*image as usize))
        .collect();
    let captions = asked(&usable, &images);
    let image_side = image_side(head, pairs, &usable, &images, threads);
    let vectors = text_vectors(head, pairs, &captions, threads);
    let all: Vec<usize> = (0..captions.len()).collect();
    let text_side = text_side(pairs, &usable, &captions, &vectors, &all);
    let ranks = ranks(&text_side, &image_side, threads);
    let found = captions.iter().zip(ranks).enumerate();
    found
        .map(|(at, (caption, rank))| Answer {
            caption: *caption,
            language: pairs.languages[*caption as usize].clone(),
            rank: rank.flatten(),
            nearest: nearest(text_side.vectors.row(at), &image_side.vectors)
                .into_iter()
                .map(|found| images[found])
                .collect(),
        })
        .collect()
}

/// Rows with the greatest products, the greatest first and equals in their order.
fn nearest(query: &[f32], rows: &Matrix) -> Vec<usize> {
    let score = |row: usize| -> f32 { query.iter().zip(rows.row(row)).map(|(a, b)| a * b).sum() };
    let mut scored: Vec<(f32, usize)> = (0..rows.rows).map(|row| (score(row), row)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.iter().take(NAMED).map(|(_, row)| *row).collect()
}
