from __future__ import annotations

import numpy as np
import pytest

from skdal.tables import Labels, read_labels
from skdal.tables.classes import class_of
from skdal.tables.ids import Ids

IDS = Ids([f"img-{number}" for number in range(20)], "ids.txt").close()


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def read(tmp_path, text, **options):
    ids = options.pop("ids", None)
    return read_labels([write(tmp_path / "labels.csv", text)], 20, ids, **options)


@pytest.mark.parametrize(
    "text",
    [
        "row,label\n3,cat\n7,dog\n5,\n",
        "\ufeffrow,label\r\n7,dog\r\n3,cat\r\n5,\r\n",
        "Row; Label\n3; cat\n7;dog\n5;\n",
        "row\tlabel\n3\tcat\n7\tdog\n5\t\n",
        'rank,row,id,score,label,note\n1,3,3,0.5,cat,"a, b"\n2,7,7,,"dog","two\nlines"\n3,5,5,,,\n',
        "label,id\ncat,3\n\ndog,7\n ,5\n",
        # The last line break is missing, but the class is known.
        "row,label\n5,\n7,dog\n3,cat\n7,dog",
        "row,label,by\n3,cat,me\n5,,me\n7,dog,me",
    ],
)
def test_a_label_file(tmp_path, text):
    labels = read(tmp_path, text)
    assert labels.rows.tolist() == [3, 7]
    assert labels.values.tolist() == [0, 1]
    assert labels.classes == ["cat", "dog"]
    assert labels.skipped.tolist() == [5]
    assert labels.counts() == {"cat": 1, "dog": 1}


def test_ids(tmp_path):
    labels = read(tmp_path, "id,row,label\nimg-7,7,b\nimg-3,,a\n,5,a\n", ids=IDS)
    assert labels.rows.tolist() == [3, 5, 7]
    assert labels.values.tolist() == [0, 0, 1]
    text = "File,What\nimg-3,a\n"
    assert read(tmp_path, text, ids=IDS, id_column="file", label_column="what").rows.tolist() == [3]


def test_no_label_yet(tmp_path):
    for labels in [read(tmp_path, "row,label\n"), read_labels([], 20)]:
        assert len(labels.rows) == len(labels.values) == len(labels.skipped) == 0
        assert labels.classes == []
        assert labels.rows.dtype == labels.skipped.dtype == labels.values.dtype == int
    labels = read_labels([], 20, regression=True)
    assert labels.values.dtype == float
    assert labels.classes is None


def test_classes_that_are_numbers_are_in_their_order(tmp_path):
    labels = read(tmp_path, "row,label\n1,10\n2,9\n3,-1\n")
    assert labels.classes == ["-1", "9", "10"]
    assert labels.values.tolist() == [2, 1, 0]


def test_numbers(tmp_path):
    text = "row,label\n3,2.5\n1,-1\n2,\n3,2.50\n0,1e3\n"
    labels = read(tmp_path, text, regression=True)
    assert labels.rows.tolist() == [0, 1, 3]
    assert labels.values.tolist() == [1000, -1, 2.5]
    assert labels.skipped.tolist() == [2]
    assert labels.counts() == {}


@pytest.mark.parametrize("other", ["2.6", "much"])
def test_two_numbers_for_a_row(tmp_path, other):
    with pytest.raises(ValueError, match=rf"Line 3 of .* says '{other}' of row 3, but Line 2 of"):
        read(tmp_path, f"row,label\n3,2.5\n3,{other}\n", regression=True)


