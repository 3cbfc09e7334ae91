"""What ``skdal query --status`` tells."""

from __future__ import annotations

import numpy as np
import pytest

from tests._query import X, words, write_labels

pytestmark = pytest.mark.usefixtures("here")


def test_the_status(call):
    with open("labels.csv", "a") as file:
        file.write("100,\n")
    result = call("query", "pool.npy", "labels.csv", "--status")
    assert result.exit_code == 0
    text = words(result.stdout)
    for part in [
        *("Pool pool.npy", "1,797 of 64 float64", "Labeled 100", "Cannot be labeled 1"),
        *("5.6 % of the rows", "Unlabeled 1,696", "1: 12", "8: 8"),
        *("H-divergence 0.", "(95 %: up to ", "p = 0.01, 100 rows against 100"),
        *("They differ, as p is small: label more", "Covering radius 49.78"),
    ]:
        assert part in text
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stderr.count("Note: ") == 1
    assert "without a label, and that are not asked for again: 1." in result.stderr
    assert call("query", "pool.npy", "labels.csv", "--status").stdout == result.stdout
    text = words(call("query", "pool.npy", "--status").stdout)
    assert "Labeled 0" in text
    assert text.count("not measured") == 2


def test_the_status_of_a_large_pool_says_what_it_is_of(call, monkeypatch):
    monkeypatch.setattr("skdal.tables.status._MAX_COVERED", 500)
    text = words(call("query", "pool.npy", "labels.csv", "--status").stdout)
    assert "or more, by 500 rows drawn at random" in text


def test_the_status_of_many_classes_and_a_name_with_brackets(call, tmp_path):
    np.save("[bold].npy", np.random.RandomState(0).rand(30, 2, 2))
    text = "".join(f"{row},class {row}\n" for row in range(25))
    (tmp_path / "labels.csv").write_text(f"row,label\n{text}")
    text = words(call("query", "[bold].npy", "labels.csv", "--status").stdout)
    assert "Pool [bold].npy" in text
    assert "30 of 2 x 2 float64" in text
    assert "and 5 with no more" in text


def test_the_status_of_labels_that_stand_for_the_pool(call):
    write_labels(np.random.RandomState(0).permutation(len(X))[:300])
    lines = call("query", "pool.npy", "labels.csv", "--status").stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if "H-divergence" in line)
    assert lines[place + 1].strip() == "Labeled rows and others: 0 or less, alike; 2, far apart."
    assert lines[place + 2].strip() == "No difference is seen: a test set tells when to stop."


def test_a_line_of_classes_ends_between_two(call, tmp_path):
    text = "".join(f"{row},class number {row % 9}\n" for row in range(40))
    (tmp_path / "labels.csv").write_text(f"row,label\n{text}")
    lines = call("query", "pool.npy", "labels.csv", "--status").stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if "Classes" in line)
    shown = [line.removeprefix(" Classes").strip() for line in lines[place : place + 4]]
    assert shown[0] == "class number 0: 5, class number 1: 5, class number 2: 5,"
    assert shown[3].startswith("H-divergence")
    assert len(shown[2]) <= len(shown[0])


@pytest.mark.parametrize("name", ["NA", "None", "nan"])
def test_a_class_that_may_be_none(call, tmp_path, name):
    (tmp_path / "labels.csv").write_text(f"row,label\n3,cat\n4,{name}\n")
    result = call("query", "pool.npy", "labels.csv", "--status")
    assert result.exit_code == 0
    assert result.stderr == (
        f"Note: {name!r} is taken for the name of a class, of 1 row; where it says that there is "
        "no label, leave the label empty.\n"
    )
