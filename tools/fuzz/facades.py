"""atheris on the public functions, over extensions whose branches it sees."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tools.fuzz import build, kernels, ledger, work

ATHERIS = "atheris==3.0.0"
LOWER = ("-rss_limit_mb=2048", "-timeout=20")  # an input of Python takes longer
COUNT = re.compile(rb"stat::number_of_executed_units: (\d+)")
SPEED = re.compile(rb"stat::average_exec_per_sec: +(\d+)")
OUT = build.OUT / "facade"
PACKAGE = OUT / "package"
KIND = build.Kind("facade", "address,undefined")


def installed() -> Path:
    """Where atheris is; it is installed there, and nowhere else, if need be."""
    place = OUT / "atheris"
    if not (place / "atheris").exists():
        words = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        command = [*words, "--no-deps", "--target", str(place), ATHERIS]
        if subprocess.call(command, stdout=sys.stderr):
            sys.exit(f"fuzz: {ATHERIS} cannot be installed")
    return place


def made() -> dict[str, str]:
    """Compile the whole package for coverage; the environment in which a facade target runs.

    It is linked without the sanitizers: atheris brings them, as a library to be preloaded.
    """
    clang, place = build.compiler(), installed()
    stamp, mark = OUT / "stamp", build.fingerprint(clang, repr(KIND))
    if not stamp.exists() or stamp.read_text() != mark:
        environment = dict(
            os.environ, CC=clang, LDSHARED=f"{clang} -shared", CFLAGS="",
            MMSCODEC_SANITIZE=f"fuzzer-no-link,{KIND.sanitizers}",
        )  # fmt: skip
        command = [sys.executable, "setup.py", "-q", "build", "--force"]
        command += ["--build-lib", str(PACKAGE)]
        command += ["--build-temp", str(OUT / "temp")]
        subprocess.run(command, cwd=build.ROOT, env=environment, check=True)
        stamp.write_text(mark)
    paths = [str(PACKAGE), str(build.ROOT), str(place)]
    return dict(
        os.environ,
        PYTHONPATH=os.pathsep.join(paths),
        LD_PRELOAD=str(place / "asan_with_fuzzer.so"),
        PYTHONMALLOC="malloc",
        ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1",  # of each input it cannot tell
    )


def attempt(name: str, words: list[str], environment: dict[str, str]) -> tuple[bytes, str | None]:
    """Run a target; what the fuzzer said, and words about its failure."""
    folder = work.found(f"facade_{name}")
    before = set(folder.iterdir())
    command = [sys.executable, "-m", "tools.fuzz.facade.fuzzer", name, *LOWER]
    done = subprocess.run(
        [*command, f"-artifact_prefix={folder}/", *words], cwd=build.ROOT, env=environment,
        check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    if not done.returncode:
        return done.stderr, None
    sys.stderr.write(done.stderr[-6000:].decode(errors="replace"))
    new = [path for path in set(folder.iterdir()) - before if path.name.startswith(kernels.BROKEN)]
    return done.stderr, f"fuzz: {name} failed\n{work.shown(new)}"


def run(
    name: str, options: list[str], environment: dict[str, str]
) -> tuple[ledger.Run, str, str | None]:
    """New inputs for a target, as libFuzzer's options say: counts, figures, and what failed."""
    from tools.fuzz.facade import seeds

    folder = work.corpus(f"facade_{name}", seeds.of(name))
    words = [*options, "-print_final_stats=1", str(folder)]
    said, broken = attempt(name, words, environment)
    count, speed = COUNT.search(said), SPEED.search(said)
    counted = ledger.now("facade", name, int(count[1]) if count else 0, int(broken is not None))
    files = sum(1 for _ in folder.iterdir())
    line = f"{name}: {counted.executions} executions, "
    return counted, f"{line}{speed[1].decode() if speed else 0} a second, corpus of {files}", broken


def replay(name: str) -> str:
    """Every input of the repository's corpus once, in this process and without a fuzzer."""
    from tools.fuzz import facade

    folder = work.corpus(f"facade_{name}", [], fresh=True)
    files = sorted(folder.iterdir())
    for path in files:
        facade.TARGETS[name](path.read_bytes())
    return f"{name}: {len(files)} inputs replayed"


def keep(name: str, environment: dict[str, str]) -> str:
    """Put the smallest set of inputs with the same coverage into the repository."""
    from tools.fuzz.facade import seeds

    small = build.OUT / "small" / f"facade_{name}"
    small.mkdir(parents=True, exist_ok=True)
    for path in small.iterdir():
        path.unlink()
    folder = work.corpus(f"facade_{name}", seeds.of(name))
    _, broken = attempt(
        name, ["-merge=1", f"-max_len={work.LENGTH}", str(small), str(folder)], environment
    )
    if broken is not None:
        raise SystemExit(broken)
    return f"{name}: {work.keep(f'facade_{name}', small)} inputs kept"