def test_several_files_may_say_the_same(tmp_path):
    one = write(tmp_path / "one.csv", "row,label\n3,cat\n5,\n")
    two = write(tmp_path / "two.csv", "id,label\n3,cat\n4,dog\n3,cat\n5,\n")
    labels = read_labels([one, two], 20)
    assert labels.rows.tolist() == [3, 4]
    two.write_text("id,label\n4,dog\n3,dog\n")
    with pytest.raises(
        ValueError,
        match=r"Line 3 of .*two\.csv says 'dog' of id '3', but Line 2 of .*one\.csv says 'cat'",
    ):
        read_labels([one, two], 20)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty; its first line must be a header"),
        ("3,cat\n4,dog\n", "Line 1 of .* is 3, cat; it must be a header with the column 'label'"),
        ("row\n3\n", "with the column 'label'"),
        ("label\ncat\n", "'row' or 'id'"),
        ("row,label,Label\n3,a,b\n", "column 'label' twice"),
        ("row,label\n20,cat\n", r"Line 2 of .* has the row 20, but the pool has rows from 0 to 19"),
        ("row,label\n3,cat\n-1,cat\n", r"Line 3 of .* has '-1' for a row"),
        ("row,label\n3.0,cat\n", r"'3\.0' for a row"),
        ("row,label\n²,cat\n", "'²' for a row"),
        ("id,label\nimg-3,cat\n", "'img-3' for a row; .* --ids or --id-column"),
        ("row,label\n,cat\n", "Line 2 of .* names no row"),
        ("row,label\n3,cat\n4,dog\n3,dog\n", "Line 4 of .* says 'dog' of row 3, but Line 2 of"),
        ("row,label\n3,cat\n3,\n", "Line 3 of .* says that it cannot be labeled of row 3, but Li"),
        ("row,id,label\n3,4,cat\n", "has the row 3 and the id '4', but the pool has no ids"),
        # Cut off.
        ("row,label\n3,cat\n17", "Line 3 of .* has 1 values, but the header 2; it may be cut off"),
        ("row,label\n3,cat\n17,ca", "Line 3 of .*, the last one, ends in 'ca' without a line brea"),
        ("row,label\n3,cat\n17,", "the last one, ends in ''"),
        ("label,row\ncat,3\ncat,1", "the last one, ends in '1'"),
        ('row,label\n3,cat\n17,"ca', "Line 3 of .* cannot be read: .* it is not closed"),
        ("row,label\n3,cat\n17,cat,me\n", "Line 3 of .* has 3 values, but the header 2"),
        ("row,label\n3,c\0t\n", "bytes of zero"),
        ('row,label\n3,"ca"t\n', "Line 2 of .* cannot be read"),
    ],
)
def test_what_is_wrong_names_the_line(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        read(tmp_path, text)


def test_an_id_that_is_not_in_the_pool(tmp_path):
    text = "id,label\nimg-3,cat\nimg-33,cat\n"
    with pytest.raises(ValueError, match=r"Line 3 of .*labels\.csv has the id 'img-33', which no"):
        read(tmp_path, text, ids=IDS)


def test_an_id_goes_before_the_number_of_the_row(tmp_path):
    # The pool was sorted anew, or has become shorter.
    text = "row,id,label\n3,img-4,cat\n4,img-3,dog\n99,img-7,cat\n,img-8,dog\n"
    labels = read(tmp_path, text, ids=IDS)
    assert labels.rows.tolist() == [3, 4, 7, 8]
    assert [labels.classes[value] for value in labels.values] == ["dog", "cat", "cat", "dog"]
    # Without an id the number counts.
    with pytest.raises(
        ValueError, match=r"Line 3 of .* says 'dog' of row 4, but Line 2 of .*'cat'"
    ):
        read(tmp_path, "row,id,label\n3,img-4,cat\n4,,dog\n", ids=IDS)
    with pytest.raises(ValueError, match=r"Line 2 of .* has the row 99, but the pool has rows"):
        read(tmp_path, "row,id,label\n99,,cat\n", ids=IDS)


@pytest.mark.parametrize("label", ["cat", "nan", "inf", "1,5"])
def test_a_label_that_is_no_number(tmp_path, label):
    with pytest.raises(ValueError, match=r"Line 2 of .* which is no finite number"):
        read(tmp_path, f'row,label\n3,"{label}"\n', regression=True)


def test_a_number_that_may_be_cut_off(tmp_path):
    with pytest.raises(ValueError, match=r"the last one, ends in '2\.5'"):
        read(tmp_path, "row,label\n3,2.5\n4,2.5", regression=True)


def test_other_encodings_and_files(tmp_path):
    path = write(tmp_path / "labels.csv", "row,label\n3,grün\n", "latin-1")
    with pytest.raises(ValueError, match=r"labels\.csv is no text in UTF-8"):
        read_labels([path], 20)
    with pytest.raises(FileNotFoundError, match=r"no file .*missing\.csv.*a header: row,label"):
        read_labels([tmp_path / "missing.csv"], 20)
    path = tmp_path / "labels.npy"
    np.save(path, np.arange(3))
    with pytest.raises(ValueError, match=r"labels\.npy is no text in UTF-8"):
        read_labels([path], 20)


def test_a_batch_of_many_lines_is_looked_up_at_once(tmp_path):
    ids = Ids([str(number * 7) for number in range(5000)], "ids.txt").close()
    text = "id,label\n" + "".join(f"{number * 7},{number % 3}\n" for number in range(4999, 0, -2))
    path = write(tmp_path / "labels.csv", text)
    labels = read_labels([path], 5000, ids)
    assert labels.rows.tolist() == list(range(1, 5000, 2))
    assert isinstance(labels, Labels)


@pytest.mark.parametrize("text", ["row,label\n1,\n2,", "row,label\n1,1\n2,10\n3,1"])
def test_a_label_that_may_be_cut_off(tmp_path, text):
    with pytest.raises(ValueError, match=r"Line \d of .*, the last one, ends in .* cut off"):
        read(tmp_path, text)
    assert len(read(tmp_path, text + "\n").rows) in (0, 3)


def test_a_label_that_may_be_cut_off_from_one_of_another_file(tmp_path):
    one = write(tmp_path / "one.csv", "row,label\n1,1\n3,1")
    two = write(tmp_path / "two.csv", "row,label\n2,10\n")
    assert read_labels([one], 20).rows.tolist() == [1, 3]
    for paths in ([one, two], [two, one]):
        with pytest.raises(ValueError, match=r"one\.csv, the last one, .* may be '10', cut off"):
            read_labels(paths, 20)


def test_numbers_that_are_equal_are_one_class(tmp_path):
    one = write(tmp_path / "one.csv", "row,label\n1,1\n2,0\n5,10\n")
    two = write(tmp_path / "two.csv", "row,label\n3,1.0\n4,0.0\n1,1.0\n")
    labels = read_labels([one, two], 20)
    assert labels.counts() == {"0": 2, "1": 2, "10": 1}
    two.write_text("row,label\n1,1.5\n")
    with pytest.raises(ValueError, match=r"says '1\.5' of row 1, but .* says '1'"):
        read_labels([one, two], 20)
    # Not by float(), to which these are the same.
    assert class_of("12345678901234567890") != class_of("12345678901234567891")


def test_accents_in_two_forms_are_one_class(tmp_path):
    labels = read(tmp_path, "row,label\n1,cafe\u0301\n2,caf\u00e9\n2,cafe\u0301\n")
    assert labels.counts() == {"caf\u00e9": 2}


@pytest.mark.parametrize("label", ["1_000", "\uff11"])
def test_what_only_python_takes_for_a_number(tmp_path, label):
    with pytest.raises(ValueError, match="which is no finite number"):
        read(tmp_path, f"row,label\n3,{label}\n", regression=True)


def test_a_row_of_thousands_of_digits(tmp_path):
    with pytest.raises(ValueError, match=r"Line 2 of .* has the row 9{19}\.\.\., but the pool"):
        read(tmp_path, f"row,label\n{'9' * 5000},cat\n")


def test_blanks_around_ids_do_not_count(tmp_path):
    ids = Ids([" a", "b "], "ids.txt").close()
    assert (ids[0], ids[1]) == ("a", "b")
    labels = read_labels([write(tmp_path / "l.csv", "id,label\nb,x\n a ,y\n")], 2, ids)
    assert labels.values.tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"'a' is there twice .* Blanks around ids do not count"):
        Ids(["a", "a "], "ids.txt").close()
