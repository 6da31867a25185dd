-- Schema 3 of a Fovea database: the truth. Everything else (vectors in memory,
-- index files, previews) is made from this and may be thrown away.
-- docs/schema.md explains it at length.
--
-- Columns named *_check are CRC-32s over the row (see codec.rs), because SQLite
-- does not notice a flipped bit within a value.

-- One row. `change` grows by one with each committed write and is how readers
-- and index files know what they have seen. Deletions up to `log_floor` are no
-- longer listed: whoever has seen less has to begin anew. `schema_check` is
-- over this schema's own text.
CREATE TABLE state (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    change       INTEGER NOT NULL,
    log_floor    INTEGER NOT NULL,
    schema_check INTEGER NOT NULL
) STRICT;

-- A pack is named by its fingerprint, for all collections alike, so that
-- contents which collections share have their features once. Imported vectors
-- have one without an encoder, whose features have no length.
CREATE TABLE pack (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL UNIQUE,
    feature_dim INTEGER NOT NULL CHECK (feature_dim >= 0)
) STRICT;

-- A named vector space of a pack. Vectors of a space `from_feature` are the
-- features at unit length and have no rows of their own. `metric` says how its
-- vectors are compared, `bits` how wide its numbers are.
CREATE TABLE space (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    pack         INTEGER NOT NULL REFERENCES pack (id),
    name         TEXT    NOT NULL,
    dim          INTEGER NOT NULL CHECK (dim > 0),
    from_feature INTEGER NOT NULL CHECK (from_feature IN (0, 1)),
    metric       TEXT    NOT NULL CHECK (metric IN ('cosine', 'ip', 'l2')),
    bits         INTEGER NOT NULL CHECK (bits IN (16, 32)),
    UNIQUE (pack, name)
) STRICT;

CREATE TABLE collection (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL UNIQUE,
    active_pack INTEGER REFERENCES pack (id),
    created_ns  INTEGER NOT NULL
) STRICT;

-- Packs a collection may be searched with, in order of registration.
CREATE TABLE collection_pack (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL REFERENCES collection (id),
    pack       INTEGER NOT NULL REFERENCES pack (id),
    UNIQUE (collection, pack)
) STRICT;

-- Where items come from. A root that cannot be reached is marked offline and
-- keeps its items: an unplugged drive never empties a library.
CREATE TABLE source (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    collection   INTEGER NOT NULL REFERENCES collection (id),
    kind         INTEGER NOT NULL CHECK (kind IN (0, 1, 2)), -- root, upload, import
    root         BLOB    NOT NULL,                           -- the path's own bytes
    root_text    TEXT    NOT NULL,                           -- for filters; lossy
    online       INTEGER NOT NULL CHECK (online IN (0, 1)),
    last_scan_ns INTEGER,
    row_check    INTEGER NOT NULL,
    UNIQUE (collection, kind, root)
) STRICT;

-- The bytes of a file, whichever items have them. Versions say which code made
-- the derived values, so that newer code knows what to make again.
-- AUTOINCREMENT: ids in readers' memory must never come to mean another row.
CREATE TABLE content (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    hash            BLOB    NOT NULL UNIQUE, -- BLAKE3, 32 bytes
    bytes           INTEGER NOT NULL,
    width           INTEGER NOT NULL,        -- upright
    height          INTEGER NOT NULL,
    format          TEXT    NOT NULL,
    phash           INTEGER NOT NULL,        -- 64 bits, as a signed number
    dhash           INTEGER NOT NULL,
    hash_version    INTEGER NOT NULL,
    colors          BLOB    NOT NULL,        -- 7 bytes each: r, g, b, share as f32
    color_version   INTEGER NOT NULL,
    preview_version INTEGER NOT NULL,        -- 0: no preview was made
    row_check       INTEGER NOT NULL
) STRICT;

-- A file in a source. The id is made of collection, source and path at
-- creation and stays when the file moves. `path` is truth; the texts beside it
-- are there for filters. `collection` repeats the source's, for the indexes.
CREATE TABLE item (
    id         INTEGER PRIMARY KEY CHECK (id > 0),
    collection INTEGER NOT NULL REFERENCES collection (id),
    source     INTEGER NOT NULL REFERENCES source (id),
    path       BLOB    NOT NULL,
    path_text  TEXT    NOT NULL,
    folder     TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    ext        TEXT    NOT NULL, -- lower case, empty for none
    content    INTEGER NOT NULL REFERENCES content (id),
    size       INTEGER NOT NULL,
    mtime_ns   INTEGER NOT NULL,
    checked_ns INTEGER NOT NULL,
    added_ns   INTEGER NOT NULL,
    change     INTEGER NOT NULL,
    row_check  INTEGER NOT NULL, -- over this row
    said_check INTEGER NOT NULL, -- over its metadata and captions
    UNIQUE (source, path)
) STRICT;
CREATE INDEX item_by_change ON item (collection, change);
CREATE INDEX item_by_content ON item (content);

