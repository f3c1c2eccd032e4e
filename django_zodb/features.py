"""What the engine can do, in Django's words. A flag is True only if the tests that it opens pass."""

from __future__ import annotations

from django.db import InterfaceError
from django.db.backends.base.features import BaseDatabaseFeatures
from django.utils.functional import cached_property

from .storage.locking import HAS_RANGE_LOCKS
from .storage.open import locate

BATCH_VALUES = 1_000
"""So many values Django puts into one statement of ``bulk_create``, ``bulk_update``, ``in_bulk`` and ``delete``. The
engine takes any number; but Django makes two objects for each value and keeps them until the statement is run, and the
more there are at a time, the longer Python's garbage collector looks at them. 10,000 rows of nine columns, by default
and in one statement: ``bulk_create`` 0.35 and 0.52 s, 5 and 22 MB; ``bulk_update`` of a column 2.3 and 5.3 s, 15 and
86 MB; ``in_bulk`` 0.7 and 0.6 s."""


class DatabaseFeatures(BaseDatabaseFeatures):
    """The flags that differ from Django's defaults, and those of newer Django versions than the oldest supported."""

    # Rows and statements
    allows_group_by_selected_pks = True
    supports_unspecified_pk = True
    can_return_columns_from_insert = True
    can_return_rows_from_bulk_insert = True
    can_return_rows_from_update = True
    supports_update_conflicts = True
    supports_update_conflicts_with_target = True
    insert_test_table_with_defaults = "INSERT INTO {} DEFAULT VALUES"
    max_query_params = BATCH_VALUES

    # Types, values and functions
    has_real_datatype = True
    has_native_boolean_field = True
    has_native_uuid_field = True
    has_native_duration_field = True
    supports_temporal_subtraction = True
    supports_unlimited_charfield = True
    supports_no_precision_decimalfield = True
    greatest_least_ignores_nulls = True
    supports_uuid4_function = True
    supports_uuid4_function_in_default = True
    supports_uuid7_function = True
    supports_uuid7_function_shift = True
    order_by_nulls_first = True
    test_collations = {"ci": "nocase", "cs": "binary", "non_default": "nocase", "virtual": "nocase"}

    # JSON, with PostgreSQL's operators
    has_native_json_field = True
    has_json_operators = True
    json_key_contains_list_matching_requires_list = True

    # Queries
    can_distinct_on_fields = True
    supports_aggregate_filter_clause = True
    supports_aggregate_order_by_clause = True
    supports_over_clause = True
    supports_frame_exclusion = True
    supports_frame_range_fixed_distance = True
    supports_any_value = True
    supports_slicing_ordering_in_compound = True
    supported_explain_formats = {"PYTHON", "TEXT"}

    # Transactions; see also has_select_for_update
    supports_transactions = True
    atomic_transactions = False  # a failed statement leaves no trace, and the transaction stays usable
    can_release_savepoints = True
    can_defer_constraint_checks = True
    closed_cursor_error_class = InterfaceError  # type: ignore[assignment]

    # Tables
    can_rollback_ddl = True
    schema_editor_uses_clientside_param_binding = True
    supports_combined_alters = True
    can_rename_index = True
    ignores_table_name_case = True
    supports_comments = True
    supports_covering_indexes = True
    supports_deferrable_unique_constraints = True
    supports_nulls_distinct_unique_constraints = True
    supports_stored_generated_columns = True
    supports_virtual_generated_columns = True

    # Test databases
    can_clone_databases = True

    @cached_property
    def has_select_for_update(self) -> bool:  # type: ignore[override]
        """Where one lock orders the commits of everybody, rows can be locked for everybody: in memory and in a file.

        In a file it takes locks of ranges that belong to an open file, which Linux alone has.
        """
        settings = self.connection.settings_dict
        location = locate(settings["NAME"], settings.get("HOST"), settings.get("PORT"))
        return location.ordered and (location.kind == "memory" or HAS_RANGE_LOCKS)

    has_select_for_update_nowait = property(lambda self: self.has_select_for_update)
    has_select_for_update_skip_locked = property(lambda self: self.has_select_for_update)
    has_select_for_update_of = property(lambda self: self.has_select_for_update)

    @cached_property
    def introspected_field_types(self) -> dict[str, str]:  # type: ignore[override]
        """Addresses are text, everything else comes back as what it was."""
        return {**super().introspected_field_types, "GenericIPAddressField": "CharField"}

    @cached_property
    def django_test_skips(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Tests of Django's own suite that no flag excludes, by reason."""
        return {
            "The shell runs in the same process: no program can be missing.": {
                "dbshell.tests.DbshellCommandTestCase.test_command_missing",
            },
            "ZODB gives the log level 5 a name.": {
                "test_runner.test_discover_runner.DiscoverRunnerTests.test_log_logger",
            },
            "It counts the second index that PostgreSQL needs for LIKE.": {
                "indexes.tests.SchemaIndexesTests.test_alter_field_unique_false_removes_deferred_sql",
            },
        }
