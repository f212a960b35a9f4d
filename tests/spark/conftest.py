"""Spark for the tests: inside of this process, and a cluster beside it."""

import importlib.util
import os
import shutil
import sys
import warnings

import pytest

from benchmarks.capture_set import write_set
from tests.distributed.cutting import CAPTURES, cut

#: What pyspark 4.3 says of pandas 3, which it needs to be there and never uses here.
PANDAS = "ignore:PySpark does not yet fully support pandas:FutureWarning"

CUT = {
    "own/own_seek.pcap": [7, 30], "own/own_pair_udp.pcap": [20], "winmx/primary.pcap": [11],
    "mms/ffmpeg_ipv6.pcapng": [90],
}  # fmt: skip


def why_not():
    """Why there is no Spark here; nothing if there is."""
    if sys.platform == "win32":
        return "Spark on Windows needs programs of Hadoop"
    if shutil.which("java") is None:
        return "java is not installed"
    missing = [name for name in ("pyspark", "pyarrow", "pandas")
               if importlib.util.find_spec(name) is None]  # fmt: skip
    return f"{', '.join(missing)} not installed" if missing else ""


def pytest_collection_modifyitems(items):
    for item in items:
        if {"spark", "cluster"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.filterwarnings(PANDAS))


@pytest.fixture(scope="session")
def java():
    if why_not():
        pytest.skip(why_not())
    # processes of workers import what this one imports
    os.environ["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
    # programs that run for seconds are not worth the second compiler of the machine
    os.environ["JAVA_TOOL_OPTIONS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@pytest.fixture(scope="session")
def spark(java, tmp_path_factory):
    """`mmscodec.spark.local()`, with all that it writes in a folder of the tests."""
    from mmscodec.spark import local

    folder = tmp_path_factory.mktemp("spark")
    settings = {"spark.local.dir": str(folder), "spark.sql.warehouse.dir": str(folder / "tables")}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", category=ResourceWarning)
        session = local(2, memory="512m", settings=settings)
        session.sparkContext.setLogLevel("ERROR")
        yield session
        session.stop()


@pytest.fixture(scope="session")
def rotated(tmp_path_factory):
    """Files of MMS over TCP and UDP and of WinMX, cut in the middle of sessions."""
    folder = tmp_path_factory.mktemp("rotated")
    write_set(folder, 2.5, rotate=0.4, other=0.2)
    for name, places in CUT.items():
        made = tmp_path_factory.mktemp("cut")
        for path in cut(CAPTURES / name, places, made):
            shutil.move(path, folder / f"{name.split('/')[1]}{os.path.basename(path)}")
    return folder
