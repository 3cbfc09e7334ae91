"""Pools, labels and batches as files: what ``skdal query`` reads and writes."""

from skdal.tables.batch import batch_records, write_batch
from skdal.tables.labels import Labels, read_labels
from skdal.tables.pool import open_pool
from skdal.tables.query import choose_rows
from skdal.tables.status import pool_status

__all__ = [
    "Labels",
    "batch_records",
    "choose_rows",
    "open_pool",
    "pool_status",
    "read_labels",
    "write_batch",
]
