from __future__ import annotations

import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning

from skdal.cli._warnings import warnings_counted


@pytest.mark.filterwarnings("always")
def test_each_is_said_once_and_counted(capsys):
    with warnings_counted():
        for n_steps in (10, 20, 30):
            warnings.warn(f"no end\n  after {n_steps} steps, {n_steps / 7} left", stacklevel=1)
        warnings.warn("no end after 10 steps, 3 left", ConvergenceWarning, stacklevel=1)
        warnings.warn("a single one", stacklevel=1)
    lines = capsys.readouterr().err.split("\n")
    assert lines[0].startswith("Warning: no end after 10 steps, 1.4")
    assert lines[1:] == [
        "Warning: no end after 10 steps, 3 left",
        "Warning: a single one",
        "Warned 3 times: no end after 10 steps, 1.4285714285714286 left",
        "",
    ]


@pytest.mark.filterwarnings("always")
def test_they_are_counted_where_something_goes_wrong_too(capsys):
    def fail():
        for _ in range(2):
            warnings.warn("word " * 200, stacklevel=1)
        raise KeyError

    with pytest.raises(KeyError), warnings_counted():
        fail()
    said = capsys.readouterr().err
    assert "Warned 2 times: " in said
    assert len(said) < 500


def test_filters_have_precedence(capsys):
    with pytest.raises(UserWarning, match="an error in tests"), warnings_counted():
        warnings.warn("an error in tests", stacklevel=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with warnings_counted():
            warnings.warn("not wanted", stacklevel=1)
    assert capsys.readouterr().err == ""
