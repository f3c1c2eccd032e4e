"""kill -9, again and again and at any moment: what was acknowledged is there, the rest wholly or not at all.

From one process that has a file for itself, from three on one file, and from three clients of a server that is killed,
too. The short form is part of every test run; `make torture` kills more often, and says what it saw.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from test_durability import told
from test_processes import Child, check_file, closed, path, retried  # noqa: F401  closed and path are fixtures
from test_zeo import Served

from django_zodb import dbapi
from django_zodb.storage.database import close_all

KILLS = 120 if "TORTURE" in os.environ else 8
TOTAL = 1000
"""What is in all accounts together."""


@dataclass
class Place:
    """Where the writers write, and what is known of it."""

    path: str
    writers: tuple[int, ...]
    server: Served | None = None
    there: dict[int, int] = field(default_factory=dict)
    """How many rows of each writer were there when it was last looked."""

    def connect(self) -> dbapi.Connection:
        """A connection of the calling process."""
        if self.server is None:
            return dbapi.connect(self.path)
        return dbapi.connect(None, host="127.0.0.1", port=self.server.port)

    def values(self, sql: str) -> list[Any]:
        """The first column of a query on the newest state, asked by nobody who stays."""
        connection = self.connect()
        found = [row[0] for row in connection.execute(sql).fetchall()]
        connection.close()
        close_all()
        return found


@pytest.fixture(params=["one process", "processes", "server"])
def place(request: pytest.FixtureRequest, path: str) -> Iterator[Place]:  # noqa: F811
    if request.param == "server":
        server = Served(path)
        yield Place(path, (1, 2, 3), server)
        close_all()
        server.kill()
    else:
        yield Place(path, (1,) if request.param == "one process" else (1, 2, 3))


def write(place: Place, writer: int) -> Child:
    """A process that writes one transaction after the other: a row, and a transfer; it says each number it has done."""
    start = place.there.get(writer, 0) + 1

    def work(say: Callable[[object], None]) -> None:
        connection = place.connect()

        def one(number: int) -> None:
            row = (writer, number, f"{writer}-{number}" * 3)
            connection.execute("INSERT INTO note (writer, number, text) VALUES (%s, %s, %s)", row)
            connection.execute("UPDATE account SET amount = amount - 1 WHERE id = %s", [writer])
            connection.execute("UPDATE account SET amount = amount + 1 WHERE id = 10")

        for number in range(start, start + 100_000):
            retried(connection, lambda: one(number))  # noqa: B023
            say(number)

    return Child(work)


def look(place: Place, writer: int, said: list[str]) -> None:
    """All that the writer said is there, in order, and at most one that it had no time to say."""
    numbers = [int(line) for line in said if line.isdigit()]
    assert len(numbers) == len(said) or place.server is not None, said
    last = max(numbers, default=place.there.get(writer, 0))
    found = place.values(f"SELECT number FROM note WHERE writer = {writer} ORDER BY number")
    assert found == list(range(1, len(found) + 1))
    assert last <= len(found) <= last + 1
    assert place.values("SELECT sum(amount) FROM account") == [TOTAL]
    place.there[writer] = len(found)


def test_what_was_acknowledged_is_there(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(20)
    running = {writer: write(place, writer) for writer in place.writers}
    kills = servers = 0
    while kills < KILLS:
        time.sleep(chance.uniform(0.01, 0.15))
        victims = [chance.choice(place.writers)]
        if place.server is not None and chance.random() < 0.3:
            place.server.kill()
            servers, victims = servers + 1, list(place.writers)
        said = {victim: running[victim].kill() for victim in victims}
        if place.server is not None and len(victims) > 1:
            place.server.start()
        kills += len(victims)
        for victim in victims:
            look(place, victim, said[victim])
            running[victim] = write(place, victim)
    for writer, child in running.items():
        look(place, writer, child.kill())
    rows = sum(place.there.values())
    told(capsys, f"{kills} kills of writers, {servers} of servers: {rows} transactions acknowledged, none lost")
    assert rows > KILLS / 2
    if place.server is not None:
        place.server.kill()
        place.server = None
    check_file(place.path)
