"""``manage.py zodbstats``: what takes how much room, and how a server does."""

from __future__ import annotations

from typing import Any

from django_zodb.storage.measure import Measured, measure
from django_zodb.upkeep import Bar, UpkeepCommand, connected, size


class Command(UpkeepCommand):
    """Shows tables, rows, bytes and index sizes of an alias's database, and the counters of its server."""

    help = "Shows the rows and bytes of tables and indexes, and what of the storage is history; reads everything once."

    def work(self, alias: str, options: dict[str, Any], bar: Bar) -> None:
        """Measure and show."""
        with connected(alias) as connection:
            measured = measure(connection.session, bar)
            stats, server = connection.stats(), connection.session.database.server_stats()
        bar.close()
        self.answer(options, _as_json(measured, stats, server), *_as_lines(measured, server))


def _as_json(measured: Measured, stats: dict[str, Any], server: dict[str, Any] | None) -> dict[str, Any]:
    tables = [
        {"table": table.name, "rows": table.rows, "bytes": table.bytes, "data_bytes": table.data.bytes}
        | {"indexes": {name: found.bytes for name, found in table.indexes.items()}}
        for table in measured.tables
    ]
    sums = {"live_bytes": measured.live_bytes, "storage_bytes": measured.storage_bytes}
    return {"tables": tables, "other_bytes": measured.other.bytes, **sums, "process": stats, "server": server}


def _as_lines(measured: Measured, server: dict[str, Any] | None) -> list[str]:
    width = max([len(name) for table in measured.tables for name in (table.name, *table.indexes)] + [10]) + 2
    lines = [f"{'table, index':{width}}  {'rows':>10}  {'size':>10}"]
    for table in sorted(measured.tables, key=lambda each: -each.bytes):
        lines.append(f"{table.name:{width}}  {table.rows:>10}  {size(table.bytes):>10}")
        lines += [f"  {name:{width - 2}}  {'':>10}  {size(found.bytes):>10}" for name, found in table.indexes.items()]
    history = max(measured.storage_bytes - measured.live_bytes, 0)
    lines.append(f"live: {size(measured.live_bytes)}; storage: {size(measured.storage_bytes)}")
    if history:
        lines.append(f"history and unused, at most: {size(history)} (zodbpack frees it)")
    if server is not None:
        lines.append("server: " + ", ".join(f"{name} {value}" for name, value in server.items()))
    lines.append("cache hit rates are those of each process: see connection.stats() there")
    return lines
