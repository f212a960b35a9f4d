"""How long a cluster takes over captures of any size, with slow and lost hosts; a small simulation.

    python -m examples.plan_cluster --petabytes 1 --share 0.1 --hosts 20 --cores 16

Two stages as `mmscodec scan` and `join` have them: each scan task reads files and spools the
segments of recognised flows, then each join task takes one partition. The constants of `Measured`
stand for one core of one machine; put your own there, or give them as options. The same seed gives
the same answer.
"""

from __future__ import annotations

import argparse
import heapq
import sys
from collections import deque
from dataclasses import dataclass, field, fields
from random import Random


@dataclass(frozen=True)
class Measured:
    """Seconds that one core takes for a GB, 10^9 bytes.

    Attributes
    ----------
    look : float
        Of capture: read, followed and left out. Both passes over a file.
    take : float
        Of capture that belongs to recognised flows, more than that: recognised and spooled.
    join : float
        Of spool: sorted, put in order, decoded, written with all tables.
    spooled : float
        Bytes of spool for each byte of capture that belongs to recognised flows.
    tables : float
        Bytes of Parquet for each byte of spool; without payload.
    begin : float
        Seconds until a task does something, or for the files that it ends with.
    """

    look: float = 1.5
    take: float = 3.5
    join: float = 18.0
    spooled: float = 1.06
    tables: float = 0.014
    begin: float = 0.5


@dataclass(frozen=True)
class Cluster:
    """Hosts, and what goes wrong with them.

    Attributes
    ----------
    hosts, cores : int
        A core does one task at a time.
    stragglers, slow : float
        The part of attempts that take `slow` times as long.
    mtbf : float
        Hours until a host is lost, on average; 0: never. 50 is that of hosts that others may take.
    back : float
        Seconds until another one is there.
    speculate : bool
        A second attempt for tasks that take long, where a core has nothing else to do.
    shared : bool
        The spool lies on shared storage. Otherwise what a lost host has spooled is scanned again,
        before any more joins begin.
    """

    hosts: int = 20
    cores: int = 16
    stragglers: float = 0.01
    slow: float = 5.0
    mtbf: float = 50.0
    back: float = 300.0
    speculate: bool = True
    shared: bool = True


@dataclass
class Outcome:
    """What a run took: seconds of the clock and of cores, attempts, what was in vain."""

    seconds: float = 0.0
    scanned: float = 0.0  # when the last scan task had ended for the first time
    busy: float = 0.0
    in_vain: float = 0.0
    attempts: int = 0
    lost_hosts: int = 0
    scanned_again: int = 0


@dataclass
class Attempt:
    """One try of one task."""

    stage: int
    task: int
    host: int
    began: float


@dataclass
class Stage:
    """Tasks that wait, and those that are done."""

    seconds: list[float]
    waiting: deque[int] = field(default_factory=deque)
    done: set[int] = field(default_factory=set)
    copied: set[int] = field(default_factory=set)
    took: list[float] = field(default_factory=list)
    long: float = 0.0  # a task that takes more is worth a second attempt

    def __post_init__(self) -> None:
        self.waiting.extend(range(len(self.seconds)))

    @property
    def complete(self) -> bool:
        """Nothing is left to do."""
        return len(self.done) == len(self.seconds)


