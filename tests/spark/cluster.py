"""A standalone cluster of Spark on this machine alone: a master and workers."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.collect.service import pause

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        return one.getsockname()[1]


class Cluster:
    """Everything it writes is below `folder`; each worker has one core and starts one executor."""

    def __init__(self, folder: Path, workers: int = 2) -> None:
        from pyspark.find_spark_home import _find_spark_home

        self.folder = folder
        self.home = _find_spark_home()
        self.started: list[subprocess.Popen] = []
        self.url = f"spark://{HOST}:{free_port()}"
        try:
            port = self.url.rpartition(":")[2]
            self._start("master", "Master", "--host", HOST, "--port", port, "--webui-port", "0")
            self._until("master", r"New state: ALIVE")
            self.workers = [self.worker(f"worker{i}") for i in range(workers)]
            for i in range(workers):
                self._until(f"worker{i}", r"Successfully registered with master")
        except BaseException:
            self.stop()
            raise

    def worker(self, name: str) -> subprocess.Popen:
        """Start one more."""
        return self._start(
            name, "Worker", self.url, "--host", HOST, "--webui-port", "0",
            "--cores", "1", "--memory", "1g", "--work-dir", str(self.folder / name),
        )  # fmt: skip

    def _start(self, name: str, kind: str, *words: str) -> subprocess.Popen:
        environment = dict(
            os.environ, SPARK_HOME=self.home, SPARK_DAEMON_MEMORY="256m", SPARK_LOCAL_IP=HOST,
            SPARK_LOCAL_DIRS=str(self.folder / "local"), PYSPARK_PYTHON=sys.executable,
            PYTHONPATH=os.pathsep.join(path for path in sys.path if path),
        )  # fmt: skip
        with (self.folder / f"{name}.log").open("wb") as log:
            made = subprocess.Popen(
                [f"{self.home}/bin/spark-class", f"org.apache.spark.deploy.{kind.lower()}.{kind}",
                 *words],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, cwd=self.folder,
                start_new_session=True,
            )  # fmt: skip
        self.started.append(made)
        return made

    def _until(self, name: str, words: str) -> None:
        log = self.folder / f"{name}.log"
        for _ in range(600):
            if re.search(words, log.read_text(errors="replace")):
                return
            if any(one.poll() is not None for one in self.started):
                break
            pause(0.1)
        raise AssertionError(log.read_text(errors="replace"))

    @staticmethod
    def kill(process: subprocess.Popen) -> None:
        """End a worker at once, its executor with it, without a word to the master."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End all of them."""
        for process in reversed(self.started):
            self.kill(process)
