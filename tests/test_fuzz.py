"""Damaged files: the command line reads them or says what is wrong with them, and no more."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from skdal.cli import make_app

pa = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

RNG = np.random.RandomState(0)
X = RNG.normal(size=(30, 3)).round(3)
CLASSES = np.arange(30) % 2
X[:, 0] += 3 * CLASSES

# What takes a reader somewhere else than a random byte does.
TOKENS = [
    *(b"", b"\0", b"\xff" * 8, b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b'"', b",", b";", b"\t"),
    *(b"nan", b"inf", b"-1", b"1e999", b"9" * 30, b"'", b"{", b"}", b"[", b"]", b"(", b"null"),
    *(b"|O", b"'<U4'", b"True", b"PK\x03\x04", b"PAR1", b"\x93NUMPY", b"\xc3", "é".encode()),
]

# The same damage in every run; and much of it, for those who have minutes.
seeds = pytest.mark.parametrize(
    "seeds",
    [range(40), pytest.param(range(40, 1500), marks=pytest.mark.slow)],
    ids=["few", "many"],
)
# Of numbers that a flipped bit made huge.
pytestmark = pytest.mark.filterwarnings("ignore")


def damaged(whole: bytes, seed: int) -> bytes:
    """Return a file that is cut, overwritten, shortened or lengthened in a place or a few."""
    rng = random.Random(seed)
    data = bytearray(whole)
    for _ in range(rng.choice([1, 1, 2, 5])):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.choice([0, 1, 1, 2, 4, 16]))
        what = rng.randrange(5)
        if what == 0 and start < len(data):
            data[start] ^= 1 << rng.randrange(8)
        elif what == 1:
            data[start:end] = rng.randbytes(end - start)
        elif what == 2:
            data[start:end] = rng.choice(TOKENS)
        elif what == 3:
            data[start:start] = data[rng.randrange(len(data) + 1) :][: end - start]
        else:
            del data[start : rng.choice([end, len(data)])]
    return bytes(data)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(save=np.savez, **arrays):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def pool_csv():
    lines = ["id,a,b,c", *(f"r{i},{a},{b},{c}" for i, (a, b, c) in enumerate(X))]
    return "\n".join(lines).encode()


def pool_parquet(**options):
    file = io.BytesIO()
    table = pa.table({"id": [f"r{i}" for i in range(30)], "x": X.tolist()})
    parquet.write_table(table, file, **options)
    return file.getvalue()


def label_studio():
    return json.dumps(
        [
            {
                "id": i,
                "data": {"skdal_row": i, "text": "a\u00e9"},
                "annotations": [
                    {
                        "id": i,
                        "was_cancelled": False,
                        "result": [
                            {
                                "from_name": "label",
                                "type": "choices",
                                "value": {"choices": [f"c{CLASSES[i]}"]},
                            }
                        ],
                    }
                ],
            }
            for i in range(6)
        ]
    ).encode()


POOLS = {
    "pool.npy": npy(X),
    "stored.npz": npz(X=X),
    "packed.npz": npz(np.savez_compressed, X=X),
    "pool.parquet": pool_parquet(),
    "plain.parquet": pool_parquet(compression="none", use_dictionary=False),
    "pool.csv": pool_csv(),
}
LABELS = {
    "labels.csv": b"row,label\n" + b"".join(b"%d,c%d\n" % (i, i % 2) for i in range(8)),
    "labels.json": label_studio(),
}
DATA = npz(X=X[:20], y=CLASSES[:20], X_test=X[20:], y_test=CLASSES[20:])


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Return the command line, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    runner, app = CliRunner(), make_app()
    return lambda *args: runner.invoke(app, [str(arg) for arg in args])


@pytest.fixture
def no_pickle(monkeypatch):
    """Have whatever unpickles fail."""

    def refuse(*args, **options):
        raise AssertionError("a pickle was read")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)


def ends_well(result, before):
    """Tell whether a call succeeded; if not, it said so in a line and left nothing behind."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    if result.exit_code == 0:
        return True
    assert result.exit_code in (1, 2), result.output
    assert "Traceback" not in result.output
    if result.exit_code == 1:
        assert result.stderr.splitlines()[-1].startswith("Error: "), result.output
        assert sum(line.startswith("Error") for line in result.stderr.splitlines()) == 1
    assert sorted(os.listdir()) == before
    return False


def check_query(call, pool, labels=None):
    before = sorted(os.listdir())
    files = [pool] if labels is None else [pool, labels]
    result = call("query", *files, "-n", 4, "--sampler", "random", "-o", "batch.csv")
    if ends_well(result, before):
        with open("batch.csv", encoding="utf-8", newline="") as file:
            rows = [line["row"] for line in csv.DictReader(file)]
        assert len(set(rows)) == 4
        os.remove("batch.csv")
        assert sorted(os.listdir()) == before
    return result.exit_code


@seeds
@pytest.mark.parametrize("name", POOLS)
def test_pools(call, no_pickle, name, seeds):
    Path(name).write_bytes(POOLS[name])
    assert check_query(call, name) == 0
    codes = []
    for seed in seeds:
        Path(name).write_bytes(damaged(POOLS[name], seed))
        codes.append(check_query(call, name))
    # The damage is done where it matters, and not only at the first byte.
    assert {0, 1} <= set(codes)


@seeds
@pytest.mark.parametrize("name", LABELS)
def test_labels(call, no_pickle, name, seeds):
    Path("pool.npy").write_bytes(POOLS["pool.npy"])
    Path(name).write_bytes(LABELS[name])
    assert check_query(call, "pool.npy", name) == 0
    codes = []
    for seed in seeds:
        Path(name).write_bytes(damaged(LABELS[name], seed))
        codes.append(check_query(call, "pool.npy", name))
    assert {0, 1} <= set(codes)


@seeds
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_data_of_a_comparison(call, no_pickle, save, seeds):
    with np.load(io.BytesIO(DATA)) as file:
        whole = npz(save, **file)
    codes = []
    sizes = ["--initial", 4, "--batch-size", 2, "--queries", 1, "--repeats", 1]
    for data in [whole, *(damaged(whole, seed) for seed in seeds)]:
        Path("data.npz").write_bytes(data)
        settings = ["--samplers", "random", "--estimator", "logistic", *sizes]
        result = call("compare", "data.npz", *settings)
        assert ends_well(result, ["data.npz"]) == (result.exit_code == 0)
        codes.append(result.exit_code)
    assert codes[0] == 0
    assert len(set(codes)) > 1


class Bomb:
    """An object that leaves a mark where it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("name", ["pool.npy", "pool.npz", "data.npz"])
def test_a_pickle_is_never_read(call, name):
    bombs = np.array([[Bomb()] * 2] * 3, dtype=object)
    Path("pool.npy").write_bytes(npy(bombs))
    Path("pool.npz").write_bytes(npz(X=bombs))
    Path("data.npz").write_bytes(npz(X=X, y=bombs[:, 0]))
    before = sorted(os.listdir())
    command = ["compare", name, "--test-size", 0.5] if name == "data.npz" else ["query", name]
    assert not ends_well(call(*command), before)
    pickle.loads(pickle.dumps(bombs))  # which does harm
    assert sorted(os.listdir()) != before
