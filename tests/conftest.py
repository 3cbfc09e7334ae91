from __future__ import annotations

import sys

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("cuda") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")
    if "torch" in sys.modules:
        # Torch gives some of its warnings once in a process: to one test, whichever it is.
        sys.modules["torch"].set_warn_always(True)
