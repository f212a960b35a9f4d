"""A program of its own for a cluster: `python -m tests.spark.driver MASTER FOLDER CAPTURES TABLE`.

Decodes a table into Parquet below FOLDER; behind its first batch each task waits for FOLDER/go.
"""

import os
import sys
from functools import partial

from mmscodec import spark
from mmscodec.spark.library import pyspark
from tests.spark import faults


def main(master: str, folder: str, captures: str, table: str) -> None:
    """Two executors of one core each."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
        "spark.local.dir": folder,
        "spark.sql.execution.arrow.maxBytesPerBatch": str(32 << 20),
        "spark.sql.execution.arrow.maxRecordsPerBatch": "500",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = pyspark("sql").SparkSession.builder.master(master)
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    rows = spark.decode(session, captures, table, partitions=4)
    rows = rows.mapInArrow(partial(faults.waiting, folder), rows.schema)
    rows.write.parquet(os.path.join(folder, "out"))
    session.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
