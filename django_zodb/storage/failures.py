"""What ZODB, ZEO, ``transaction`` and the operating system raise → the errors of this package."""

from __future__ import annotations

import errno
import os
import sys
import tempfile

from transaction.interfaces import TransactionError
from ZEO.Exceptions import ClientDisconnected, ServerException
from ZODB.FileStorage.format import CorruptedError
from ZODB.POSException import ConflictError, POSError, POSKeyError, ReadOnlyError, StorageError

from .. import errors

#: Catch these around any work on a session, and raise ``translated(error)`` from them.
STORAGE_ERRORS: tuple[type[BaseException], ...] = (POSError, TransactionError, OSError, CorruptedError)


class ClosedError(StorageError):  # type: ignore[misc]
    """The file was closed while it was in use: it is opened anew for the next transaction."""


_OURS = {"django_zodb", "BTrees", "persistent", "sqlglot", "transaction", "ZEO", "ZODB", "zodbpickle", "zodburi"}
_OURS |= sys.stdlib_module_names
"""The packages whose exceptions this one may lead to, a storage that fails, or bytes that make no sense."""

_EXHAUSTED = (MemoryError, RecursionError)
_WHAT_TO_DO = "restore it from a backup; `manage.py zodbcheck` tells what else is broken"


def raised_by_others(error: BaseException) -> bool:
    """Whether somebody else has raised it in the middle of something: a signal handler, as for a time limit.

    Another package's storage raises errors of its own, which are ZODB's nevertheless.
    """
    if isinstance(error, (POSError, TransactionError)):
        return False
    package = type(error).__module__.partition(".")[0]
    is_of_system = not isinstance(error, TimeoutError) or error.errno is not None
    return package not in _OURS or not is_of_system


def is_no_damage(error: BaseException) -> bool:
    """Whether it says nothing about the bytes that were read: it came from outside, or memory or stack did not do."""
    return isinstance(error, _EXHAUSTED) or raised_by_others(error)


def is_interruption(error: BaseException) -> bool:
    """Whether it came from outside, at any point: nobody knows how far what was going on is done.

    A signal handler raises such (Ctrl-C, a task's time limit), or a scheduler of coroutines; Python itself does where
    memory or stack do not suffice.
    """
    return not isinstance(error, Exception) or is_no_damage(error)


def translated(error: BaseException, place: object = None) -> errors.Error:
    """The error of this package that says what ``error``, one of STORAGE_ERRORS, means for the user.

    ``place`` is what was read or written, for errors of the system that do not say it.
    """
    match error:
        case ConflictError():
            return errors.ConflictError("another transaction changed the same records meanwhile; run this one again")
        case ClosedError():
            return errors.TransactionLostError(
                "the data file was closed after a failure during this transaction, which is lost: run it again"
            )
        case ReadOnlyError():
            return errors.OperationalError("the database was opened read-only: nothing can be written")
        case CorruptedError():
            return errors.OperationalError(f"the data file is damaged ({error}): {_WHAT_TO_DO}")
        case POSKeyError():
            return errors.OperationalError(f"the database has lost a record ({error}): {_WHAT_TO_DO}")
        case ClientDisconnected():
            return errors.OperationalError(
                "the connection to the ZEO server is lost; work can go on as soon as it answers again"
            )
        case ServerException(args=(str(), (int(number), str(reason), *_))):  # an OSError there
            return errors.OperationalError(_os_message(OSError(number, reason), "on the server"))
        case OSError():
            return errors.OperationalError(_os_message(error, place))
        case _:
            return errors.OperationalError(f"the storage failed: {error or type(error).__name__}")


def _os_message(error: OSError, place: object) -> str:
    reason = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
    if where := error.filename or place:
        reason = f"{reason}, {where}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        other = None if where else tempfile.tempdir  # known as soon as there has been a temporary file
        there = f" there, or in {other}, where large transactions keep a part" if other else ""
        return f"the disk is full ({reason}): free some space{there}, then try again"
    return f"the storage cannot be read or written: {reason}"
