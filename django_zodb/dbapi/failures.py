"""What a statement raises while it runs → the errors of this package, the SQL with them."""

from __future__ import annotations

from ..errors import DatabaseError, DataError, Error, InternalError, OperationalError
from ..storage.failures import STORAGE_ERRORS, raised_by_others, translated

_SQL_SHOWN = 1000


def explained(error: BaseException, sql: str) -> Error | None:
    """The error to raise from ``error``; None if it should go on as it is: ours already, or an interruption.

    Anything unforeseen is a bug of this package: an InternalError.
    """
    match error:
        case Error():
            return None
        case _ if raised_by_others(error):
            return None
        case ZeroDivisionError():
            return _about(sql, DataError("division by zero"))
        case OverflowError() | ArithmeticError():
            return _about(sql, DataError(f"a result is out of range: {error}"))
        case RecursionError() | MemoryError():
            what = "is nested too deeply" if isinstance(error, RecursionError) else "needs more memory than there is"
            return OperationalError(f"the statement {what}: {_shortened(sql)}")
        case _ if isinstance(error, STORAGE_ERRORS):
            return translated(error)
        case Exception():
            return InternalError(f"{type(error).__name__}: {error}, while running {_shortened(sql)}")
        case _:
            return None


def _about(sql: str, error: DatabaseError) -> DatabaseError:
    error.add_note(f"while running: {_shortened(sql)}")
    return error


def _shortened(sql: str) -> str:
    return sql if len(sql) <= _SQL_SHOWN else sql[:_SQL_SHOWN] + " …"