class Simulation:
    """Two stages on a cluster, event by event."""

    def __init__(
        self, cluster: Cluster, scan: list[float], join: list[float], seed: int = 1
    ) -> None:
        self.cluster, self.random = cluster, Random(seed)
        self.stages = [Stage(scan), Stage(join)]
        self.out = Outcome()
        self.events: list[tuple[float, int, str, int]] = []
        self.number = 0
        self.now = 0.0
        self.attempts: dict[int, Attempt] = {}
        self.running: list[set[int]] = [set() for _ in range(cluster.hosts)]
        self.epochs = [0] * cluster.hosts
        self.idle = [(host, 0) for _ in range(cluster.cores) for host in range(cluster.hosts)]
        self.spool: list[set[int]] = [set() for _ in range(cluster.hosts)]

    def run(self) -> Outcome:
        """Until both stages are complete."""
        for host in range(self.cluster.hosts):
            self._fate(host)
        self._fill()
        while not self.stages[1].complete:
            self.now, _, what, which = heapq.heappop(self.events)
            getattr(self, "_" + what)(which)
            self._fill()
        self.out.seconds = self.now
        for attempt in self.attempts.values():
            self.out.in_vain += self.now - attempt.began
        return self.out

    def _at(self, time: float, what: str, which: int) -> None:
        self.number += 1
        heapq.heappush(self.events, (time, self.number, what, which))

    def _fate(self, host: int) -> None:
        if self.cluster.mtbf:
            self._at(self.now + self.random.expovariate(1 / self.cluster.mtbf / 3600), "lost", host)

    # ---- starting

    def _fill(self) -> None:
        # cores that have nothing to do take the next task
        scan, join = self.stages
        while self.idle:
            if scan.waiting:
                stage = 0
            elif scan.complete and join.waiting:
                stage = 1
            else:
                break
            host = self._core()
            if host is None:
                break
            self._start(stage, self.stages[stage].waiting.popleft(), host)
        for stage in self.stages:
            if self.cluster.speculate and not stage.long and not stage.waiting:
                self._now_watch(stage)

    def _core(self) -> int | None:
        while self.idle:
            host, epoch = self.idle.pop()
            if self.epochs[host] == epoch:
                return host
        return None

    def _start(self, stage: int, task: int, host: int) -> None:
        seconds = self.stages[stage].seconds[task] * (0.9 + 0.2 * self.random.random())
        if self.random.random() < self.cluster.stragglers:
            seconds *= self.cluster.slow
        self.number += 1
        self.attempts[self.number] = Attempt(stage, task, host, self.now)
        self.running[host].add(self.number)
        self.out.attempts += 1
        number = self.number
        self._at(self.now + seconds, "end", number)
        if self.stages[stage].long:
            self._at(self.now + self.stages[stage].long, "look", number)

    def _now_watch(self, stage: Stage) -> None:
        # all have begun: from now on those are watched that take longer than others took
        if 4 * len(stage.took) < 3 * len(stage.seconds):
            return
        stage.long = 1.5 * sorted(stage.took)[len(stage.took) // 2]
        for number, attempt in self.attempts.items():
            if self.stages[attempt.stage] is stage:
                self._at(max(self.now, attempt.began + stage.long), "look", number)

    # ---- what happens

    def _look(self, number: int) -> None:
        attempt = self.attempts.get(number)
        if attempt is None:
            return
        stage = self.stages[attempt.stage]
        if attempt.task in stage.copied:
            return
        host = self._core()
        if host is None:
            self._at(self.now + stage.long / 4, "look", number)
            return
        stage.copied.add(attempt.task)
        self._start(attempt.stage, attempt.task, host)

    def _end(self, number: int) -> None:
        attempt = self._stop(number)
        if attempt is None:
            return
        stage = self.stages[attempt.stage]
        took = self.now - attempt.began
        self.out.busy += took
        stage.done.add(attempt.task)
        stage.took.append(took)
        if attempt.stage == 0:
            self.spool[attempt.host].add(attempt.task)
            if stage.complete and not self.out.scanned:
                self.out.scanned = self.now
        if attempt.task in stage.copied:  # the other one is in vain
            for other, same in list(self.attempts.items()):
                if (same.stage, same.task) == (attempt.stage, attempt.task):
                    self._stop(other)
                    self.out.in_vain += self.now - same.began

    def _stop(self, number: int) -> Attempt | None:
        attempt = self.attempts.pop(number, None)
        if attempt is not None:
            self.running[attempt.host].discard(number)
            self.idle.append((attempt.host, self.epochs[attempt.host]))
        return attempt

    def _lost(self, host: int) -> None:
        self.out.lost_hosts += 1
        self.epochs[host] += 1
        for number in sorted(self.running[host]):
            attempt = self.attempts.pop(number)
            self.out.in_vain += self.now - attempt.began
            stage = self.stages[attempt.stage]
            if all(
                (a.stage, a.task) != (attempt.stage, attempt.task) for a in self.attempts.values()
            ):
                stage.waiting.appendleft(attempt.task)
                stage.copied.discard(attempt.task)
        self.running[host].clear()
        if not self.cluster.shared:
            again = self.spool[host]
            self.out.scanned_again += len(again)
            self.stages[0].done -= again
            self.stages[0].copied -= again
            self.stages[0].waiting.extendleft(sorted(again))
        self.spool[host] = set()
        self._at(self.now + self.cluster.back, "back", host)

    def _back(self, host: int) -> None:
        self.idle += [(host, self.epochs[host])] * self.cluster.cores
        self._fate(host)


@dataclass(frozen=True)
class Work:
    """What there is to do.

    Attributes
    ----------
    petabytes : float
        Of captures.
    share : float
        The part of them that belongs to recognised flows.
    flows : float
        How many of these.
    task : float
        GB that a scan task reads: one file, or several small ones.
    partitions : int
        Of the spool; 0: four for each core.
    largest : float
        GB of the largest flow, which is one task's work.
    """

    petabytes: float = 1.0
    share: float = 0.1
    flows: float = 1e9
    task: float = 4.0
    partitions: int = 0
    largest: float = 10.0


def tasks(work: Work, cluster: Cluster, measured: Measured) -> tuple[list[float], list[float]]:
    """Seconds of each scan and of each join, when nothing goes wrong."""
    size = work.petabytes * 1e6
    count = max(1, round(size / work.task))
    each = measured.look + work.share * measured.take
    scan = [measured.begin + size / count * each] * count
    spool = size * work.share * measured.spooled
    largest = min(work.largest * measured.spooled, spool)
    parts = work.partitions or 4 * cluster.hosts * cluster.cores
    join = [measured.begin + (spool - largest) / parts * measured.join] * parts
    join[0] += largest * measured.join
    return scan, join


def plan(
    work: Work, cluster: Cluster, measured: Measured, price: float = 0.05, seed: int = 1
) -> dict[str, str]:
    """What it takes, line by line; `price` is that of a core for an hour."""
    scan, join = tasks(work, cluster, measured)
    out = Simulation(cluster, scan, join, seed).run()
    cores = cluster.hosts * cluster.cores
    spool = work.petabytes * 1e6 * work.share * measured.spooled
    ideal = (sum(scan) + sum(join)) / cores
    return {
        "tasks": f"{len(scan):,} scans, {len(join):,} joins",
        "spool, or shuffle": f"{spool / 1e3:,.1f} TB, {spool / len(join):,.2f} GB a partition",
        "flows a partition": f"{work.flows / len(join):,.0f}",
        "storage gives": f"{2e3 * work.petabytes:,.0f} TB, as each file is read twice: "
        f"{2e6 * work.petabytes / out.scanned:,.0f} GB/s while it is scanned",
        "Parquet": f"{spool * measured.tables / 1e3:,.1f} TB",
        "core hours": f"{(out.busy + out.in_vain) / 3600:,.0f}, "
        f"{100 * out.in_vain / (out.busy + out.in_vain):.1f} % of them in vain",
        "time": f"{out.seconds / 3600:,.2f} h, {out.scanned / 3600:,.2f} h of it until all was "
        f"scanned; {ideal / 3600:,.2f} h if nothing went wrong and no core ever waited",
        "attempts": f"{out.attempts:,}; {out.lost_hosts:,} hosts lost, {out.scanned_again:,} scans "
        "done again for their spool",
        "price": f"{out.seconds / 3600 * cores * price:,.0f} at {price} a core and hour, "
        f"{out.seconds / 3600 * cores * price / work.petabytes / 1e3:,.2f} a TB",
    }


def _options(parser: argparse.ArgumentParser, kind: type) -> None:
    for item in fields(kind):
        flag, default = "--" + item.name.replace("_", "-"), item.default
        if isinstance(default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default)
        else:
            parser.add_argument(flag, type=type(default), default=default)


def main(arguments: list[str] | None = None) -> int:
    """Print a plan."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.plan_cluster", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    kinds = (Work, Cluster, Measured)
    for kind in kinds:
        _options(parser, kind)
    parser.add_argument("--price", type=float, default=0.05, help="of a core for an hour")
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args(arguments)
    work, cluster, measured = (
        kind(**{item.name: getattr(words, item.name) for item in fields(kind)}) for kind in kinds
    )
    for name, text in plan(work, cluster, measured, words.price, words.seed).items():
        print(f"{name:18} {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
