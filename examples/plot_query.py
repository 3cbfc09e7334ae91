"""
A pool in a file, labeled with ``skdal query``
==============================================

Embeddings come as a file, labels go into another, and ``skdal query`` says what to label next. This
plays the whole loop on handwritten digits: a first batch for a spreadsheet, a second one through
Label Studio, and a look at how far it is.
"""

# %%
# The pool is a Parquet file with an id, and a list of numbers for each image. The numbers are here
# the pixels; with photographs or texts they would be what a pretrained network makes of them.
import csv
import json
import tempfile
from contextlib import chdir
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet
from sklearn.datasets import load_digits

from skdal.cli import make_app

X, truth = load_digits(return_X_y=True)
ids = [f"digit-{number:04d}" for number in range(len(X))]
answers = dict(zip(ids, map(str, truth), strict=True))

folder = tempfile.TemporaryDirectory()
home = Path(folder.name)
parquet.write_table(pa.table({"id": ids, "embedding": list(X / 16)}), home / "pool.parquet")


def skdal_query(*arguments):
    """Do what the shell does with the same line."""
    print("$ skdal query", *arguments)
    with chdir(home):
        make_app()(["query", *arguments], prog_name="skdal", standalone_mode=False)


# %%
# There are no labels yet, so that the first batch is a core-set: it covers the pool.
skdal_query("pool.parquet", "-n", "40", "-o", "batch.csv")

# %%
# Somebody looks at the rows of the batch, from the top, and writes labels into a file. One image
# cannot be read: its label stays empty, and the row will not be asked for again.
with (home / "batch.csv").open(newline="") as file:
    asked = [line["id"] for line in csv.DictReader(file)]
with (home / "labels.csv").open("w") as file:
    file.write("id,label\n")
    for id in asked[:-1]:
        file.write(f"{id},{answers[id]}\n")
    file.write(f"{asked[-1]},\n")

# %%
# The next batch goes to Label Studio, with the texts or the URLs of images that annotators see. By
# now there is a task model to ask.
with (home / "items.csv").open("w") as file:
    file.write("id,image\n")
    file.writelines(f"{id},https://example.com/{id}.png\n" for id in ids)
sampler = ["--sampler", "uncertainty:measure=margin", "--estimator", "logistic"]
tasks = ["--format", "label-studio", "--items", "items.csv", "-o", "tasks.json"]
skdal_query("pool.parquet", "labels.csv", "-n", "60", *sampler, *tasks)

# %%
# Annotators choose, and the project is exported as JSON. This plays their part.
tasks = json.loads((home / "tasks.json").read_text())
print(json.dumps(tasks[0], indent=1))
for number, task in enumerate(tasks, start=1):
    choice = {
        "from_name": "digit",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": [answers[task["data"]["skdal_id"]]]},
    }
    task["id"] = number
    task["annotations"] = [{"result": [choice], "was_cancelled": False}]
(home / "export.json").write_text(json.dumps(tasks))

# %%
# The export is a label file as it is, beside the first one.
skdal_query("pool.parquet", "labels.csv", "export.json", "--status")
skdal_query("pool.parquet", "labels.csv", "export.json", "-n", "5", *sampler)
folder.cleanup()
