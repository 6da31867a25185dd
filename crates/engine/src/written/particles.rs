//! Words that stand in every sentence and tell no picture from another.

/// As [`fovea_vectordb::words`] cuts them: lower case, without accents. Articles, prepositions, conjunctions and forms of
/// "to be" in the languages with spaces that the base pack knows; of Chinese and Japanese the particles.
const PARTICLES: &[&str] = &[
    // English
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "in", "into", "is", "it",
    "its", "of", "on", "or", "some", "that", "the", "their", "this", "to", "was", "were", "with",
    // German
    "der", "die", "das", "den", "dem", "des", "ein", "eine", "einem", "einen", "einer", "eines",
    "und", "oder", "im", "mit", "auf", "aus", "bei", "von", "vom", "zu", "zum", "zur", "ist",
    "sind", // French
    "le", "la", "les", "un", "une", "du", "de", "et", "ou", "au", "aux", "dans", "sur", "avec",
    "est", "sont", "d", "l", // Spanish, Portuguese and Italian
    "el", "los", "las", "unos", "unas", "y", "o", "en", "con", "por", "para", "del", "al", "es",
    "son", "um", "uma", "os", "e", "em", "com", "no", "na", "nos", "nas", "do", "da", "dos", "das",
    "il", "lo", "gli", "i", "di", "nel", "nella", "su", "sul", "sulla", "che",
    // Dutch and Polish
    "het", "een", "van", "met", "op", "w", "z", "na", "oraz", // Chinese and Japanese
    "的", "了", "在", "和", "与", "是", "の", "が", "を", "に", "は", "と", "で",
];

pub fn is_particle(word: &str) -> bool {
    PARTICLES.contains(&word)
}
