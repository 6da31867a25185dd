//! Words that were written of pictures (captions, own tags, names of files and folders), beside what is seen in them.
//!
//! The stages: `particles` (words that say nothing by themselves), `spelling` (the words of the collection that are meant
//! by those of a query), this file (what a query wants to be written), `fuse` (one list of what is seen and what is written).

mod fuse;
mod particles;
mod spelling;

use fovea_vectordb::{Wanted, words};
pub use fuse::{SAID, WEIGHT};

use self::spelling::Spelling;
use crate::Engine;
use crate::error::Error;
use crate::query::{Meaning, Plan, TermContent};

/// Words of a query that are looked for; nobody means more.
const MOST_WORDS: usize = 32;

/// What a query wants to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    pub wanted: Vec<Wanted>,
    pub corrections: Vec<Correction>,
}

/// A word that nobody wrote, and the one that was taken for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    pub word: String,
    pub meant: String,
}

impl Engine {
    /// What the words of a plan want to be written, those of saved searches among them. A phrase in quotes has to stand as
    /// it is.
    pub fn written(&self, plan: &Plan) -> Result<Written, Error> {
        let mut written = Written::default();
        self.want(plan, &mut written)?;
        written.wanted.truncate(MOST_WORDS);
        Ok(written)
    }

    fn want(&self, plan: &Plan, written: &mut Written) -> Result<(), Error> {
        for term in plan.terms().filter(|term| term.weight > 0.0) {
            match &term.content {
                TermContent::Words(text) => self.want_each(text, written)?,
                TermContent::Phrase(text) => written.wanted.push(Wanted {
                    any: vec![words::asked(text)],
                    worth: 1.0,
                }),
                TermContent::Named(name) => match plan.meaning(name)? {
                    Meaning::Saved(saved) => self.want(saved, written)?,
                    Meaning::Concept(_) => {}
                },
                TermContent::Image(_) | TermContent::Item(_) | TermContent::Given(_) => {}
            }
        }
        Ok(())
    }

    fn want_each(&self, text: &str, written: &mut Written) -> Result<(), Error> {
        let asked = words::asked(text);
        let is_all_particles = asked.iter().all(|word| particles::is_particle(word));
        for word in asked.into_iter().take(MOST_WORDS) {
            if particles::is_particle(&word) && !is_all_particles {
                continue;
            }
            let wanted = match spelling::of(self, &word)? {
                Spelling::Known(forms) => each(forms, 1.0),
                Spelling::Mistyped(forms) => {
                    written
                        .corrections
                        .extend(forms.first().map(|meant| Correction {
                            word: word.clone(),
                            meant: meant.clone(),
                        }));
                    each(forms, spelling::MISTYPED)
                }
                // That it is nowhere counts against what has only the rest.
                Spelling::Unknown => each(Vec::new(), 1.0),
            };
            written.wanted.push(wanted);
        }
        Ok(())
    }
}

fn each(forms: Vec<String>, worth: f32) -> Wanted {
    Wanted {
        any: forms.into_iter().map(|form| vec![form]).collect(),
        worth,
    }
}
