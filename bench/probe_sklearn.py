"""A linear probe in scikit-learn beside Fovea's classifier, on the same features in the same run.

    python3 probe_sklearn.py FOLDER [--database DB [--collection NAME] [--classes 10]]

Fits both to half of each data set and prints both accuracies on the other half. Data sets are two that come with scikit-learn
(handwritten digits, breast cancer) and two made ones; with --database also the pictures of a collection: the kept features, the
folder below the indexed one as the class, and of these the largest so many. For Open Clip Art, as the tables have it:

    fovea --db clips index .../openclipart-png/usr/share/openclipart/png
    python3 probe_sklearn.py work --database clips

Writes the sides of each set into FOLDER/NAME. The peer is LogisticRegression on standardised features, its strength of
regularisation chosen by cross-validation. Fovea's side is `cargo run --release -p fovea-train --example probe` (or --probe PROGRAM),
which fits what `fovea train classify` fits.

Needs numpy and scikit-learn==1.9.1.
"""

import argparse
import collections
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

CARGO = ["cargo", "run", "--quiet", "--release", "--package", "fovea-train", "--example", "probe"]


def made(classes, seed):
    return make_classification(1600, 400, n_informative=40, n_classes=classes, class_sep=2.0, random_state=seed)


def of_collection(database, collection, classes):
    """Kept features and the number of the first folder, of pictures in the largest folders; each picture once."""
    path = Path(database, "fovea.db")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = connection.execute(
        """SELECT min(item.path_text), feature.numbers, pack.feature_dim
           FROM item
           JOIN collection ON collection.id = item.collection AND collection.name = ?
           JOIN feature ON feature.content = item.content AND feature.pack = collection.active_pack AND feature.part = 0
           JOIN pack ON pack.id = feature.pack
           GROUP BY item.content ORDER BY 1""",
        [collection],
    ).fetchall()
    of_folder = collections.defaultdict(list)
    for name, numbers, dim in rows:
        folder, slash, _ = name.partition("/")
        if slash:
            kind = "<f2" if len(numbers) < 4 * dim else "<f4"
            of_folder[folder].append(np.frombuffer(numbers, kind, dim).astype("<f4"))
    largest = sorted(of_folder, key=lambda folder: (-len(of_folder[folder]), folder))[:classes]
    if len(largest) < 2:
        raise SystemExit(f"{path}: collection {collection} has pictures in {len(largest)} folders, two are needed")
    print(", ".join(f"{folder} {len(of_folder[folder])}" for folder in largest), flush=True)
    features = np.concatenate([np.stack(of_folder[folder]) for folder in largest])
    labels = np.repeat(np.arange(len(largest)), [len(of_folder[folder]) for folder in largest])
    return features, labels


def compare(name, features, labels, folder, probe):
    """Prints the accuracy of both on the half that neither has seen."""
    train, test, train_labels, test_labels = train_test_split(
        features, labels, test_size=0.5, random_state=0, stratify=labels
    )
    folder.mkdir(parents=True, exist_ok=True)
    for side, x, y in (("train", train, train_labels), ("test", test, test_labels)):
        (folder / f"{side}.f32").write_bytes(x.astype("<f4").tobytes())
        (folder / f"{side}.u32").write_bytes(y.astype("<u4").tobytes())
    ours = subprocess.run([*probe, str(folder)], check=True, stdout=subprocess.PIPE, text=True)
    print(f"{name}: {ours.stdout.strip()}", flush=True)
    peer = make_pipeline(StandardScaler(), LogisticRegressionCV(Cs=5, cv=3, max_iter=300))
    peer.fit(train, train_labels)
    print(f"{name}: scikit-learn: accuracy {peer.score(test, test_labels):.4f} of {len(test)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--database", help="folder of a database with features")
    parser.add_argument("--collection", default="default")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--probe", help="the example, built")
    flags = parser.parse_args()
    probe = [flags.probe] if flags.probe else CARGO
    sets = {
        "digits": load_digits(return_X_y=True),
        "cancer": load_breast_cancer(return_X_y=True),
        "made-3": made(3, 1),
        "made-10": made(10, 2),
    }
    if flags.database:
        sets["folders"] = of_collection(flags.database, flags.collection, flags.classes)
    for name, (features, labels) in sets.items():
        compare(name, features, labels, flags.folder / name, probe)


if __name__ == "__main__":
    main()
