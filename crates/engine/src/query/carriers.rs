//! Words that say only that a picture is looked for: "show me photos of a dog" asks for a dog.
//!
//! An encoder of sentences takes them for what the text is about: 2 to 20 of 100 pictures that stand in the first ten by their name do
//! not with such words around it, in each of thirteen languages (`scripts/reference/asked.py`). One that learned with pictures, as
//! CLIP did, knows such captions best of all: its words stay as they are ([`fovea_encode::PackSpec::knows_captions`]).
//!
//! Only what can hardly mean anything else is passed over: "old photos" and "people taking pictures" stay. Where a
//! language says it without a preposition, as with the genitive of Polish, nothing is.

use std::sync::LazyLock;

use regex::Regex;

/// What was passed over, and the words that are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// The words as they were typed, with `…` for what is left.
    pub said: String,
    pub left: String,
}

/// Each leaves `<left>` of a whole text. Drawings, paintings and paper are no carriers: they say what the picture is.
const PATTERNS: &[&str] = &[
    // English.
    r"(?:please )?(?:show|find|get) me (?<left>.+)",
    r"(?:i am|i['’]m) looking for (?<left>.+)",
    r"i (?:want|would like) to see (?<left>.+)",
    r"(?:(?:show|find|get) )?(?:(?:all|some|any|the|a|an|my|our|more) )*(?:photo|photograph|picture|image|pic|snapshot)s? (?:of|with|showing|containing|that (?:shows?|contains?)|(?:where|in which) there (?:is|are)) (?<left>.+)",
    r"(?<left>[\p{L}'’-]+(?: [\p{L}'’-]+)?) (?:photos|pictures|images|pics)",
    // German, Dutch, Spanish, French, Italian, Portuguese.
    r"(?:(?:alle|meine|die|das|ein|een|het|de|un[ae]?|unas|las|mis|les|mes|des|le|la|uma|umas|as) )?(?:fotos?|foto[’']s|photos?|images?|bild|bilder|aufnahmen?|afbeelding(?:en)?|plaatjes?|fotografías?|fotografias?|fotografie|imagen|imágenes|imagem|imagens|immagin[ei]) (?:(?:von|vom|mit|van|met|de|del|con|du|des|avec|di|della|delle|dello|dei|do|da|dos|das|com) |(?:d|dell)[’'])(?<left>.+)",
    // Russian and Polish.
    r"(?:фото|фотографи[яию]|картинк[аиу]|изображени[ея]) со? (?<left>.+)",
    r"(?:zdjęci[ae]|fotografi[aei]) ze? (?<left>.+)",
    // Chinese: without a particle it may be an adjective (老照片 is an old photograph), or what somebody does (看照片).
    r"(?:<ask><some>?|(?:找(?:一下)?)?<some>)?(?<left>.+?)的(?:照片|图片|圖片|相片|图像|圖像|影像)",
    r"(?:<ask><some>?|(?:找(?:一下)?)?<some>)?(?<left>[^的看拿拍着在一张張]{2,4})(?:照片|图片|圖片|相片)",
    // Japanese, Korean, Thai.
    r"(?<left>.+?)(?:の|が写っている|が写った)(?:写真|画像)",
    r"(?<left>.+) (?:사진|이미지)",
    r"(?:รูปภาพ|รูปถ่าย|ภาพถ่าย|รูป)ของ(?<left>.+)",
];

/// What stands for `<ask>` and `<some>` in them.
const PARTS: [(&str, &str); 2] = [
    (
        "<ask>",
        "(?:请|請)?(?:帮我找|幫我找|给我找|給我找|给我看|給我看|我想看|我要看|我想找|我要找)(?:一下|看)?",
    ),
    ("<some>", "(?:[一几幾这這那][张張幅]|一些)"),
];

