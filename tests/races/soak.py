"""``python -m races.soak``: mixed load from four processes, with packs, backups and kills in between.

At the end every invariant holds, in the file and in what its last backup restores; and the four processes have not
grown: memory, open files and threads of the last third of the time are those of the third before.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from .run import TESTS, WRITERS, environment, prepare, start

STEADY = ("Transfers", "LockedTransfers", "Families", "Trees", "Tagging", "SharedTagging", "Disjoint")
KILLED = ("Transfers", "LockedTransfers", "Families", "Trees", "Disjoint")
GROWTH = 1.1
"""So much more memory may be used in the last third: caches fill, and the allocator keeps what it once had."""
MORE_FILES = 3
"""The saved index, if it was there when the file was opened; a file that was packed, with its own, while it is read."""
_SAMPLES = 60


@dataclass
class Use:
    """What a process used, sample by sample: resident kB, open files, threads."""

    pid: int
    samples: list[tuple[int, int, int]] = field(default_factory=list)

    def sample(self) -> None:
        """Look once more (Linux)."""
        status = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        if "VmRSS" not in status:  # it has ended
            return
        files = len(list(Path(f"/proc/{self.pid}/fd").iterdir()))
        self.samples.append((int(status["VmRSS"].split()[0]), files, int(status["Threads"])))

    def grown(self) -> list[str]:
        """What was not flat."""
        third = len(self.samples) // 3
        before, last = ([*zip(*part, strict=True)] for part in (self.samples[third : 2 * third], self.samples[-third:]))
        memory = statistics.median(last[0]) / statistics.median(before[0])
        problems = [f"process {self.pid} grew to {memory:.2f} of its memory"] if memory > GROWTH else []
        for at, what, more in ((1, "open files", MORE_FILES), (2, "threads", 0)):
            if max(last[at]) > max(before[at]) + more:
                problems.append(f"process {self.pid} has {max(last[at])} {what}, and had {max(before[at])}")
        return problems


def _sample(uses: list[Use], every_s: float, over: threading.Event) -> None:
    while not over.wait(every_s):
        for use in uses:
            with suppress(FileNotFoundError, ProcessLookupError):  # it ends
                use.sample()


@dataclass
class Soak:
    """One run in a folder."""

    folder: Path
    seconds: float
    seed: int
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("packs", "backups", "kills", "killed jobs"), 0)
    )
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.place = environment({"NAME": str(self.folder / "Data.fs")})
        self.backups = self.folder / "backups"

    def run(self) -> int:
        """Run it; how many steps the four processes made. What was wrong is in ``problems``."""
        prepare(self.folder / "Data.fs")
        workers = start(self.place, [self._writer([me], STEADY, self.seconds) for me in range(WRITERS)])
        uses = [Use(worker.pid) for worker in workers]
        over = threading.Event()
        sampler = threading.Thread(target=_sample, args=(uses, self.seconds / _SAMPLES, over))
        sampler.start()
        victim, jobs = self._victim(), [self.pack, self.backup]
        until = time.monotonic() + self.seconds - 2
        while time.monotonic() < until:
            self.chance.choice(jobs)()
            time.sleep(self.chance.uniform(0, min(5, self.seconds / 20)))
            victim.kill()
            victim.communicate()
            self.counts["kills"] += 1
            victim = self._victim()
        victim.kill()
        victim.communicate()
        over.set()
        sampler.join()
        said = [json.loads(worker.communicate()[0]) for worker in workers]
        self.problems += [error for one in said for error in one["errors"]]
        for use in uses:
            self.problems += use.grown()
        self._check("Data.fs")
        self._restore()
        return sum(one["steps"] for one in said)

    def _writer(self, writers: list[int], workloads: Sequence[str], seconds: float) -> dict[str, object]:
        return {"workloads": workloads, "seconds": seconds, "seed": self.seed, "writers": writers}

    def _victim(self) -> subprocess.Popen[str]:
        (victim,) = start(self.place, [self._writer([WRITERS], KILLED, self.seconds)])
        return victim

    def pack(self) -> None:
        """Pack the file; one in three is killed."""
        self._job("packs", "zodbpack")

    def backup(self) -> None:
        """Write what is new into the backups; one in three is killed."""
        self._job("backups", "zodbbackup", str(self.backups))

    def _job(self, what: str, *arguments: str) -> None:
        job = self._python("-m", "django", *arguments)
        if self.chance.random() < 0.33:
            time.sleep(self.chance.uniform(0.2, 1.5))
            job.kill()
            self.counts["killed jobs"] += 1
        self.counts[what] += self._succeeded(job)

    def _restore(self) -> None:
        """Bring the backups up to date, and check what they restore."""
        self._succeeded(self._python("-m", "django", "zodbbackup", str(self.backups)))
        output = str(self.folder / "Restored.fs")
        self._succeeded(self._python("-m", "django", "zodbrestore", str(self.backups), "--output", output))
        self._check("Restored.fs")

    def _check(self, name: str) -> None:
        place = environment({"NAME": str(self.folder / name)})
        job = self._python("-m", "races.check", json.dumps([STEADY, {}]), place=place)
        output, _ = job.communicate()
        self.problems += [f"{name}: {problem}" for problem in (json.loads(output) if job.returncode == 0 else [output])]

    def _python(self, *arguments: str, place: dict[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            env=place or self.place,
            cwd=TESTS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _succeeded(self, job: subprocess.Popen[str]) -> bool:
        """Wait for its end; what it says is a problem, unless it succeeded or was killed."""
        output, _ = job.communicate()
        if job.returncode > 0:
            self.problems.append(f"{job.args}: {output}")
        return job.returncode == 0


def main() -> int:
    """The exit code: 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m races.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), options.minutes * 60, options.seed)
        steps = soak.run()
    print(f"{steps} steps, " + ", ".join(f"{number} {what}" for what, number in soak.counts.items()))
    print(*soak.problems, sep="\n")
    return bool(soak.problems)


if __name__ == "__main__":
    sys.exit(main())
