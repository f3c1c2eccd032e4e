"""dbshell, runzeo and dumpzodb as processes of a real site."""

from __future__ import annotations

import json
import pickle
import re
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from sites import Site, environment, free_port, make_site, read_until, stop

READY = r"Press Ctrl\+C to stop\."


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = make_site(tmp_path_factory.mktemp("commands") / "site")
    site.manage("migrate", "--verbosity", "0")
    site.manage("load_sample", "--superuser", "admin", "--password", "secret")
    return site


# --- dbshell -------------------------------------------------------------------------------------------------------


def test_dbshell_runs_code(site: Site) -> None:
    code = (
        "print(repr(root)); print(tables.library_genre is root['tables']['library_genre']); print(Book.objects.count())"
    )
    lines = site.manage("dbshell", "-c", code).splitlines()
    assert lines[0].startswith("<ZODB with tables: [")
    assert "'library_book'" in lines[0]
    assert lines[1:] == ["True", "18"]


def test_dbshell_prints_tables(site: Site) -> None:
    out = site.manage(
        "dbshell", "-c", "sql('SELECT title, year, excerpt FROM library_book WHERE year < %s ORDER BY year', [1800])"
    )
    assert out.splitlines() == [
        "title                          | year | excerpt",
        "-------------------------------+------+--------",
        "Don Quijote de la Mancha       | 1605 |",
        "Die Leiden des jungen Werthers | 1774 |",
        "(2 rows)",
    ]


def test_dbshell_takes_several_statements(site: Site) -> None:
    out = site.manage("dbshell", "-c", "sql(\"SELECT ';' AS a; -- and\\nSELECT 5 % 3 AS b;\")")
    assert [line.strip() for line in out.splitlines()] == ["a", "-", ";", "(1 row)", "b", "-", "2", "(1 row)"]


def test_dbshell_keeps_only_what_is_committed(site: Site) -> None:
    assert "not committed are dropped" in site.run("dbshell", "-c", "Genre.objects.create(name='Lost')").stderr
    site.manage("dbshell", "-c", "Genre.objects.create(name='Kept'); commit(); Genre.objects.create(name='Lost too')")
    count = "print(Genre.objects.filter(name__contains='Lost').count(), Genre.objects.filter(name='Kept').count())"
    assert site.manage("dbshell", "-c", count) == "0 1\n"
    site.manage("dbshell", "-c", "sql(\"DELETE FROM library_genre WHERE name = 'Kept'\"); abort()")
    assert site.manage("dbshell", "-c", count) == "0 1\n"
    assert "1 rows changed" in site.manage(
        "dbshell", "-c", "sql(\"DELETE FROM library_genre WHERE name = 'Kept'\"); commit()"
    )


def test_dbshell_reads_a_pipe(site: Site) -> None:
    script = "for person in Person.objects.filter(name__startswith='J'):\n    print(person)\n"
    people = ["Jane Austen", "Johann Wolfgang von Goethe", "John Tenniel", "Jules Verne"]
    assert site.manage("dbshell", stdin=script).splitlines() == people


def test_dbshell_fails_as_its_code_does(site: Site) -> None:
    done = site.run("dbshell", "--database", "default", "-c", "1 / 0")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_the_catalog_answers_by_hand(site: Site) -> None:
    code = (
        "name = next(n for n in catalog if 'shelf_mark' in n); print(len(catalog[name].apply(('AUS-001', 'AUS-002'))))"
    )
    assert site.manage("dbshell", "-c", code) == "2\n"


# --- dumpzodb ------------------------------------------------------------------------------------------------------


def test_dumpzodb_prints_the_tree(site: Site) -> None:
    lines = site.manage("dumpzodb").splitlines()
    assert lines[0] == "/data: PersistentMapping oid 0x0"
    assert any(line.startswith("/data/tables/library_book: RowTree oid 0x") for line in lines)
    assert any(line.startswith("/data/catalog: IndexCatalog oid 0x") for line in lines)
    permission = next(line for line in lines if line.startswith("/data/tables/auth_permission/1: "))
    assert re.fullmatch(r".*/1: \(1, 'Can add \w+', \d+, 'add_\w+'\)", permission)
    assert sum(line.startswith("/data/tables/library_book/") for line in lines) == 18


