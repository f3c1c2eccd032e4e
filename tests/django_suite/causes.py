"""Groups failures by cause: the last line of the traceback with names, numbers and quoted text taken out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from .records import Record

EXAMPLES = 6
LINE_CHARS = 220

VARYING = (
    (re.compile(r"0x[0-9a-f]+"), "0x…"),
    (re.compile(r"\bat \d+:\d+"), "at …"),
    (re.compile(r"'[^']*'"), "'…'"),
    (re.compile(r'"[^"]*"'), '"…"'),
    (re.compile(r"\d+"), "N"),
)

EXCEPTION = re.compile(r"^(?:[\w.]+\.)?(\w*(?:Error|Exception|Warning|Exit|Interrupt|Failure|DoesNotExist)\b.*)$")


def cause(record: Record) -> str:
    """One line for what ``record`` has in common with others."""
    if record.skipped:
        return f"skipped: {record.reason.splitlines()[0] if record.reason else ''}"
    lines = [line for line in record.reason.splitlines() if line.strip()]
    raised = [match[1] for line in lines if (match := EXCEPTION.match(line))]
    text = raised[-1] if raised else (lines[-1] if lines else record.outcome)
    for pattern, instead in VARYING:
        text = pattern.sub(instead, text)
    prefix = "" if record.outcome in ("failed", "error") else f"{record.outcome}: "
    return (prefix + text)[:LINE_CHARS]


def grouped(records: Iterable[Record]) -> Iterator[str]:
    """Lines that show the causes, the most frequent first, each with its count, its apps and a few names."""
    by_cause: dict[str, list[Record]] = {}
    for record in records:
        by_cause.setdefault(cause(record), []).append(record)
    for text, group in sorted(by_cause.items(), key=lambda item: (-len(item[1]), item[0])):
        apps = Counter(record.name.split(".")[0] for record in group)
        yield f"{len(group):5}  {text}"
        yield "       in " + ", ".join(f"{app} {count}" for app, count in apps.most_common(10))
        yield from (f"         {record.name}" for record in group[:EXAMPLES])
