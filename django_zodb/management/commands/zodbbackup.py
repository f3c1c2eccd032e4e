"""``manage.py zodbbackup``: copy what is new since the last backup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections

from django_zodb.storage.backup import back_up
from django_zodb.storage.chains import chains, verify
from django_zodb.upkeep import Bar, UpkeepCommand, data_file, size


class Command(UpkeepCommand):
    """Backs an alias's data file up into a folder, which ``zodbrestore`` and ZODB's repozo read. The site may run."""

    help = "Copies what the data file has gained since the last backup into a folder, and verifies the copy."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to, and how."""
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, help="the folder of the backups; made if there is none")
        parser.add_argument("--full", action="store_true", help="copy everything, not only what is new")
        parser.add_argument("--no-compress", action="store_true", help="do not compress")
        parser.add_argument("--verify", action="store_true", help="copy nothing, but read and check all backups")

    def work(self, alias: str, options: dict[str, Any], bar: Bar) -> None:
        """Copy or verify."""
        folder = options["folder"]
        if options["verify"]:
            pieces = [piece for chain in chains(folder) for piece in chain]
            if not pieces:
                raise CommandError(f"there is no backup in {folder}", returncode=2)
            for each in pieces:
                verify(each, bar)
            total = sum(each.end - each.start for each in pieces)
            self.answer(options, {"files": len(pieces), "bytes": total}, f"{len(pieces)} files, {size(total)}: sound")
            return
        warn = self.stderr.write
        piece = back_up(data_file(alias), folder, bar, options["full"], not options["no_compress"], warn)
        if piece is None:
            self.answer(options, {"file": None}, "Nothing new since the last backup")
        else:
            kind = "increment" if piece.start else "full backup"
            copied = {"file": piece.path, "kind": kind, "start": piece.start, "end": piece.end}
            self.answer(options, copied, f"{piece.path}: {kind}, {size(piece.end - piece.start)}, verified")
        blobs = connections[alias].settings_dict["OPTIONS"].get("blob_dir")
        if blobs:
            self.stderr.write(f"Copy the blobs, too, after this: {blobs}. They are files that never change.")
