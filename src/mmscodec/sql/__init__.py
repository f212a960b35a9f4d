"""Captures and folders of Parquet files as tables of SQL; needs duckdb."""

from mmscodec.sql.database import Database

__all__ = ("Database",)