/// What is left does not stand by itself: it says whose, how many or which kind, or another word begins with the particle.
const NOT_LEFT: &[&str] = &[
    r"(?:.+ )?(?:all|some|any|no|my|our|your|his|her|their|its|the|these|those|more|of|with|and|or|in|on|at|to|for|de|des|les|taking|holding|hanging|viewing|watching|making)",
    r"(?:.+ )?(?:motion|moving|framed|printed|old|new|vintage|black|white|colou?r|passport|id|profile|aerial|satellite|stock|x-ray|best|good|bad|blurry|last|first|latest)",
    r"(?:(?:un|una|une|uma) )?(?:identité|passeport|pasaporte|passaporto|passaporte|perfil|profil|profilo|fondo|sfondo|fundo|synthèse|marque|couverture|portada|capa|copertina)",
    r"[我你他她它您]们?|所有|全部|一些|这|那|这些|那些|這|這些|旧|舊|老|到|找到|零|最好|最新|证件|證件|黑白|自拍|全景|航拍|手机",
    r"こ|そ|あ|ど|昔|私|僕|俺|全て|すべて|全部|最近|内|제|내|우리|모든|이|그|저|흑백|증명|옛날",
    r"(?:เล่น|ขวัญ|หวาน|กิน|ใช้|ฝาก|เก่า).*",
];

/// One of these stands in whatever a pattern finds. Patterns take 3 ms to be made ready, which other words need not wait for.
const STEMS: &str = "phot|pic|imag|imág|immag|snapshot| me | for | see |foto|bild|aufnahm|afbeeld|plaatje|фото|картин|изображ|zdję|照片|图片|圖片|相片|图像|圖像|影像|写真|画像|사진|이미지|รูป|ภาพ";

/// Words that name any picture at all.
const ANY: &[&str] = &[
    r"(?:(?:all|some|any|the|my|our) )*(?:photos?|photographs?|pictures?|images?|pics)",
    r"(?:(?:alle|meine|mes|les|mis|las|tous|toutes) )*(?:fotos|bilder|photos|images|imágenes|imagens)|(?:le )?immagini",
    r"фото|фотографии|zdjęcia|(?:我的?|所有|全部)?的?(?:照片|图片|圖片|相片)|(?:すべての|全ての|私の)?(?:写真|画像)|(?:모든 |내 )?사진",
];

/// So many lie one in the other at most: "show me" "pictures with".
const MOST: usize = 3;

/// The carrier around some words, where anything is left without it.
pub fn carrier_of(words: &str) -> Option<Carrier> {
    let lower = words.to_lowercase();
    if !STEMS.split('|').any(|stem| lower.contains(stem)) {
        return None;
    }
    let mut left = words.trim();
    for _ in 0..MOST {
        match without(left) {
            Some(inner) => left = inner,
            None => break,
        }
    }
    let said = words.trim();
    let at = left.as_ptr() as usize - said.as_ptr() as usize;
    (left.len() < said.len()).then(|| Carrier {
        said: format!("{}…{}", &said[..at], &said[at + left.len()..]),
        left: left.to_owned(),
    })
}

/// What is left of words by the first pattern that leaves anything.
fn without(words: &str) -> Option<&str> {
    static READY: LazyLock<Vec<Regex>> = LazyLock::new(|| all(PATTERNS));
    static REFUSED: LazyLock<Vec<Regex>> = LazyLock::new(|| all(NOT_LEFT));
    if is_any(words) {
        return None;
    }
    READY.iter().find_map(|pattern| {
        let left = pattern.captures(words)?.name("left")?.as_str().trim();
        let stands = left.contains(char::is_alphanumeric)
            && !REFUSED.iter().any(|refused| refused.is_match(left));
        stands.then_some(left)
    })
}

/// Whether words ask for pictures of any kind.
pub fn is_any(words: &str) -> bool {
    static READY: LazyLock<Vec<Regex>> = LazyLock::new(|| all(ANY));
    READY.iter().any(|pattern| pattern.is_match(words.trim()))
}

