"""docs/benchmarks.md, made from the JSON of benchmarks/results/bench."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from _line import Line, NotMeasuredError
from _ratios import SECTIONS
from features import FEATURES

BENCH = Path(__file__).parent / "results" / "bench"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

PACKAGES = {
    "features-skdal": "skdal",
    "features-scikit-activeml": "scikit-activeml",
    "features-modal": "modAL",
    "features-small-text": "small-text",
    "features-alipy": "ALiPy",
    "features-paper": "the paper's code",
}
# What each column is of, as pip calls it.
INSTALLED = ("skdal", "scikit-activeml", "modal-python", "small-text", "alipy")

# What takes too long for one command, and is kept by scripts of its own.
LONGER = ("dal-selection-mnist", "rankings-mnist")

OPENING = """\
# Benchmarks

Every ratio that skdal is held to, and what its peers can do. This page is made by

    make bench

which measures everything anew, an estimated 40 minutes on two idle cores, or, from results that are
there, by `python benchmarks/table.py --page`. `make bench BENCH="--only NAME"` measures a part. The
raw results are in [`benchmarks/results/bench`](../benchmarks/results/bench), each with its
command, date, machine and versions.

{machine}

Seconds are CPU seconds of the process with one thread, unless it says otherwise. Both sides of a
ratio have the same data and threads, run in one process, in turn, after a run that warms up, and
the least or the median of several counts. Other work ran on the machine at the same time: caches
and memory are shared, so read the ratios, not the seconds, and take a tenth more or less as the
same.

What is worth more than speed, accuracy for labels, takes days to measure: [MNIST and the paper's
claims](experiments.md), [DAL](dal.md), [core-set](core_set.md), [networks](neural.md).

## Ratios

*Goal* is what was set before it was built; what missed it is **bold**. *x* is times.

"""

FEATURES_OPENING = """\

## Features

Each cell was tried by a script, `benchmarks/features_*.py`, in the package's own environment:
*yes*, it ran and did what it should; *partly*, with a note; *no*, nothing in the package has such a
name, or the try failed as the note says. What needs a model of texts was imported, not run. The
code of the paper was read, not run: it needs TensorFlow 1, Keras 2 and cleverhans 2, and the first
installs on no Python that skdal runs on. ALiPy asks for names that Python 3.10 took away: its
tries, but the first, put `collections.Iterable` back.

{versions}

"""


def read_results() -> dict[str, dict[str, Any]]:
    """Return the records that there are, by name."""
    records = {path.stem: json.loads(path.read_text()) for path in sorted(BENCH.glob("*.json"))}
    for name in LONGER:
        lines = (BENCH.parent / f"{name}.jsonl").read_text().splitlines()
        records[name] = {"results": {name: [json.loads(line) for line in lines]}}
    return records


def table(header: list[str], rows: list[list[str]]) -> str:
    """Write a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def cells(line: Line, records: dict[str, dict[str, Any]]) -> list[str]:
    how = f"`{line.name}`: {line.how}"
    if line.name not in records:
        return [line.what, line.goal, "not measured", "", how]
    results = records[line.name]["results"]
    try:
        value = line.value(results)
    except NotMeasuredError:
        return [line.what, line.goal, "not measured", "", how]
    told = line.told(value)
    return [
        line.what,
        line.goal,
        line.measured(results),
        f"**{told}**" if line.missed(value) else told,
        how,
    ]


def ratios(records: dict[str, dict[str, Any]]) -> str:
    parts = []
    for title, lines in SECTIONS.items():
        rows = [cells(line, records) for line in lines]
        parts += [f"### {title}", table(["what", "goal", "measured", "ratio", "how"], rows)]
    return "\n\n".join(parts)


def features(records: dict[str, dict[str, Any]]) -> str:
    answers = {name: dict(records[name]["results"][name]) for name in PACKAGES if name in records}
    if "features-modal-newest" in records and "features-modal" in answers:
        newest = records["features-modal-newest"]["results"]["features-modal"]["newest"]
        answers["features-modal"]["newest"] = newest
    parts, notes = [], []
    for title, keys in FEATURES.items():
        rows = []
        for key, words in keys.items():
            cells = [words]
            for name in answers:
                answer = answers[name][key]
                cell = answer["answer"]
                if answer["note"]:
                    note = f"{PACKAGES[name]}, {words}: {escaped(answer['note'])}"
                    notes.append(note)
                    cell += f" ({len(notes)})"
                cells.append(cell)
            rows.append(cells)
        parts.append(table([title, *(PACKAGES[name] for name in answers)], rows))
    numbered = "\n".join(f"{number}. {note}" for number, note in enumerate(notes, 1))
    return "\n\n".join([*parts, numbered])


def escaped(text: str) -> str:
    """Take out what Markdown would read."""
    for mark in "\\<>|*_`[]":
        text = text.replace(mark, f"\\{mark}")
    return text


def machines(records: dict[str, dict[str, Any]]) -> str:
    """Tell of what machines, and when, the records are."""
    groups: dict[str, list[str]] = {}
    for record in (record for name, record in records.items() if name not in LONGER):
        machine = record["machine"]
        words = (
            f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_GiB']} GiB of memory, "
            f"{machine['system']}, Python {record['versions']['python']}"
        )
        groups.setdefault(words, []).append(record["date"])
    return "\n".join(
        f"Machine: {words}; measured {span}."
        for words, dates in groups.items()
        for span in [min(dates) if min(dates) == max(dates) else f"{min(dates)} to {max(dates)}"]
    )


def versions(records: dict[str, dict[str, Any]]) -> str:
    lines = []
    for name, package in zip(PACKAGES, INSTALLED, strict=False):
        if name in records:
            found = records[name]["versions"]
            beside = ", ".join(
                f"{other} {found[other]}"
                for other in ("scikit-learn", "numpy", "torch")
                if other in found
            )
            lines.append(
                f"- {PACKAGES[name]} {found.get(package, '')} with {beside}".replace("  ", " ")
            )
    return "\n".join(lines)


def written(records: dict[str, dict[str, Any]]) -> str:
    """Return the page."""
    parts = [
        OPENING.format(machine=machines(records)),
        ratios(records),
        FEATURES_OPENING.format(versions=versions(records)),
        features(records),
    ]
    return "\n".join(parts) + "\n"
