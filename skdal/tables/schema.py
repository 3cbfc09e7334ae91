"""Which columns of a table are the features of its rows, and which has their ids."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from skdal.tables.features import Features

# Never features unless asked for: a label among them would tell what is to be found out.
_SPECIAL = ("id", "row", "label")
# What pandas calls its index: nothing or "Unnamed: 0" in CSV, the other in Parquet.
_INDEX = re.compile(r"|Unnamed: \d+(\.\d+)?|__index_level_.*")


def choose_features(
    path: Path, schema: Any, id_column: str | None, names: list[str] | None
) -> Features:
    """Find the columns to use.

    Parameters
    ----------
    path : pathlib.Path
        The file, for messages.

    schema : pyarrow.Schema
        Its columns.

    id_column : str or None
        The column of the ids. None is ``id``, if there is one.

    names : list of str or None
        Columns to use, or None.

    Returns
    -------
    Features
        See there.

    Raises
    ------
    ValueError
        If a column is not there, there twice, or not of numbers, or it cannot be told which
        columns to use.
    """
    there = schema.names
    if (twice := _twice(there)) is not None:
        raise ValueError(f"{path} has two columns {twice!r}; rename one.")
    asked = [*(names or []), *([] if id_column is None else [_column(there, id_column, path)])]
    if (twice := _twice(asked)) is not None:
        raise ValueError(f"Column {twice!r} of {path} is asked for twice; ask for it once.")
    if (missing := next((name for name in asked if name not in there), None)) is not None:
        raise ValueError(f"{path} has no column {missing!r}; choose among {', '.join(there)}.")
    found = _column(there, id_column or "id", path)
    id_column = found if found in there and found not in (names or []) else None
    if id_column is not None and not _can_be_id(schema.field(id_column).type):
        raise ValueError(
            f"Column {id_column!r} of {path} is of type {schema.field(id_column).type}; ids must "
            "be texts or integers."
        )
    kinds = {name: _kind(schema.field(name).type) for name in there}
    if names is not None:
        chosen = names
        wrong = next((name for name in names if kinds[name] is None), None)
        if wrong is not None:
            raise ValueError(
                f"Column {wrong!r} of {path} is of type {schema.field(wrong).type}; choose columns "
                "of numbers, or one of lists of numbers."
            )
    else:
        free = [name for name in there if name != id_column and _may_be_feature(name)]
        chosen = [name for name in free if kinds[name] == "list"]
        chosen = chosen or [name for name in free if kinds[name] == "number"]
    n_lists = sum(kinds[name] == "list" for name in chosen)
    if not chosen or (n_lists and len(chosen) > 1):
        has = "no column of numbers" if not chosen else f"the columns {', '.join(chosen)}"
        raise ValueError(
            f"{path} has {has} to make rows of; name one column of lists of numbers, or any "
            f"number of columns of numbers. There are: {', '.join(there)}."
        )
    types = [
        getattr(kind, "value_type", kind) for kind in (schema.field(name).type for name in chosen)
    ]
    used = {*chosen, id_column}
    left_out = [name for name in there if name and name not in used]
    return Features(chosen, bool(n_lists), _kept_as(types), id_column, left_out)


def _column(there: list[str], wanted: str, path: Path) -> str:
    """Return the name of a column that is wanted, where case and blanks do not count."""
    alike = [name for name in there if name.strip().lower() == wanted.strip().lower()]
    if len(alike) > 1:
        raise ValueError(
            f"{path} has the columns {', '.join(map(repr, alike))}, any of which may be "
            f"{wanted!r}, since case and blanks do not count; rename all but one."
        )
    return alike[0] if alike else wanted


def _twice(names: list[str]) -> str | None:
    return next((name for name, number in Counter(names).items() if number > 1), None)


def _may_be_feature(name: str) -> bool:
    return not _INDEX.fullmatch(name.strip()) and name.strip().lower() not in _SPECIAL


def _kind(kind: Any) -> str | None:
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return "list" if _is_number(kind.value_type) else None
    # A column of nothing is told of when its first null is met.
    return "number" if _is_number(kind) or types.is_null(kind) else None


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind))


def _can_be_id(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):  # as pandas writes categories
        kind = kind.value_type
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_integer(kind)
        or types.is_null(kind)
    )


def _kept_as(types: list[Any]) -> np.dtype:
    """Return float32 where it holds every number of these types, else float64."""
    from pyarrow import types as kinds

    known = [np.dtype(kind.to_pandas_dtype()) for kind in types if not kinds.is_null(kind)]
    dtype = np.result_type(np.float32, *known)
    return dtype if dtype == np.float32 else np.dtype(np.float64)