fn all(patterns: &[&str]) -> Vec<Regex> {
    let whole = |pattern: &&str| {
        let text = PARTS
            .iter()
            .fold((*pattern).to_owned(), |text, (name, part)| {
                text.replace(name, part)
            });
        Regex::new(&format!("(?i)^(?:{text})$")).expect("the patterns are tested")
    };
    patterns.iter().map(whole).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(words: &str, expected: &str) {
        let left = carrier_of(words).map_or("-".to_owned(), |carrier| carrier.left);
        assert_eq!(left, expected, "{words}");
    }

    #[test]
    fn english() {
        check("a photo of a dog", "a dog");
        check("Pictures with dogs in the snow", "dogs in the snow");
        check("show me all my photos of Lisbon", "Lisbon");
        check("show me the bridge", "the bridge");
        check("I'm looking for an image that shows a red bus", "a red bus");
        check("find images of cats", "cats");
        check("beach photos", "beach");
        check("show me wedding pictures", "wedding");
        check("a picture where there is a kite", "a kite");
        check("show me my photos", "my photos");
    }

    #[test]
    fn what_a_picture_is_or_shows_stays() {
        for words in [
            "a drawing of a dog",
            "picture frame",
            "photo album",
            "passport photo",
            "passport photos",
            "old photos",
            "black and white photos",
            "motion pictures",
            "people taking photos",
            "a man looking at old photographs",
            "a wall of photos",
            "no pictures",
            "a man with a camera",
            "photos",
            "my photos",
            "all photos",
            "show me",
            "images of ",
            "the photographer",
            "give me five",
            "looking for a job",
            "search for survivors",
            "mes photos",
            "album de photos",
            "photo d'identité",
            "foto de pasaporte",
            "imagen de fondo",
            "Fotoapparat",
            "Bilderrahmen",
            "фото на стене",
            "фото и видео",
            "фотоаппарат",
            "zdjęcia i filmy",
            "zdjęcie lotnicze",
        ] {
            check(words, "-");
        }
    }

    #[test]
    fn it_stays_where_no_letter_is_latin_either() {
        for words in [
            "老照片",
            "照片",
            "的照片",
            "照片墙",
            "有趣",
            "显示器",
            "找茬",
            "我的照片",
            "所有照片",
            "一张照片",
            "证件照片",
            "黑白照片",
            "找到的照片",
            "她在看照片",
            "手里拿着照片",
            "搜索引擎",
            "给我看看板",
            "写真家",
            "この写真",
            "昔の写真",
            "すべての写真",
            "사진",
            "내 사진",
            "흑백 사진",
            "รูปของเล่น",
            "รูปภาพของขวัญ",
            "รูปถ่ายติดบัตร",
        ] {
            check(words, "-");
        }
    }

    #[test]
    fn chinese() {
        check("狗的照片", "狗");
        check("一张狗的图片", "狗");
        check("找一张夜里的城市的照片", "夜里的城市");
        check("给我看看海边的房子的照片", "海边的房子");
        check("请帮我找一下狗的图片", "狗");
        check("帮我找一张狗的照片", "狗");
        check("我想看雪山图片", "雪山");
        check("婚礼照片", "婚礼");
        check("兩隻貓的圖片", "兩隻貓");
    }

    #[test]
    fn other_languages() {
        check("ein Foto von einem Hund", "einem Hund");
        check("Bilder mit Schnee", "Schnee");
        check("fotos de un perro", "un perro");
        check("imágenes con nieve", "nieve");
        check("photo d'un chien", "un chien");
        check("une image avec des fleurs", "des fleurs");
        check("foto di un cane", "un cane");
        check("foto dell'oceano", "oceano");
        check("foto's van een hond", "een hond");
        check("uma imagem com flores", "flores");
        check("фотографии с морем", "морем");
        check("zdjęcia z psem", "psem");
        check("犬の写真", "犬");
        check("개 사진", "개");
        check("회의 사진", "회의");
        check("รูปถ่ายของสุนัข", "สุนัข");
    }

    #[test]
    fn what_was_said_stands_around_what_is_left() {
        let said = |words: &str| carrier_of(words).unwrap().said;
        assert_eq!(said("show me pictures of dogs"), "show me pictures of …");
        assert_eq!(said(" 一张狗的图片 "), "一张…的图片");
        assert_eq!(said("dog photos"), "… photos");
    }

    #[test]
    fn pictures_of_any_kind() {
        for words in [
            "photos",
            "all my pictures",
            "所有照片",
            "的照片",
            "Fotos",
            "写真",
            "my photos",
        ] {
            assert!(is_any(words), "{words}");
        }
        for words in ["photographer", "old photos", "老照片", ""] {
            assert!(!is_any(words), "{words}");
        }
    }

    proptest! {
        /// Whatever is typed, what is left is a part of it, and both together are what was typed.
        #[test]
        fn what_is_left_is_a_part(words in "(photos of |show me |找|的照片| photos|รูปของ|\\PC{0,4}){0,8}") {
            if let Some(carrier) = carrier_of(&words) {
                prop_assert!(words.contains(&carrier.left));
                prop_assert!(carrier.left.contains(char::is_alphanumeric));
                if !words.contains('…') {
                    prop_assert_eq!(words.trim(), carrier.said.replacen('…', &carrier.left, 1));
                }
            }
        }
    }
}
