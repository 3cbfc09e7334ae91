from __future__ import annotations

import csv
import json
import os

import numpy as np
import pytest

from skdal.tables import batch_records, read_labels, write_batch
from skdal.tables.batch import batch_text
from skdal.tables.ids import Ids
from skdal.tables.items import check_items, read_items

IDS = Ids(["a", "b,c", 'd"e', "ü", "f\ng"], "ids.txt").close()
ROWS, SCORES = np.array([4, 1, 3]), np.array([0.1, np.nan, 1e-30])


def test_csv_says_exactly_what_was_chosen(tmp_path):
    write_batch(tmp_path / "batch.csv", batch_records(ROWS, SCORES, IDS), "csv")
    with (tmp_path / "batch.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["id"] for line in lines] == ["f\ng", "b,c", "ü"]
    assert [line["rank"] for line in lines] == ["1", "2", "3"]
    assert [line["row"] for line in lines] == ["4", "1", "3"]
    assert [line["score"] for line in lines] == ["0.1", "", "1e-30"]


def test_json(tmp_path):
    write_batch(tmp_path / "batch.json", batch_records(ROWS, SCORES), "json")
    found = json.loads((tmp_path / "batch.json").read_text(encoding="utf-8"))
    assert found[0] == {"row": 4, "id": "4", "rank": 1, "score": 0.1}
    assert found[1]["score"] is None


def items(tmp_path, text, **options):
    path = tmp_path / "items.csv"
    path.write_text(text, encoding="utf-8")
    return read_items(path, ["b", "a"], **options)


def test_items_go_with_the_rows(tmp_path):
    text = '\ufeffText,ID,image\n"one, two",a,http://a\n\nthree,b,\nfour,c,x\n'
    found = items(tmp_path, text)
    assert found == {
        "a": {"Text": "one, two", "image": "http://a"},
        "b": {"Text": "three", "image": ""},
    }
    ids = Ids(["x", "a", "b"], "ids.txt").close()
    records = batch_records(np.array([2, 1]), np.zeros(2), ids, found)
    assert batch_text(records, "csv").splitlines()[1:] == [
        "2,b,1,0.0,three,",
        '1,a,2,0.0,"one, two",http://a',
    ]
    tasks = json.loads(batch_text(records, "label-studio"))
    assert tasks[1] == {
        "data": {
            "Text": "one, two",
            "image": "http://a",
            "skdal_row": 1,
            "skdal_id": "a",
            "skdal_rank": 2,
            "skdal_score": 0.0,
        }
    }
    assert items(tmp_path, "Row,t\na,1\nb,2\n", id_column="row")["b"] == {"t": "2"}


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_of_items(tmp_path, delimiter):
    text = "\ufeffid;text\na;x, y\nb;z\n".replace(";", delimiter)
    assert items(tmp_path, text) == {"a": {"text": "x, y"}, "b": {"text": "z"}}


@pytest.mark.parametrize("line", ['""', ","])
def test_lines_of_nothing_in_items(tmp_path, line):
    assert items(tmp_path, f"text,id\nx,a\n{line}\ny,b\n")["b"] == {"text": "y"}


@pytest.mark.parametrize("name", ["annotator", "annotation_id", "lead_time", "skdal_row", "kind"])
def test_items_whose_place_an_export_of_label_studio_takes(tmp_path, name):
    path = tmp_path / "items.csv"
    path.write_text(f"id,text,{name}\na,x,y\n")
    check_items(path)
    with pytest.raises(ValueError, match=rf"items\.csv has the columns {name}, in whose place"):
        check_items(path, for_label_studio=True, label_column="kind")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"items\.csv has the columns none; its header must have 'id'"),
        ("name,text\na,x\n", "has the columns name, text; its header must have 'id'"),
        ("id,text\na,x\n", "has no line with the id 'b', which was chosen"),
        ("id,text\na,x\nb,y\na,z\n", "Line 4 of .* has the id 'a', which a line before"),
        ("id,label\na,x\nb,y\n", "rename those"),
        ("id,row\na,1\nb,2\n", "rename those"),
        ("id,t,t\na,1,2\nb,2,3\n", "rename those"),
        ("id,text\na,x\nb\n", "Line 3 of .* has 1 values, but the header 2"),
        ('id,text\na,x\nb,"y', "is no CSV in UTF-8, or is damaged"),
    ],
)
def test_items_that_do_not_go(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        items(tmp_path, text)


def test_a_batch_with_labels_is_a_label_file(tmp_path):
    lines = batch_text(batch_records(ROWS, SCORES, IDS), "csv").replace("score\n", "score,label\n")
    path = tmp_path / "batch.csv"
    path.write_text(lines.replace("1e-30\n", "1e-30,x\n").replace("0.1\n", "0.1,y\n"), "utf-8")
    with pytest.raises(ValueError, match=r"Line 4 of .* has 4 values, but the header 5"):
        read_labels([path], 5, IDS)
    path.write_text(path.read_text("utf-8").replace("2,\n", "2,,\n"), "utf-8")
    labels = read_labels([path], 5, IDS)
    assert labels.rows.tolist() == [3, 4]
    assert labels.skipped.tolist() == [1]


def test_what_label_studio_gets_comes_back(tmp_path):
    tasks = json.loads(batch_text(batch_records(ROWS, SCORES, IDS), "label-studio"))
    for number, task in enumerate(tasks, start=1):
        result = {"from_name": "k", "type": "choices", "value": {"choices": [f"c{number % 2}"]}}
        task |= {"id": number, "annotations": [{"result": [result], "was_cancelled": False}]}
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    labels = read_labels([path], 5, IDS)
    assert labels.rows.tolist() == [1, 3, 4]
    assert labels.values.tolist() == [0, 1, 1]


def test_an_error_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "batch.csv"
    path.write_text("mine")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_batch(path, batch_records(ROWS, SCORES), "csv")
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["batch.csv"]


def test_line_breaks_of_all_kinds_come_back(tmp_path):
    found = {
        str(row): {"text": text, "label": "x"} for row, text in enumerate(["\r", "\n", "\r\n"])
    }
    path = tmp_path / "batch.csv"
    write_batch(path, batch_records(np.arange(3), SCORES, None, found), "csv")
    with path.open(encoding="utf-8", newline="") as file:
        assert [line["text"] for line in csv.DictReader(file)] == ["\r", "\n", "\r\n"]
    assert read_labels([path], 5).rows.tolist() == [0, 1, 2]


def test_a_batch_that_may_not_replace_anything(tmp_path):
    path = tmp_path / "batch.csv"
    write_batch(path, batch_records(ROWS, SCORES), "csv", replace=False)
    with pytest.raises(FileExistsError, match=r"batch\.csv came into being in the meantime"):
        write_batch(path, batch_records(ROWS[:1], SCORES[:1]), "csv", replace=False)
    assert len(path.read_text().splitlines()) == 4