-- One value of one key. Exactly one of text and number is there; number keeps
-- whether it was an integer, and SQLite compares both kinds as numbers, which
-- is why this one table is not STRICT.
CREATE TABLE metadata (
    item   INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE,
    key    TEXT    NOT NULL,
    ord    INTEGER NOT NULL,
    text   TEXT,
    number,
    PRIMARY KEY (item, key, ord),
    CHECK ((text IS NULL) <> (number IS NULL))
) WITHOUT ROWID;
CREATE INDEX metadata_by_text ON metadata (key, text) WHERE text IS NOT NULL;
CREATE INDEX metadata_by_number ON metadata (key, number) WHERE number IS NOT NULL;

-- The words that were written of an item (rowid): names of file and folders,
-- captions, and metadata `tag`, cut into words by this program. Contentless:
-- it finds items and shows nothing.
CREATE VIRTUAL TABLE keyword USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'ascii'
);

-- A word for what contents show: of a pack's own vocabulary, or of a list that
-- a person gave a collection.
CREATE TABLE label (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    pack       INTEGER NOT NULL REFERENCES pack (id),
    collection INTEGER REFERENCES collection (id), -- none: the pack's own vocabulary
    name       TEXT    NOT NULL CHECK (name <> '')
) STRICT;
CREATE UNIQUE INDEX label_by_name ON label (pack, coalesce(collection, 0), name);

-- What a content shows, as far as the encoder can tell. Made from features, and
-- so without a checksum of its own.
CREATE TABLE tag (
    content     INTEGER NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    label       INTEGER NOT NULL REFERENCES label (id),
    probability REAL    NOT NULL CHECK (probability > 0 AND probability <= 1),
    PRIMARY KEY (content, label)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_by_label ON tag (label);

-- A caption's text, once: captions that say the same share its vectors.
CREATE TABLE phrase (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE caption (
    item   INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE,
    ord    INTEGER NOT NULL,
    phrase INTEGER NOT NULL REFERENCES phrase (id),
    lang   TEXT,
    origin INTEGER NOT NULL CHECK (origin IN (0, 1, 2)), -- sidecar, file, embedded
    PRIMARY KEY (item, ord)
) STRICT, WITHOUT ROWID;
CREATE INDEX caption_by_phrase ON caption (phrase);

-- An encoder's raw output for a part of a content: what vectors are derived
-- from, never replaced by them. `numbers` is f16 or f32, little endian (its
-- length tells), then a CRC-32 over numbers and the row's other values.
CREATE TABLE feature (
    id      INTEGER PRIMARY KEY,
    content INTEGER NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    pack    INTEGER NOT NULL REFERENCES pack (id),
    part    INTEGER NOT NULL,
    region  BLOB,              -- x, y, w, h as f32; none for the whole image
    numbers BLOB    NOT NULL,
    change  INTEGER NOT NULL,
    UNIQUE (content, pack, part)
) STRICT;
CREATE INDEX feature_by_change ON feature (pack, change);

-- A vector of a stored space, of a content's part or of a phrase; at unit
-- length where the space goes by the cosine. `numbers` is as in `feature`.
CREATE TABLE vector (
    id      INTEGER PRIMARY KEY,
    space   INTEGER NOT NULL REFERENCES space (id),
    content INTEGER REFERENCES content (id) ON DELETE CASCADE,
    phrase  INTEGER REFERENCES phrase (id) ON DELETE CASCADE,
    part    INTEGER NOT NULL,
    region  BLOB,
    numbers BLOB    NOT NULL,
    change  INTEGER NOT NULL,
    CHECK ((content IS NULL) <> (phrase IS NULL))
) STRICT;
CREATE UNIQUE INDEX vector_of_content ON vector (content, space, part) WHERE content IS NOT NULL;
CREATE UNIQUE INDEX vector_of_phrase ON vector (phrase, space, part) WHERE phrase IS NOT NULL;
CREATE INDEX vector_by_change ON vector (space, change);

-- What left, so that open readers and index files can follow without
-- comparing everything. Cut off at state.log_floor. Item 0, which there is
-- none of: a collection came to another pack, and tags are to be read anew.
CREATE TABLE deletion (
    change INTEGER NOT NULL,
    kind   INTEGER NOT NULL CHECK (kind IN (0, 1, 2)), -- item, content, phrase
    id     INTEGER NOT NULL,
    PRIMARY KEY (change, kind, id)
) STRICT, WITHOUT ROWID;

-- Files that were skipped, until they are indexed or gone.
CREATE TABLE failure (
    source   INTEGER NOT NULL REFERENCES source (id),
    path     BLOB    NOT NULL,
    kind     TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    at_ns    INTEGER NOT NULL,
    PRIMARY KEY (source, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
    collection INTEGER NOT NULL REFERENCES collection (id),
    key        TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    PRIMARY KEY (collection, key)
) STRICT, WITHOUT ROWID;