def test_dumpzodb_of_one_table(site: Site) -> None:
    lines = site.manage("dumpzodb", "--table", "library_person", "--limit", "3").splitlines()
    assert len(lines) == 4
    assert lines[1] == "/data/tables/library_person/1: (1, 'Jane Austen', 1775-12-16, 1817-07-18, '')"
    done = site.run("dumpzodb", "--table", "nonsense")
    assert done.returncode == 1
    assert "no table 'nonsense'; the tables are: auth_group, " in done.stderr


def test_dumpzodb_prints_json_lines(site: Site) -> None:
    nodes = [json.loads(line) for line in site.manage("dumpzodb", "--format", "jsonl").splitlines()]
    assert nodes[0] == {"path": "/data", "type": "PersistentMapping", "oid": 0}
    person = next(node for node in nodes if node["path"] == "/data/tables/library_person/1")
    assert person["value"] == [1, "Jane Austen", "1775-12-16", "1817-07-18", ""]
    book = next(node for node in nodes if node["path"] == "/data/tables/library_book/1")
    assert "9.95" in book["value"]


def test_everything_beside_a_running_site(site: Site) -> None:
    with site.served(reloader=True) as (url, _):
        assert "Jane Austen" in site.manage("dumpzodb", "--table", "library_person")
        assert "No migrations to apply" in site.manage("migrate")
        site.manage("shell", "-c", "from library.models import Genre; Genre.objects.create(name='By shell')")
        site.manage("dbshell", "-c", "Genre.objects.create(name='By dbshell'); commit()")
        shown = site.manage("shell", "-c", "from library.models import Genre; print(Genre.objects.all())")
        with urlopen(f"{url}/api/genres/?format=json&page_size=100") as answer:
            served = answer.read().decode()
        for name in ("By shell", "By dbshell"):
            assert name in shown
            assert name in served
    site.manage(
        "shell", "-c", "from library.models import Genre; Genre.objects.filter(name__startswith='By ').delete()"
    )


