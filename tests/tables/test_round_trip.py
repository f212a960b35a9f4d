"""From Arrow, whoever had it in between, to rows and to the bytes that were on the wire."""

import io

import numpy as np
import pytest

from mmscodec import mms
from mmscodec.convert import rows_from_arrow
from mmscodec.schema.mms import BY_NAME
from tests.tables import edges
from tests.tables.consumers import library


def by_parquet(table):
    file = io.BytesIO()
    library("pyarrow.parquet").write_table(library("pyarrow").table(table), file)
    return library("pyarrow.parquet").read_table(file)


def by_pandas(table):
    return library("pyarrow").Table.from_pandas(library("pandas").DataFrame.from_arrow(table))


WAYS = {
    "arrow": lambda table: table,
    "polars": lambda table: library("polars").DataFrame(table),
    "pandas": by_pandas,
    "parquet": by_parquet,
    "duckdb": lambda taken: library("duckdb").connect().sql("from taken").to_arrow_table(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_values_at_the_edges_come_back_bit_by_bit(name, way):
    stream = edges.stream(name)
    batch = mms.decode(stream)
    rows = batch[name]
    assert len(rows) == 12
    made, fields = rows_from_arrow(name, WAYS[way](batch.table(name, secrets=True)))
    assert made.tobytes() == rows.tobytes()
    wanted = {
        field.python_name: batch.column(name, field.python_name).tolist()
        for field in BY_NAME[name].variable
    }
    assert mms.encode(name, made, **fields) == mms.encode(name, rows, **wanted)


def test_a_column_without_values_is_zeros():
    pa = library("pyarrow")
    table = pa.table({"t_earliest": pa.array([None, -0.0, None]), "ignored": pa.nulls(3)})
    rows, _ = rows_from_arrow("LinkViewerToMacReadBlock", table)
    assert np.signbit(rows["t_earliest"]).tolist() == [False, True, False]
    empty = pa.table({"t_earliest": pa.nulls(2)})
    assert rows_from_arrow("LinkViewerToMacReadBlock", empty)[0]["t_earliest"].tolist() == [0, 0]
