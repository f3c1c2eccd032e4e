"""What a database may be asked for when it is opened: known options, their types, defaults and reasons."""

from __future__ import annotations

import math
from typing import Any

from ..errors import OperationalError
from ..record import items, record

ISOLATION_LEVELS = ("snapshot", "serializable")

_LEAST = {
    "cache_size": 0,
    "cache_size_bytes": 0,
    "cache_total_bytes": 0,
    "pool_size": 1,
    "timeout": 0,
    "client_cache_bytes": 0,
}
_LEAST_GROWTH = 1.5
"""To pack a file that is smaller costs more than it frees."""

AUTO_PACK = 3.0
"""Whoever comes from SQLite or PostgreSQL expects no file that grows for ever."""


@record
class Options:
    """The options of one database.

    Every connection has a cache of its own, and a scan of what is not cached costs ten times one of what is. A
    bucket of some dozen rows is one object, so ``cache_size`` objects hold a few million rows and are not the limit;
    ``cache_size_bytes`` is: it counts bytes as stored; in memory rows take seven times as many, indexes three to five
    times. Twice as many bytes, at most, are columns that are kept. ``pool_size`` is how many idle connections keep
    their caches for the next user; more may be in use. With the defaults a connection's cache holds some 130,000 rows
    of ten columns with their indexes, and stays under some 210 MB, however large the file: docs/performance.md has the
    measurements. ``cache_total_bytes`` is what the caches of all connections of the process hold together, four times
    ``cache_size_bytes`` if nothing is said: where there are more connections, each has its part.

    ``auto_pack`` is 0 for never, and by default ``AUTO_PACK`` for a file that no server serves.
    """

    cache_size: int = 100_000
    cache_size_bytes: int = 24_000_000
    cache_total_bytes: int | None = None
    pool_size: int = 16
    auto_pack: float | None = None
    blob_dir: str | None = None
    timeout: float = 10.0
    isolation: str = "snapshot"
    read_only: bool = False
    create: bool = True
    storage: str = "1"
    server_sync: bool = True
    read_only_fallback: bool = False
    client_cache: str | None = None
    client_cache_bytes: int = 20 * 1024 * 1024
    tls_ca: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not least <= value < math.inf:  # which NaN is not either
                raise OperationalError(f"option {name} must be {least} at least, got {value!r}")
        if self.auto_pack and not _LEAST_GROWTH <= self.auto_pack < math.inf:
            raise OperationalError(
                f"option auto_pack must be {_LEAST_GROWTH} at least, or 0 for never, got {self.auto_pack!r}"
            )
        if self.isolation not in ISOLATION_LEVELS:
            raise OperationalError(f"option isolation is one of {', '.join(ISOLATION_LEVELS)}, got {self.isolation!r}")
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise OperationalError("options tls_certificate and tls_key belong together: give both or none")


#: Option → (classes that are accepted, how they are called in messages).
OPTION_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "cache_size": ((int,), "a number of objects"),
    "cache_size_bytes": ((int,), "a number of bytes"),
    "cache_total_bytes": ((int,), "a number of bytes"),
    "pool_size": ((int,), "a number of connections"),
    "auto_pack": ((int, float), "how many times as large as what is current in it a file may become"),
    "blob_dir": ((str,), "a path"),
    "timeout": ((int, float), "seconds"),
    "isolation": ((str,), "a text"),
    "read_only": ((bool,), "True or False"),
    "create": ((bool,), "True or False"),
    "storage": ((str,), "the name of the server's storage"),
    "server_sync": ((bool,), "True or False"),
    "read_only_fallback": ((bool,), "True or False"),
    "client_cache": ((str,), "a path"),
    "client_cache_bytes": ((int,), "a number of bytes"),
    "tls_ca": ((str,), "a path"),
    "tls_certificate": ((str,), "a path"),
    "tls_key": ((str,), "a path"),
}
assert list(OPTION_TYPES) == [name for name, _ in items(Options())]

#: Options that a session has for itself; two users of one database may differ in them.
SESSION_OPTIONS = frozenset({"isolation"})


def check_options(given: Any) -> Options:
    """``given`` as Options; OperationalError naming what is no dict, an unknown option, or a wrong value."""
    if not isinstance(given, dict):
        raise OperationalError(f"OPTIONS must be a dictionary, got {given!r}")
    for name, value in given.items():
        if name not in OPTION_TYPES:
            raise OperationalError(f"unknown option {name!r}; known options: {', '.join(sorted(OPTION_TYPES))}")
        classes, meaning = OPTION_TYPES[name]
        wrong = not isinstance(value, classes) or (isinstance(value, bool) and bool not in classes)
        if wrong and not (value is None and classes == (str,)):
            raise OperationalError(f"option {name} must be {meaning}, got {value!r}")
    return Options(**{name: value for name, value in given.items() if value is not None})
