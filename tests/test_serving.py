"""Where a command finds the database of an alias, and where ``runzeo`` listens, by settings and command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from django_zodb.errors import OperationalError
from django_zodb.serving import Endpoint, _address, location_of
from django_zodb.storage.failures import translated
from django_zodb.storage.open import explained, locate, open_storage
from django_zodb.storage.options import Options, check_options
from django_zodb.storage.tls import client_context, server_context

TWO = {"HOST": "db1, 127.0.0.1", "PORT": "49291,49292"}
ONE_PORT = {"HOST": "db1,db2", "PORT": 49291}


@pytest.mark.parametrize(
    ("settings", "options", "address"),
    [
        ({}, {}, ("127.0.0.1", 49275)),
        ({"HOST": "", "PORT": ""}, {"port": 0}, ("127.0.0.1", 0)),
        ({"HOST": "db1", "PORT": "1"}, {}, ("db1", 1)),
        ({"HOST": "db1", "PORT": "1"}, {"host": "0.0.0.0"}, ("0.0.0.0", 1)),
        ({"HOST": "/run/zeo"}, {}, "/run/zeo"),
        ({"HOST": "/run/zeo"}, {"port": 1}, "/run/zeo"),
        ({}, {"host": "/run/zeo"}, "/run/zeo"),
        (TWO, {"host": "127.0.0.1"}, ("127.0.0.1", 49292)),
        (TWO, {"port": 49291}, ("db1", 49291)),
        (TWO, {"host": "0.0.0.0", "port": 49291}, ("0.0.0.0", 49291)),
        (TWO, {"socket": "/run/zeo"}, "/run/zeo"),
        (ONE_PORT, {"host": "0.0.0.0"}, ("0.0.0.0", 49291)),
    ],
)
def test_where_runzeo_listens(settings: dict[str, Any], options: dict[str, Any], address: object) -> None:
    assert _address(settings, Endpoint(**options)) == address


@pytest.mark.parametrize(
    ("settings", "options"), [(TWO, {}), (TWO, {"host": "0.0.0.0"}), (ONE_PORT, {}), (ONE_PORT, {"port": 49291})]
)
def test_which_of_several_servers_this_is_must_be_said(settings: dict[str, Any], options: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match=r"several servers \(db1:49291, .*\): say by --host and --port which"):
        _address(settings, Endpoint(**options))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"NAME": "zeo://127.0.0.1:abc"}, "NAME is not understood: Port could not be cast .*'zeo://127.0.0.1:abc'"),
        ({"NAME": "zeo://127.0.0.1:99999"}, "NAME is not understood: Port out of range"),
        ({"NAME": "zeo://[::1"}, "NAME is not understood: Invalid IPv6 URL"),
        ({"NAME": "Data\0.fs"}, "NAME is not understood: .*embedded null"),
        ({"NAME": 5}, "no name: .* and not 5"),
        ({"NAME": b"Data.fs"}, "no name: .* and not b'Data.fs'"),
        ({"NAME": None}, "no name: .* and not None"),
        ({"NAME": "", "PORT": "abc"}, "PORT must be a number from 1 to 65535, got 'abc'"),
        ({"NAME": "", "HOST": ["db1", "db2"]}, r"HOST must be a text.*got \['db1', 'db2'\]"),
        ({"NAME": ":memory:"}, ":memory: lives in the memory of one process"),
        ({"NAME": "Data.fs", "OPTIONS": ["read_only"]}, r"OPTIONS must be a dictionary, got \['read_only'\]"),
        ({"NAME": "Data.fs", "OPTIONS": None}, "OPTIONS must be a dictionary, got None"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(OperationalError, match=said):
        location_of(settings)


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [("pool_size", 0, 1), ("cache_size", -1, 0), ("timeout", float("nan"), 0), ("timeout", float("inf"), 0)],
)
def test_numbers_that_are_no_limits(name: str, value: float, least: int) -> None:
    with pytest.raises(OperationalError, match=f"option {name} must be {least} at least, got {value}"):
        check_options({name: value})


def test_paths_may_be_objects(tmp_path: Path) -> None:
    assert locate(tmp_path / "Data.fs") == locate(str(tmp_path / "Data.fs"))


# --- what cannot be read or made is named -----------------------------------------------------------------------------


def test_folders_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, said in ((tmp_path / "file", "File exists"), (tmp_path / "file" / "blobs", "Not a directory")):
        with pytest.raises(OperationalError, match=f"cannot create the folder {folder}: {said}"):
            open_storage(locate(tmp_path / "Data.fs"), Options(blob_dir=str(folder)))
    said = r"cannot open Data.fs: Permission denied \(Data.fs.lock\)"
    with pytest.raises(OperationalError, match=said), explained("Data.fs"):
        raise PermissionError(13, "Permission denied", "Data.fs.lock")


def test_tls_files_that_cannot_be_used(tmp_path: Path) -> None:
    missing, nonsense = tmp_path / "missing.pem", tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    for context in (server_context, client_context):
        with pytest.raises(OperationalError, match=f"cannot read the TLS file {missing}: No such file"):
            context(str(nonsense), str(missing), None)
        with pytest.raises(OperationalError, match=rf"cannot use the TLS files \({nonsense} and {nonsense}\): "):
            context(str(nonsense), str(nonsense), None)
    with pytest.raises(OperationalError, match=rf"cannot use the TLS files \({nonsense}\): "):
        client_context(None, None, str(nonsense))


def test_a_failing_system_says_where() -> None:
    assert str(translated(OSError(28, "full", "/x"), "/y")) == (
        "the disk is full (No space left on device, /x): free some space, then try again"
    )
    assert str(translated(OSError(5, "bad"), "/y")) == "the storage cannot be read or written: Input/output error, /y"
    assert str(translated(OSError(5, "bad"))) == "the storage cannot be read or written: Input/output error"
