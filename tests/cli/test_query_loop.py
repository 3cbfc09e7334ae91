"""The loop of docs/query.md, as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests._query import X, y

DOCS = Path(__file__).parents[2] / "docs" / "query.md"

LABEL = """#!{python}
import csv, sys
import numpy as np
y = np.load("y.npy")
for line in csv.DictReader(open(sys.argv[1])):
    print(line["row"], y[int(line["row"])], sep=",")
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
def test_the_loop_runs_as_it_stands_in_the_docs(tmp_path):
    script = re.search(r"```bash\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[1]
    script = script.replace("1 2 3 4 5", "1").replace("-n 100", "-n 20")
    assert "./label" in script
    np.save(tmp_path / "embeddings.npy", X[:300])
    np.save(tmp_path / "y.npy", y)
    (tmp_path / "label").write_text(LABEL.format(python=sys.executable))
    (tmp_path / "label").chmod(0o755)
    skdal = f'skdal() {{ {shlex.quote(sys.executable)} -m skdal.cli "$@"; }}\n'
    # Twice: started again, it goes on where it was.
    for n_labels in (20, 40):
        run = subprocess.run(
            ["sh", "-c", skdal + script],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert run.returncode == 0, run.stderr
        lines = (tmp_path / "labels.csv").read_text().splitlines()
        assert lines[0] == "row,label"
        assert len(set(lines[1:])) == len(lines) - 1 == n_labels
        assert run.stdout.count("Covering radius") == 1
