"""The PEP 249 exceptions, the only ones that leave this package.

Exception
├── Warning
└── Error
    ├── InterfaceError            misuse of the driver: a closed cursor, a bad argument
    └── DatabaseError
        ├── DataError             a value does not fit: range, length, conversion
        ├── OperationalError      conflict, lock, disk, network; ``retryable`` says if trying again may help
        ├── IntegrityError        a constraint, named with table and column
        ├── InternalError         a bug in this package; carries the SQL
        ├── ProgrammingError      bad SQL, or a name that does not exist
        └── NotSupportedError     SQL that this engine does not speak, quoted and located
"""


class Warning(Exception):
    """Important warnings; PEP 249 asks for the class, nothing raises it yet."""


class Error(Exception):
    """Base of every error of this package. ``retryable`` is True when the same work may succeed if run again."""

    retryable = False


class InterfaceError(Error):
    """The driver was misused: closed cursor or connection, wrong number of parameters."""


class DatabaseError(Error):
    """Base of the errors that concern the database."""


class DataError(DatabaseError):
    """A value is out of range, too long, or not convertible to the column's type."""


class OperationalError(DatabaseError):
    """The database could not do it now: conflict, lock, full disk, lost server."""


class ConflictError(OperationalError):
    """Another transaction changed a row that this one wrote, locked or relied on. Run the transaction again."""

    retryable = True


class TransactionLostError(ConflictError):
    """The storage was opened anew during the transaction, of which nothing is left. Run it again."""


class LockTimeoutError(OperationalError):
    """Another transaction, perhaps of another process, kept the commit lock for too long. Run the transaction again."""

    retryable = True


class BeingPackedError(OperationalError):
    """Another process packs the file already."""


class DamagedError(OperationalError):
    """A record of the database is not what was stored: restore it from a backup."""


class OutcomeUnknownError(OperationalError):
    """The storage failed at the very moment of the commit: it may have been made durable, or not."""


class IntegrityError(DatabaseError):
    """A constraint would be violated. The message names table, columns and constraint."""


class InternalError(DatabaseError):
    """A bug of this package. The message carries the SQL that met it."""


class ProgrammingError(DatabaseError):
    """Bad SQL, or a table, column or function that does not exist."""


class NotSupportedError(DatabaseError):
    """Valid SQL that this engine does not speak. The message quotes and locates it."""
