"""Small pools and labels, and how pools get into files and out of them."""

from __future__ import annotations

import numpy as np

from skdal.tables import Labels, open_pool

X = np.random.RandomState(0).normal(size=(50, 4))
NAMES = [f"row-{number}" for number in range(50)]


def write_parquet(path, **table):
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(table), path)
    return path


def write_csv(path, header, lines):
    text = "\n".join([header, *[",".join(map(str, line)) for line in lines]]) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def read(path, **options):
    with open_pool(path, **options) as pool:
        return np.array(pool.X), pool.ids, pool.notes


def labels_of(y, rows, skipped=()):
    """Return what y says of some rows, as read from files."""
    rows = np.asarray(rows, dtype=int)
    classes, values = np.unique(y[rows], return_inverse=True)
    names = [str(name) for name in classes]
    return Labels(rows, values, names, np.asarray(skipped, dtype=int))
