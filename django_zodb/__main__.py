"""``python -m django_zodb template``: print the path of the project template, for ``startproject --template``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import __version__


def template_path() -> Path:
    """The folder to give to ``django-admin startproject --template``."""
    here = Path(__file__).resolve().parent
    installed = here / "project_template"
    return installed if installed.is_dir() else here.parent / "project_template"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m django_zodb", description=__doc__)
    parser.add_argument("--version", action="version", version=f"django-zodb {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("template", help="print the path of the project template")
    parser.parse_args(arguments)
    path = template_path()
    if not path.is_dir():
        parser.exit(1, f"{path} is missing: install the package again\n")
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
