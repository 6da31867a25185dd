-- Schema 3 beside schema 2: words that were written, and words for what is seen.

CREATE VIRTUAL TABLE keyword USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'ascii'
);

CREATE TABLE label (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    pack       INTEGER NOT NULL REFERENCES pack (id),
    collection INTEGER REFERENCES collection (id), -- none: the pack's own vocabulary
    name       TEXT    NOT NULL CHECK (name <> '')
) STRICT;
CREATE UNIQUE INDEX label_by_name ON label (pack, coalesce(collection, 0), name);

CREATE TABLE tag (
    content     INTEGER NOT NULL REFERENCES content (id) ON DELETE CASCADE,
    label       INTEGER NOT NULL REFERENCES label (id),
    probability REAL    NOT NULL CHECK (probability > 0 AND probability <= 1),
    PRIMARY KEY (content, label)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_by_label ON tag (label);
