"""Which columns of a table are used, and for what."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from skdal.tables.schema import choose_features
from tests._pools import read, write_csv

pa = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def csv(tmp_path, text):
    path = tmp_path / "X.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["ID", "Id", " id", '" ID "'])
def test_case_and_blanks_of_the_column_of_ids_do_not_count(tmp_path, name):
    found, ids, notes = read(csv(tmp_path, f"{name},a\n1,2.5\n2,3.5\n"))
    assert found.tolist() == [[2.5], [3.5]]
    assert ids.find(["2"]).tolist() == [1]
    assert notes == []


def test_case_and_blanks_of_other_names_do_not_count(tmp_path):
    path = csv(tmp_path, "File,Label , ROW,a\nx,1,2,2.5\n")
    found, ids, _ = read(path, id_column="file")
    assert found.tolist() == [[2.5]]
    assert ids[0] == "x"


def test_two_columns_that_may_be_the_ids(tmp_path):
    with pytest.raises(ValueError, match=r"has the columns 'id', 'ID', any of which may be 'id'"):
        read(csv(tmp_path, "id,ID,a\n1,2,3\n"))


def test_ids_that_differ_by_blanks_alone(tmp_path):
    with pytest.raises(ValueError, match=r"The id 'k3' is there twice in .*X\.csv, for the rows 0"):
        read(csv(tmp_path, 'id,a\n"k3",1\n"k3 ",2\n'))


@pytest.mark.parametrize("options", [{"columns": ["a", "a"]}, {"columns": ["a"], "id_column": "a"}])
def test_a_column_that_is_asked_for_twice(tmp_path, options):
    parquet.write_table(pa.table({"a": [1, 2], "b": [3, 4]}), tmp_path / "X.parquet")
    for path in (csv(tmp_path, "a,b\n1,2\n"), tmp_path / "X.parquet"):
        with pytest.raises(ValueError, match=r"Column 'a' of .* is asked for twice"):
            read(path, **options)


def test_an_index_that_was_saved_twice_is_no_feature(tmp_path):
    found, _, notes = read(csv(tmp_path, ",Unnamed: 0,Unnamed: 0.1,a\n0,0,0,2.5\n1,1,1,3.5\n"))
    assert found.tolist() == [[2.5], [3.5]]
    assert notes == ["Columns that are not used: Unnamed: 0, Unnamed: 0.1."]


def test_many_columns_take_no_square_of_their_number():
    class Name(str):
        n_compared = 0

        def __eq__(self, other):
            Name.n_compared += 1
            return str(self) == other

        __hash__ = str.__hash__

    names = [Name(f"x{number}") for number in range(2000)]
    schema = SimpleNamespace(names=names, field=lambda name: pa.field(name, pa.float32()))
    assert choose_features(Path("X.parquet"), schema, None, None).names == names
    assert Name.n_compared < 10 * len(names)


def test_two_columns_of_one_name(tmp_path):
    with pytest.raises(ValueError, match="has two columns 'a'; rename one"):
        read(write_csv(tmp_path / "X.csv", "a,a", [[1, 2]]))
