"""Spark inside of this process, for one machine."""

from __future__ import annotations

import os
import sys
from typing import Any

from mmscodec.spark.library import pyspark

#: What a session on one machine is given, unless it is said otherwise.
_SETTINGS = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    # a batch for Python ends at either, so that it stays small whatever the frames are
    "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
    "spark.sql.execution.arrow.maxBytesPerBatch": str(32 << 20),
}


def local(cores: int = 2, *, memory: str = "1g", settings: dict[str, str] | None = None) -> Any:
    """A session in local mode; the one that is active, if there is one.

    Parameters
    ----------
    cores : int
        Tasks at a time.
    memory : str
        Of the Java virtual machine; what it sorts beyond that goes to disk. Each task has a Python
        process beside it.
    settings : dict, optional
        Further settings of Spark, or others than those made here.

    Returns
    -------
    pyspark.sql.SparkSession
        Tasks are tried four times (`local[2]` by itself tries once), and run this interpreter.

    Raises
    ------
    MissingExtraError
        pyspark is not installed.
    """
    sql = pyspark("sql")
    active = sql.SparkSession.getActiveSession()
    if active is not None:
        return active
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # otherwise it is python3 of PATH
    builder = sql.SparkSession.builder.master(f"local[{cores},4]").appName("mmscodec")
    for name, value in {**_SETTINGS, "spark.driver.memory": memory, **(settings or {})}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
