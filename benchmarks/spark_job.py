"""One conversion by Spark in local mode: `python -m benchmarks.spark_job CORES IN OUT`.

It waits for the Java machine to end, so that whoever waits for it is told the time of both.
"""

import sys

from mmscodec import spark
from mmscodec.spark.library import pyspark


def main(cores: str, captures: str, out: str) -> None:
    """All tables, as Parquet."""
    session = spark.local(int(cores))
    spark.write(session, captures, out)
    session.stop()
    gateway = pyspark().SparkContext._gateway
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
