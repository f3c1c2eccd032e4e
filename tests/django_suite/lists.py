"""The format of the two files of names: comments, figures, and names under headings.

# a comment
= app  tests  seconds
== heading
name
name
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Names:
    """Names by heading, and rows of figures."""

    headings: dict[str, list[str]] = field(default_factory=dict)
    figures: list[list[str]] = field(default_factory=list)

    def by_name(self) -> dict[str, str]:
        """The heading of each name. ValueError for a name that stands there twice."""
        found: dict[str, str] = {}
        for heading, names in self.headings.items():
            for name in names:
                if name in found:
                    raise ValueError(f"{name} is listed twice: under {found[name]!r} and {heading!r}")
                found[name] = heading
        return found


def read_names(path: Path) -> Names:
    """What the file holds; ValueError, with the line's number, for a name without a heading."""
    found = Names()
    names: list[str] | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match line.strip():
            case "":
                pass
            case comment if comment.startswith("#"):
                pass
            case heading if heading.startswith("== "):
                names = found.headings.setdefault(heading[3:], [])
            case figures if figures.startswith("= "):
                found.figures.append(figures.split()[1:])
            case name if names is not None:
                names.append(name)
            case name:
                raise ValueError(f"{path}:{number}: {name!r} stands under no heading")
    return found


def write_names(path: Path, comment: str, names: Names) -> None:
    """Write the file, everything sorted."""
    lines = [f"# {line}" for line in comment.splitlines()]
    lines += ["= " + " ".join(row) for row in sorted(names.figures)]
    for heading in sorted(names.headings):
        lines += ["", f"== {heading}", *sorted(names.headings[heading])]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
