"""What is public has a page in the API reference, and a docstring that says what it must."""

from __future__ import annotations

import ast
import builtins
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from numpydoc.validate import validate

import skdal

API = Path(__file__).parent.parent / "docs" / "api"

# What numpydoc is to look for, in whatever is public:
CHECKS = {
    "GL02",  # the closing quotes are on a line of their own,
    "GL03",  # without empty lines to spare,
    "GL05",
    "GL06",  # in sections that there are,
    "GL07",  # in their order;
    "GL08",  # it is there;
    "SS03",  # the first line is a sentence,
    "SS05",  # in the imperative;
    "PR01",  # all parameters are told of,
    "PR02",  # no others,
    "PR03",  # in their order,
    "PR04",  # with their types,
    "PR05",
    "PR06",
    "PR07",  # and what they mean,
    "PR09",  # in sentences;
    "PR10",
    "RT01",  # so is what is returned,
    "RT03",
    "RT05",
    "YD01",  # and yielded.
    "SA04",  # What else to see is said with a reason.
}

# What was taken from a paper says from which.
FROM_PAPERS = {
    "CoreSetSampler",
    "DeepFoolSampler",
    "DiscriminativeSampler",
    "DivergenceStop",
    "ExpectedGradientLengthSampler",
    "LeNet",
    "LeNetClassifier",
    "MCDropoutSampler",
    "MLP",
    "MLPDiscriminator",
    "UncertaintySampler",
    "VGG16",
    "VGG16Classifier",
    "deepfool",
    "dropout_passes",
    "expected_gradient_length",
    "greedy_k_center",
    "h_divergence",
    "h_divergence_test",
    "robust_k_center",
}


def is_public(module: str) -> bool:
    return not any(part.startswith("_") for part in module.split("."))


def modules() -> list[str]:
    """Return all modules with an ``__all__`` whose names are not private."""
    names = [module.name for module in pkgutil.walk_packages(skdal.__path__, "skdal.")]
    if not find_spec("skactiveml"):
        names = [name for name in names if not name.startswith("skdal.interop")]
    return [n for n in names if is_public(n) and hasattr(import_module(n), "__all__")]


def public() -> dict[str, Any]:
    """Return what is public by the name under which it is known."""
    found = {}
    for module in modules():
        for name in import_module(module).__all__:
            home = "skdal" if name in skdal.__all__ else module
            found[f"{home}.{name}"] = getattr(import_module(module), name)
    return found


PUBLIC = public()


def methods(owner: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties that are written in skdal."""
    for name in dir(owner):
        member = inspect.getattr_static(owner, name)
        function = getattr(member, "fget", getattr(member, "__func__", member))
        if not name.startswith("_") and inspect.isfunction(inspect.unwrap(function)):
            function = inspect.unwrap(function)
            if function.__module__.startswith("skdal"):
                yield name, function


def documented() -> list[tuple[str, Any]]:
    """Return what must have a docstring: public functions, classes, and their methods."""
    found = []
    for name, value in PUBLIC.items():
        found.append((name, value))
        if inspect.isclass(value):
            found += [(f"{name}.{own}", function) for own, function in methods(value)]
    return found


DOCUMENTED = dict(documented())


def raised(function: Any) -> set[type[Exception]]:
    """Return the errors that a function raises, it or a private function that it calls."""
    names = vars(builtins) | vars(import_module(function.__module__))
    errors = set()
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Raise):
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            # What is caught and raised again is a variable, and another's error.
            name = error.id if isinstance(error, ast.Name) else "_"
            if not name.startswith("_") and inspect.isclass(names.get(name)):
                errors.add(names[name])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = names.get(node.func.id)
            private = node.func.id.startswith("_") and inspect.isfunction(called)
            if private and called is not function and called.__module__.startswith("skdal"):
                errors |= raised(called)
    return errors


def test_every_public_module_is_listed_in_the_reference():
    pages = "\n".join(page.read_text() for page in API.glob("*.md"))
    listed = re.findall(r"^```\{public-names\} (\S+)\n```$", pages, flags=re.MULTILINE)
    assert len(set(listed)) == len(listed)
    # The page of the command line is made of its --help.
    missing = set(modules()) - set(listed) - {"skdal.cli"}
    assert not missing, f"list {missing} in a page of docs/api by {{public-names}}"
    if find_spec("skactiveml"):
        assert set(listed) <= set(modules())


def test_what_skdal_itself_has_is_listed_with_a_module():
    elsewhere = {name for module in modules() for name in import_module(module).__all__}
    assert set(skdal.__all__) - elsewhere == {"__version__"}


def test_every_page_is_in_the_index():
    index = (API / "index.md").read_text()
    pages = {page.stem for page in API.glob("*.md")} - {"index"}
    toctree = index.partition("{toctree}")[2].split()
    assert pages <= set(toctree)
    assert all(f"({page}.md)" in index for page in pages)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_docstring_has_its_sections(name):
    needs = CHECKS | {"EX01"} if name in PUBLIC else CHECKS
    value = DOCUMENTED[name]
    # By where it is written: skdal.experiments.compare is a module, too.
    found = validate(f"{value.__module__}.{value.__qualname__}")
    errors = [error for error in found["errors"] if error[0] in needs]
    assert not errors


@pytest.mark.parametrize("name", [n for n, v in DOCUMENTED.items() if not inspect.isclass(v)])
def test_what_a_function_raises_is_told(name):
    told = (inspect.getdoc(DOCUMENTED[name]) or "").partition("Raises\n---")[2]
    # An OSError tells of FileExistsError, too.
    words = set(re.findall(r"\w+", told))
    errors = raised(DOCUMENTED[name])
    assert not [error for error in errors if not words & {kind.__name__ for kind in error.__mro__}]


def test_what_is_from_a_paper_names_it():
    found = {name.rpartition(".")[2]: value for name, value in PUBLIC.items()}
    assert set(found) >= FROM_PAPERS
    silent = {
        name for name in FROM_PAPERS if "References\n---" not in (inspect.getdoc(found[name]) or "")
    }
    assert not silent
