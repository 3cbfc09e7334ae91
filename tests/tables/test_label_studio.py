"""The exports of Label Studio as label files."""

from __future__ import annotations

import json

import pytest

from skdal.tables import read_labels
from skdal.tables.ids import Ids
from skdal.tables.label_studio import tasks


def task(number, row, *labels, **more):
    annotations = [
        {
            "id": 100 + place,
            "result": []
            if label is None
            else [{"from_name": "kind", "to_name": "text", "type": "choices", "value": label}],
            "was_cancelled": label is None,
        }
        for place, label in enumerate(labels)
    ]
    data = {"text": "x", "skdal_row": row, "skdal_id": str(row), "skdal_rank": 1}
    return {"id": number, "data": data, "annotations": annotations, "predictions": []} | more


def choice(*names):
    return {"choices": list(names)}


def short(number, row, **results):
    data = {"text": "x", "skdal_row": row, "skdal_id": str(row), "skdal_score": 0.5}
    who = {"annotator": 1, "annotation_id": 7, "created_at": "2024", "lead_time": 3.5}
    return {**data, "id": number, **results, **who}


def export(tmp_path, content, **options):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return read_labels([path], 20, **options)


def test_an_export_of_label_studio(tmp_path):
    content = [
        task(1, 7, choice("dog")),
        task(2, 3, None, choice("cat"), choice("cat")),
        task(3, 5, None),
        task(4, 6),
        task(5, 8, choice()),
    ]
    labels = export(tmp_path, content)
    assert labels.rows.tolist() == [3, 7]
    assert [labels.classes[value] for value in labels.values] == ["cat", "dog"]
    # What somebody skipped, or sent in without a choice; task 4 nobody has come to.
    assert labels.skipped.tolist() == [5, 8]


def test_a_short_export_of_label_studio(tmp_path):
    content = [
        short(1, 7, kind="dog"),
        short(2, 3, kind="cat"),
        short(3, 3, kind="cat"),
        short(4, 5, kind=[]),
        short(5, 6) | {"annotation_id": None},
    ]
    labels = export(tmp_path, content)
    assert labels.rows.tolist() == [3, 7]
    assert labels.classes == ["cat", "dog"]
    assert labels.skipped.tolist() == [5]
    content[2]["kind"] = "dog"
    with pytest.raises(
        ValueError, match=r"Task 3 of .* says 'dog' of id '3', but Task 2 of .* 'ca"
    ):
        export(tmp_path, content)


@pytest.mark.parametrize("value", [{"number": 2.5}, {"rating": 2.5}, {"text": ["2.5"]}])
def test_numbers_of_label_studio(tmp_path, value):
    labels = export(tmp_path, [task(1, 7, value)], regression=True)
    assert labels.values.tolist() == [2.5]
    assert export(tmp_path, [short(1, 7, n=[value])], regression=True).values.tolist() == [2.5]
    whole = [task(1, 7, {"number": 4}), task(2, 8, {"number": 4.0})]
    assert export(tmp_path, whole).classes == ["4"]


def test_one_of_several_tags(tmp_path):
    content = task(1, 7, choice("dog"))
    other = {"from_name": "sure", "type": "rating", "value": {"rating": 5}}
    content["annotations"][0]["result"].append(other)
    for found in ([content], [short(1, 7, kind="dog", sure=[{"rating": 5}])]):
        with pytest.raises(ValueError, match=r"Task 1 of .* has results of kind, sure"):
            export(tmp_path, found)
        assert export(tmp_path, found, label_column="kind").classes == ["dog"]
        assert export(tmp_path, found, label_column="sure").classes == ["5"]
        with pytest.raises(ValueError, match=r"Task 1 of .* tag 'none', but of kind, sure"):
            export(tmp_path, found, label_column="none")


def test_relations_are_no_labels(tmp_path):
    content = [task(1, 3, choice("cat"))]
    relation = {"from_id": "a", "to_id": "b", "type": "relation", "direction": "right"}
    content[0]["annotations"][0]["result"].append(relation)
    assert export(tmp_path, content).classes == ["cat"]


def test_older_exports(tmp_path):
    old = task(1, 7)
    old["completions"] = task(1, 7, choice("dog"))["annotations"]
    del old["annotations"]
    assert export(tmp_path, old).classes == ["dog"]


