"""How commands print, to people, pipes and disks."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Protocol

from django.core.management.base import CommandError


class Output(Protocol):
    """A command's stdout."""

    @property
    def encoding(self) -> str | None:
        """The name of that in which it writes, if it writes bytes."""
        ...

    def write(self, message: str, /) -> object:
        """Print the message and end the line."""
        ...

    def flush(self) -> object:
        """Show what was printed."""
        ...

    def fileno(self) -> int:
        """The descriptor of its file."""
        ...


def told(output: Output, lines: Iterable[str]) -> None:
    """Print the lines, to the end or as far as anybody reads, as in ``dumpzodb | head``.

    CommandError if they cannot be written. It is this that an OSError means: whoever makes the lines raises others.
    """
    try:
        for line in lines:
            output.write(line)
        output.flush()
    except BrokenPipeError:
        _silence(output)
    except UnicodeEncodeError as error:
        encoding = output.encoding  # many of them are "charmap" to the error
        raise CommandError(
            f"the output is in {encoding}, which has no {error.object[error.start]!a}: "
            f"set PYTHONIOENCODING=utf-8, or PYTHONIOENCODING={encoding}:backslashreplace",
            returncode=2,
        ) from error
    except OSError as error:
        _silence(output)
        raise CommandError(f"the output cannot be written: {error.strerror or error}", returncode=2) from error


def _silence(output: Output) -> None:
    """Let the rest go nowhere: Python would try again when it ends, and say that this failed, too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, output.fileno())
    os.close(nowhere)
