"""Captures in Apache Spark: decoded across files and hosts, and as a data source; needs pyspark."""

from mmscodec.spark.decoding import decode, write
from mmscodec.spark.session import local
from mmscodec.spark.source import register

__all__ = ("decode", "local", "register", "write")
