"""The example server with many clients, with clients that misbehave, and from the command line."""

import ast
import asyncio
import os
import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from examples.mms_client import Refused, Wishes, play
from mmscodec import mms
from tests.peer.loopback import LIMIT, MEDIA, Serving, flat

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = [*(ROOT / "examples").glob("mms_*.py"), ROOT / "examples" / "collector.py"]
TEXTS = {
    "LinkViewerToMacConnect": {"subscriber_name": ""},
    "LinkViewerToMacConnectFunnel": {"funnel_name": "nonsense"},
    "LinkViewerToMacOpenFile": {"file_name": ""},
    "LinkViewerToMacStartStriding": {"rate": float("nan")},
}


def test_many_clients_play_at_the_same_time():
    async def everyone():
        urls = [server.url(scheme=("mmst", "mmsu")[i % 2]) for i in range(12)]
        return await asyncio.gather(*(play(url, Wishes()) for url in urls))

    with Serving(rate=500) as server:
        clients = asyncio.run(asyncio.wait_for(everyone(), LIMIT))
    assert {client.receiver.entry.flat() for client in clients} == {flat()}


@pytest.mark.parametrize(
    "said",
    [
        random.Random(5).randbytes(5000),
        b"",
        mms.encode("LinkViewerToMacConnect", subscriber_name="x")[:50],
        *(mms.encode(name, **TEXTS.get(name, {})) for name in mms.MESSAGES),
    ],
    ids=["noise", "nothing", "half", *mms.MESSAGES],
)
def test_a_client_that_talks_nonsense_disturbs_nobody(said):
    with Serving(rate=0) as server:
        with socket.create_connection((server.host, server.port), timeout=LIMIT) as connection:
            connection.sendall(said)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
                datagrams.sendto(said or b"\0", (server.host, server.port))
        client = asyncio.run(asyncio.wait_for(play(server.url()), LIMIT))
    assert client.receiver.entry.flat() == flat()


def test_wild_numbers_of_a_start_are_answered():
    for location, first in {0: 0, 107: 107, 108: 107, 0x7FFFFFFF: 107, 0xFFFFFFFF: 0}.items():
        with Serving(rate=0) as server:
            client = asyncio.run(
                asyncio.wait_for(play(server.url(), Wishes(location=location)), LIMIT)
            )
        assert sorted(client.receiver.entry.packets) == list(range(first, 108))


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -5.5, 1e300])
def test_a_rate_that_is_none_is_refused(rate):
    with Serving() as server, pytest.raises(Refused) as refused:
        asyncio.run(asyncio.wait_for(play(server.url(), Wishes(stride=rate)), LIMIT))
    assert refused.value.hr == 0x80070057


@pytest.mark.parametrize("position", [float("nan"), float("inf"), -1e300, 1e8])
def test_wild_positions_are_answered(position):
    with Serving(rate=0) as server:
        client = asyncio.run(
            asyncio.wait_for(play(server.url(), Wishes(position=position, logging=False)), LIMIT)
        )
    assert len(client.receiver.entry.packets) == (1 if position == 1e8 else 108)


def test_both_programs_run_from_the_command_line(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    program = [sys.executable, "-m"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*program, "examples.mms_server", str(MEDIA), "--port", str(port), "--lose", "9"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as server:
        try:
            url = server.stderr.readline().decode().strip()
            assert url == f"mms://127.0.0.1:{port}/"
            said = subprocess.run(
                [*program, "examples.mms_client", url + "small1400.asf", "-o", tmp_path / "a.asf"],
                env=environment, timeout=LIMIT, check=True, capture_output=True, text=True,
            ).stdout  # fmt: skip
        finally:
            server.kill()
            server.stderr.close()
    assert said == f"{tmp_path / 'a.asf'}: 107 packets, 0 missing\n"  # none reveals the last one


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_use_the_public_codec_alone(path):
    for node in ast.walk(ast.parse(path.read_text())):
        modules = [node.module] if isinstance(node, ast.ImportFrom) else []
        modules += [item.name for item in node.names] if isinstance(node, ast.Import) else []
        for module in modules:
            assert not module.startswith("mmscodec.")
            if module == "mmscodec":
                assert {item.name for item in node.names} <= {"aio", "mms"}