@pytest.mark.parametrize("name", ["dumpzodb", "zodbcheck"])
def test_a_command_stops_with_its_reader(site: Site, name: str) -> None:
    command, pipe = site.command(name), subprocess.PIPE
    with subprocess.Popen(command, cwd=site.folder, env=environment(), stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no /dev/full")
@pytest.mark.parametrize("arguments", [("dumpzodb",), ("zodbcheck",), ("zodbstats",), ("runzeo", "--port", "0")])
def test_a_command_that_cannot_print(site: Site, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            site.command(*arguments),
            cwd=site.folder,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr == "CommandError: the output cannot be written: No space left on device\n"
    assert done.returncode == 2


def test_dumpzodb_says_what_a_terminal_cannot_show(site: Site) -> None:
    for encoding in ("ascii", "koi8-r"):  # of which Python's error says "charmap"
        done = site.run("dumpzodb", "--table", "library_person", PYTHONIOENCODING=encoding)
        assert done.stderr == (
            f"CommandError: the output is in {encoding}, which has no '\\xeb': set PYTHONIOENCODING=utf-8, or "
            f"PYTHONIOENCODING={encoding}:backslashreplace\n"
        )
        assert done.returncode == 2
    escaped = site.manage("dumpzodb", "--table", "library_person", PYTHONIOENCODING="ascii:backslashreplace")
    assert "Charlotte Bront\\xeb" in escaped


def test_dumpzodb_refuses_what_it_cannot_read(site: Site, tmp_path: Path) -> None:
    other = make_site(tmp_path / "other")
    done = other.run("dumpzodb")
    assert done.returncode == 1
    assert "there is no file" in done.stderr
    assert not other.file.exists()
    other.file.write_bytes(b"SQLite format 3\0" + b"\0" * 100)
    assert "a SQLite database" in other.run("dumpzodb").stderr
    other.add_settings("DATABASES['default']['NAME'] = ':memory:'")
    assert "set NAME to a file or a URI" in other.run("dumpzodb").stderr


# --- runzeo --------------------------------------------------------------------------------------------------------


def client_of(site: Site, folder: Path, host: str, port: int | str) -> Site:
    """A second site whose database is the first one's server."""
    other = make_site(folder)
    other.add_settings(f"DATABASES['default'] |= {{'HOST': {host!r}, 'PORT': {port!r}}}")
    return other


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_runzeo_serves_and_stops(site: Site, tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    client = client_of(site, tmp_path / "client", "127.0.0.1", port)
    process = site.start("runzeo", "--port", str(port))
    try:
        printed = read_until(process, READY)
        assert (
            f"Starting ZEO server on 127.0.0.1:{port}...\nZEO server is running... Press Ctrl+C to stop.\n" == printed
        )
        name = f"By ZEO {number.name}"
        client.manage("dbshell", "-c", f"Genre.objects.create(name={name!r}); commit()")
        assert client.manage("dbshell", "-c", f"print(Genre.objects.get(name={name!r}))") == f"{name}\n"
        assert "18 books already" in client.manage("load_sample")
        assert name in client.manage("dumpzodb", "--table", "library_genre")
        assert not client.file.exists()
    finally:
        rest = stop(process, number)
    assert process.returncode == 0
    assert rest == "ZEO server stopped.\n"
    assert Path(f"{site.file}.index").stat().st_mtime >= site.file.stat().st_mtime - 1
    assert site.manage("dbshell", "-c", f"print(Genre.objects.filter(name={name!r}).count())") == "1\n"


def test_runzeo_on_a_socket(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "zeo"
    client = client_of(site, tmp_path / "client", str(path), "")
    process = site.start("runzeo", "--socket", str(path))
    try:
        assert f"Starting ZEO server on {path}...\n" in read_until(process, READY)
        assert path.stat().st_mode & 0o777 == 0o600
        assert client.manage("dbshell", "-c", "print(Book.objects.count())") == "18\n"
    finally:
        stop(process)
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "give --certificate, --key and --ca"),
        (["--host", "::"], "give --certificate, --key and --ca"),
        (["--port", "70000"], "--port must be a number from 0 to 65535"),
        (["--socket", "x", "--port", "1"], "--socket does not go with"),
        (["--key", "x"], "need --certificate"),
        (["--certificate", "missing.pem"], "cannot read the TLS file missing.pem: No such file or directory"),
        (["--certificate", "manage.py"], "cannot use the TLS files (manage.py): "),
        (["--socket", "/nowhere/zeo"], "cannot listen on /nowhere/zeo: No such file or directory"),
    ],
)
def test_runzeo_refuses(site: Site, arguments: list[str], message: str) -> None:
    done = site.run("runzeo", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_runzeo_says_that_a_port_is_taken(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = site.run("runzeo", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_runzeo_never_runs_what_a_client_sends(site: Site, tmp_path: Path) -> None:
    port, proof = free_port(), tmp_path / "proof"
    process = site.start("runzeo", "--port", str(port))
    try:
        read_until(process, READY)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
            peer.sendall(message(b"Z5"))
            peer.sendall(message(pickle.dumps((1, False, "get_info", (Exploit(str(proof)),)), protocol=2)))
            peer.settimeout(10)
            while peer.recv(4096):  # the greeting, then the end: the server hangs up
                pass
        time.sleep(0.2)
        assert not proof.exists()
        assert process.poll() is None
    finally:
        stop(process)


def message(text: bytes) -> bytes:
    """The text as ZEO frames it."""
    return struct.pack(">I", len(text)) + text


class Exploit:
    """Creates a file where it is unpickled with builtins at hand."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return eval, (f"open({self.path!r}, 'w')",)


def test_runzeo_with_tls(site: Site, tmp_path: Path) -> None:
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem"
    command = [*request.split(), "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    port, cert, key = free_port(), str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    client = client_of(site, tmp_path / "client", "localhost", port)
    options = {"tls_ca": cert, "tls_certificate": cert, "tls_key": key}
    client.add_settings(f"DATABASES['default']['OPTIONS'] = {options!r}")
    plain = client_of(site, tmp_path / "plain", "localhost", port)
    plain.add_settings("DATABASES['default']['OPTIONS'] = {'timeout': 2}")
    process = site.start("runzeo", "--port", str(port), "--certificate", cert, "--key", key, "--ca", cert)
    try:
        read_until(process, READY)
        assert client.manage("dbshell", "-c", "print(Book.objects.count())") == "18\n"
        done = plain.run("dbshell", "-c", "print(Book.objects.count())")
        assert done.returncode == 1
        assert "does not answer as a ZEO server" in done.stderr
    finally:
        stop(process)
