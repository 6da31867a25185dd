"""A linear probe in scikit-learn: the peer of `cargo run -p fovea-train --example probe FOLDER`.

    python3 probe_sklearn.py FOLDER

Writes two data sets that come with scikit-learn (handwritten digits, breast cancer) and two made
ones into FOLDER/NAME, halves for training and test, and prints the accuracy of LogisticRegression
on standardised features, its strength of regularisation chosen by cross-validation.

Needs scikit-learn==1.9.1.
"""

import sys
from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def made(classes, seed):
    return make_classification(1600, 400, n_informative=40, n_classes=classes, class_sep=2.0, random_state=seed)


def main():
    sets = {
        "digits": load_digits(return_X_y=True),
        "cancer": load_breast_cancer(return_X_y=True),
        "made-3": made(3, 1),
        "made-10": made(10, 2),
    }
    for name, (features, labels) in sets.items():
        sides = train_test_split(features, labels, test_size=0.5, random_state=0, stratify=labels)
        train, test, train_labels, test_labels = sides
        folder = Path(sys.argv[1], name)
        folder.mkdir(parents=True, exist_ok=True)
        for side, x, y in (("train", train, train_labels), ("test", test, test_labels)):
            (folder / f"{side}.f32").write_bytes(x.astype("<f4").tobytes())
            (folder / f"{side}.u32").write_bytes(y.astype("<u4").tobytes())
        probe = make_pipeline(StandardScaler(), LogisticRegressionCV(Cs=5, cv=3, max_iter=300))
        probe.fit(train, train_labels)
        print(f"{name}: scikit-learn: accuracy {probe.score(test, test_labels):.4f}", flush=True)


if __name__ == "__main__":
    main()
