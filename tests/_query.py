"""What the tests of ``skdal query`` share: digits, and some of their labels."""

from __future__ import annotations

import csv

from sklearn.datasets import load_digits

X, y = load_digits(return_X_y=True)
QUICK = ["--sampler", "random"]


def write_labels(rows, name="labels.csv"):
    with open(name, "w", encoding="utf-8") as file:
        file.write("row,label\n" + "".join(f"{row},{y[row]}\n" for row in rows))


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return [int(line["row"]) for line in csv.DictReader(file)]


def words(text):
    """Return a text as a line, without the box of a message."""
    return " ".join(text.replace("│", " ").split())