def bare(**data):
    return {"id": 4, "data": data, "annotations": task(1, 7, choice("a"))["annotations"]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            [task(9, 7, choice("a"), choice("b"))],
            r"Task 9 of .*\(row 7\) has the labels 'a' and 'b'",
        ),
        ([task(9, 7, choice("a", "b"))], "Task 9 of .* has 2 labels in 'kind': a, b"),
        ([short(9, 7, kind={"choices": ["a", "b"]})], "Task 9 of .* has 2 labels in 'kind'"),
        ([task(9, 7, {"x": 1, "rectanglelabels": ["a"]})], "Task 9 .* has x, rectanglelabels in"),
        ([task(9, 7, {"choices": [True]})], r"has \[True\] in 'kind', which is neither"),
        ([bare(text="x")], "Task 4 of .* has neither skdal_id nor skdal_row in its data"),
        ([{"id": 4, "kind": "a"}], "Task 4 of .* has neither skdal_id nor skdal_row"),
        ([{"text": "a"}], "Task 1 of .* has neither"),
        ([bare(skdal_row=20)], "Task 4 of .* has the row 20, but the pool has rows from 0 to 19"),
        ([bare(skdal_row=True)], "has 'True' for a row"),
        ([bare(skdal_id="x")], "has 'x' for a row"),
        ([3], "Entry 1 of .* is no task"),
        ("text", "Entry 1 of .* is no task"),
        ([{"data": 3, "annotations": []}], "is not as Label Studio writes it"),
        ([task(1, 7) | {"annotations": {}}], "is not as Label Studio writes it"),
        ([task(1, 7) | {"annotations": [{"result": 3}]}], "has results that are no list"),
    ],
)
def test_exports_that_cannot_be_read(tmp_path, content, words):
    with pytest.raises(ValueError, match=words):
        export(tmp_path, content)


@pytest.mark.parametrize("text", ["", "[{", '[{"id": 1}', "row,label\n", "\xff", "[" * 100_000])
def test_exports_that_are_no_json(tmp_path, text):
    path = tmp_path / "export.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"export\.json is no JSON, or is cut off"):
        read_labels([path], 20)


def test_a_number_that_is_too_long(tmp_path):
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task(1, 7)])[:-1] + ', {"id": ' + "9" * 5000 + "}]")
    with pytest.raises(ValueError, match=r"export\.json holds a number of thousands of digits"):
        read_labels([path], 20)


def test_a_tag_that_is_not_there_is_no_skip(tmp_path):
    for content in ([task(1, 7, choice("dog"))], [short(1, 7, kind="dog")]):
        with pytest.raises(ValueError, match=r"Task 1 of .* control tag 'knd', but of kind"):
            export(tmp_path, content, label_column="knd")
    assert export(tmp_path, [task(1, 7, None)], label_column="knd").skipped.tolist() == [7]


@pytest.mark.parametrize("tag", [None, "kind"])
@pytest.mark.parametrize("name", ["kind", "annotator"])
def test_a_short_export_whose_data_has_a_name_of_its_own(tmp_path, name, tag):
    # As Label Studio does it: what is there keeps its place.
    record = {"text": "x", name: "old", "skdal_row": 7} | short(1, 7, kind="dog")
    with pytest.raises(ValueError, match=r"Task 1 of .* is annotated, but .* export it as JSON"):
        export(tmp_path, [record], label_column=tag)


def test_an_id_goes_before_the_number_of_the_row(tmp_path):
    ids = Ids([f"img-{place}" for place in range(20)], "ids.txt").close()
    content = [task(1, 7, choice("dog")), short(2, 99, kind="cat")]
    for place, found in enumerate(content):
        found.get("data", found)["skdal_id"] = f"img-{3 + place}"
    path = tmp_path / "export.json"
    path.write_text(json.dumps(content))
    assert read_labels([path], 20, ids).rows.tolist() == [3, 4]


def test_tasks_that_have_not_been_through_label_studio(tmp_path):
    written = tasks([{"row": 7, "id": "7", "rank": 1, "score": None}])
    with pytest.raises(ValueError, match=r"Task 1 of .* has not been through Label Studio"):
        export(tmp_path, written)


def test_an_export_of_another_project_without_labels(tmp_path):
    with pytest.raises(ValueError, match=r"Task 4 of .* has neither skdal_id nor skdal_row"):
        export(tmp_path, [{"id": 4, "data": {"text": "x"}, "annotations": []}])


def test_annotators_who_write_a_number_differently_agree(tmp_path):
    content = [task(1, 7, {"text": ["1"]}, {"text": ["1.0"]})]
    assert export(tmp_path, content).rows.tolist() == [7]


LINES = "id,label,skdal_id,skdal_row,text,annotator,annotation_id,lead_time\n"


def test_an_export_as_csv_goes_by_the_rows_of_the_pool(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(LINES + "1,cat,14,14,x,1,5,2.5\n2,dog,15,15,y,1,6,2.5\n")
    assert read_labels([path], 20).rows.tolist() == [14, 15]
    path.write_text(LINES.replace("skdal_id", "a").replace("skdal_row", "b") + "1,c,4,4,x,1,5,2\n")
    with pytest.raises(ValueError, match=r"Line 1 of .* is the header of an export of Label"):
        read_labels([path], 20)
