"""The faults: each replaces a piece of one file of the package, which is there once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """``old`` becomes ``new`` in ``file``."""

    name: str
    file: str
    old: str
    new: str


FAULTS = (
    # --- NULL, comparisons, conditions
    Fault(
        "NOT IN forgets that a NULL among the values makes it unknown",
        "sql/emit.py",
        'tests.append(f"(None not in {items})")',
        "pass",
    ),
    Fault(
        "NOT IN (subquery) forgets the NULL among its rows",
        "sql/emit.py",
        """*([f"(None not in {rows})"] if expr.nullable else [])""",
        "",
    ),
    Fault(
        "two NULLs are equal",
        "sql/emit.py",
        'if op == "=" and not (is_nullable(left) and is_nullable(right)) and',
        'if op == "=" and',
    ),
    Fault(
        "IS NOT DISTINCT FROM is the opposite",
        "sql/emit.py",
        'operator = "==" if negated is truth else "!="',
        'operator = "!=" if negated is truth else "=="',
    ),
    Fault(
        "the opposite of < is >",
        "sql/optimize/simplify.py",
        '"<": ">=", ">=": "<", ">": "<=", "<=": ">"}',
        '"<": ">", ">=": "<", ">": "<=", "<=": ">"}',
    ),
    Fault(
        "a comparison of constants is folded with < for <=",
        "sql/optimize/simplify.py",
        '"<=": left <= right',
        '"<=": left < right',
    ),
    Fault(
        "a branch of CASE that is always taken hides those before it",
        "sql/optimize/simplify.py",
        "return replace(expr, whens=tuple(whens), otherwise=value) if whens else value",
        "return value",
    ),
    Fault(
        "a branch of CASE is taken where its condition is NULL",
        "sql/emit.py",
        'parts.append(f"{emit(value)} if {first if at == 0 else self.is_true(condition)}")',
        'parts.append(f"{emit(value)} if not {self.is_false(condition)}")',
    ),
    Fault(
        "LIKE takes _ for any text",
        "sql/patterns.py",
        're.escape(part) if isinstance(part, str) else "."',
        're.escape(part) if isinstance(part, str) else ".*"',
    ),
    Fault(
        "LIKE drops its escape character's meaning",
        "sql/patterns.py",
        "if escape and character == escape:",
        "if escape and character == escape and parts:",
    ),
    # --- indexes and access paths
    Fault(
        "an open upper bound is taken as closed",
        "storage/keys.py",
        "high_open and high is not None,\n            )",
        "False,\n            )",
    ),
    Fault(
        "an open lower bound of a longer key is taken as closed",
        "storage/keys.py",
        "*((GREATEST,) if low_open else ())",
        "",
    ),
    Fault(
        "a closed upper bound of a longer key is taken as open",
        "storage/keys.py",
        "*(() if high_open else (GREATEST,))",
        "",
    ),
    Fault(
        "a descending key swaps no bounds",
        "storage/keys.py",
        "low, high, low_open, high_open = high, low, high_open, low_open",
        "pass",
    ),
    Fault(
        "a range of an index without a lower bound finds NULLs",
        "storage/keys.py",
        "unbounded = None if nulls or not self.components[0].nullable else LEAST",
        "unbounded = None",
    ),
    Fault(
        "a partial index serves every query",
        "sql/optimize/access.py",
        "if not _implied(scan, where, terms):",
        "if False:",
    ),
    Fault(
        "a union of indexes drops what its paths left to be tested",
        "sql/optimize/access.py",
        "exact = [term] if not any(path.residual for path in found) else []",
        "exact = [term]",
    ),
    Fault(
        "MIN takes the NULLs at the beginning of an index",
        "sql/optimize/min_max.py",
        "Limit(replace(path.node, nulls=False), _ONE)",
        "Limit(replace(path.node, nulls=True), _ONE)",
    ),
    Fault(
        "a walk of an index in the other direction keeps its direction",
        "sql/optimize/access.py",
        "replace(path, node=replace(node, reverse=not node.reverse), order=order)",
        "replace(path, order=order)",
    ),
    # --- joins and subqueries
    Fault(
        "every LEFT JOIN is an inner one",
        "sql/optimize/reduce_joins.py",
        'if node.kind == "left" and _refused(bound_aliases(node.right), above):',
        'if node.kind == "left":',
    ),
    Fault(
        "a LEFT JOIN below IS NULL is an inner one",
        "sql/optimize/reduce_joins.py",
        "case IsNull(term=term, negated=True):\n            return _is_null(term, nulls)",
        "case IsNull(term=term):\n            return _is_null(term, nulls)",
    ),
    Fault(
        "a condition above an outer join moves into it",
        "sql/optimize/push_filters.py",
        'elif node.kind != "inner":',
        'elif node.kind not in ("inner", "left"):',
    ),
    Fault(
        "a hash join files NULLs, and finds them",
        "sql/compile/joins.py",
        "if is_nullable(key):\n            frame.where(f\"({frame.atom(key, 'key')} is not None)\")\n        texts",
        "texts",
    ),
    Fault(
        "a full join forgets the right rows without a pair",
        "sql/compile/joins.py",
        "enumerate({right.iterable}) if {at} not in {matched}]",
        "enumerate({right.iterable}) if {at} not in {matched} and False]",
    ),
    Fault(
        "a nested loop of an outer join drops the rest of its condition",
        "sql/compile/joins.py",
        "frame.where(frame.is_true(condition))\n    return _iterable(frame, steps, tuple_of(right.names), kind)",
        "pass\n    return _iterable(frame, steps, tuple_of(right.names), kind)",
    ),
    Fault(
        "NOT EXISTS becomes a semi join",
        "sql/optimize/decorrelate.py",
        'return "anti" if negated else "semi", right, conjunction(on)',
        'return "semi", right, conjunction(on)',
    ),
    Fault(
        "NOT IN of nullable values becomes an anti join",
        "sql/optimize/decorrelate.py",
        "if negated and any(is_nullable(side) and not _is_tested(side, below) for side in (*terms, *values)):",
        "if False:",
    ),
    Fault(
        "a look into keys made once takes NULL for a key",
        "sql/optimize/decorrelate_tests.py",
        "known = [IsNull(key, negated=True) for _, key in pairs if is_nullable(key)]",
        "known = []",
    ),
    Fault(
        "NOT EXISTS beside OR is EXISTS",
        "sql/optimize/decorrelate_tests.py",
        "return Not(found) if part.negated else found",
        "return found",
    ),
    Fault(
        "keys made after many rows are those that do not exist",
        "sql/runtime.py",
        "return key in keys()",
        "return key not in keys()",
    ),
    Fault(
        "a left join is an anti join where a column that may be NULL is NULL",
        "sql/optimize/anti_joins.py",
        "or not table.column(column.name).nullable",
        "or True",
    ),
    Fault(
        "the keys of a semi join lead as often as they are there",
        "sql/optimize/semi_joins.py",
        "lead = keys if has_key(inner.node, [value for _, value in pairs]) else Distinct(keys)",
        "lead = keys",
    ),
    # --- groups, sorting, limits
    Fault(
        "DISTINCT of several columns is dropped",
        "sql/compile/order.py",
        "value = open_row(frame, node.source)\n    inexact",
        "value = open_row(frame, node.source)\n    return\n    inexact",
    ),
    Fault(
        "UNION keeps duplicates",
        "sql/compile/order.py",
        'rows = f"dict.fromkeys(chain({left}, {right}))"',
        'rows = f"chain({left}, {right})"',
    ),
    Fault(
        "NULLS FIRST and NULLS LAST are exchanged when descending",
        "sql/compile/order.py",
        '"LEAST" if key.nulls_first is not key.descending else "GREATEST"',
        '"LEAST" if key.nulls_first else "GREATEST"',
    ),
    Fault("TopN keeps one row too few", "sql/runtime.py", "del kept[count:]", "del kept[max(count - 1, 1) :]"),
    Fault("TopN forgets the offset", "sql/compile/order.py", 'f"{first}[{offset}:]" if offset else first', "first"),
    Fault(
        "TopN ignores all but the first direction",
        "sql/runtime.py",
        "kept.sort(key=key, reverse=down)",
        "kept.sort(key=key, reverse=descending)",
    ),
    Fault(
        "COUNT of an outer join's rows counts those without a pair",
        "sql/optimize/aggregate_early.py",
        "Constant(0 if call.args else 1, BIGINT)",
        "Constant(1, BIGINT)",
    ),
    Fault(
        "aggregates go below a join that repeats rows",
        "sql/optimize/aggregate_early.py",
        "if any(split.lead.alias in used_aliases(expr) for expr in exprs):\n        return False",
        "",
    ),
    Fault(
        "COUNT(x) counts NULLs where it is alone",
        "sql/compile/aggregate.py",
        'tests += [f"({frame.value(arg)} is not None)" for arg in cell.call.args if is_nullable(arg)]',
        "pass",
    ),
    Fault(
        "the sum of no row is zero",
        "sql/functions/aggregates.py",
        "def _sum(values: Sequence[Any]) -> Any:\n    if not values:\n        return None",
        "def _sum(values: Sequence[Any]) -> Any:\n    if not values:\n        return 0",
    ),
    Fault(
        "a condition over an aggregate moves below it",
        "sql/optimize/push_filters.py",
        "movable = node.alias in used_aliases(term) and is_stable(term) and not holds_subquery(term)",
        "movable = True",
    ),
    Fault(
        "LIMIT stops an outer sort's source early",
        "sql/optimize/top_n.py",
        "return TopN(source, keys, limit, offset)",
        "return TopN(source, keys[:1], limit, offset)",
    ),
    # --- windows
    Fault(
        "a frame of rows ends one row early",
        "sql/functions/frames.py",
        "_moved(last + 1, size)",
        "_moved(last, size)",
    ),
    Fault(
        "EXCLUDE TIES excludes the current row, too",
        "sql/functions/frames.py",
        'itself = [_cut(ranges, each, range(1, peers.size + 1))] if exclude == "ties" else []',
        "itself = []",
    ),
    Fault(
        "partitions are not cut",
        "sql/compile/window.py",
        'frame.finish(f"{parts}[{clean(key)}].append({clean(item)})")',
        'frame.finish(f"{parts}[0].append({clean(item)})")',
    ),
    Fault(
        "a running aggregate does not see the rows that are equal in the order",
        "sql/functions/frames.py",
        "return [values[starts[group + 1] - 1] for group in self.groups]",
        "return values",
    ),
    Fault(
        "a running sum is that of all before there is a value",
        "sql/functions/windowed.py",
        "found[number - 1] if number else empty",
        "found[number - 1]",
    ),
    Fault(
        "a frame that begins where the last one ended is joined with what came before",
        "sql/functions/parts.py",
        "if start >= middle:",
        "if start > middle:",
    ),
    Fault(
        "a frame of decimals has the places of those that have left it",
        "sql/functions/sums.py",
        "return Parts(_exact(values), EXACT.add)",
        "return Sums(_exact(values), None, EXACT.add, EXACT.subtract)",
    ),
    # --- storage: writes, constraints, undoing
    Fault(
        "a changed row keeps its old index entries",
        "storage/table.py",
        "if old is not ABSENT:\n                self._trees[at].discard(old, rowid)",
        "pass",
    ),
    Fault(
        "who deletes most rows deletes all",
        "storage/table.py",
        "len(rowids) == self.count() == len(self.tree)",
        "len(rowids) * 2 > self.count()",
    ),
    Fault(
        "a deleted row keeps its index entries",
        "storage/index.py",
        "self.tree.discard_many(key, set(rowids(group)))",
        "pass",
    ),
    Fault(
        "many changed rows are not entered under their new keys",
        "storage/index.py",
        "self.add_many(news, moved)\n            return",
        "return",
    ),
    Fault(
        "a unique index is not checked in bulk",
        "storage/index.py",
        "if not all(map(self.exempt, several)):",
        "if False:",
    ),
    Fault(
        "NULLs clash in a unique index",
        "storage/index.py",
        "return self.schema.nulls_distinct and self.encoding.has_null(key)",
        "return False",
    ),
    Fault(
        "a primary key given twice replaces the row",
        "storage/table.py",
        "if not self._draws(given, rowid):\n                raise self._duplicate_rowid()\n            target, row",
        "if not self._draws(given, rowid):\n                break\n            target, row",
    ),
    Fault(
        "a foreign key to no row is no error",
        "storage/constraints.py",
        "if not finder.found(values):\n                raise IntegrityError(",
        "if False:\n                raise IntegrityError(",
    ),
    Fault(
        "a row that is referred to may go",
        "storage/constraints.py",
        "if finder.found(values):\n                raise still_referenced(reference, values)",
        "pass",
    ),
    Fault(
        "undoing an update leaves the index as it was",
        "storage/table.py",
        "if key is not ABSENT and not tree.insert(key, rowid):\n                tree.grow(key, rowid)",
        "pass",
    ),
    Fault(
        "undoing forgets the number of rows",
        "storage/journal.py",
        "self.deltas[name] += (new is None) - (old is None)",
        "pass",
    ),
    Fault(
        "ROLLBACK TO keeps one change too many",
        "storage/journal.py",
        "while len(entries) > mark:",
        "while len(entries) > mark + 1:",
    ),
    Fault(
        "an upsert updates where its condition does not hold",
        "sql/compile/write.py",
        "frame.where(frame.is_true(conflict.condition))\n        changed",
        "pass\n        changed",
    ),
    Fault(
        "a program outlives a change of its tables",
        "sql/prepare.py",
        "if (None if found is None else found.token) != known:",
        "if False:",
    ),
    # --- storage: large tables
    Fault(
        "the rest of a long walk is looked for from its last row on, once more",
        "storage/sought.py",
        "if at > last and (end is None",
        "if at >= last and (end is None",
    ),
    Fault(
        "rows that a search has found come in the opposite order where their keys are equal",
        "storage/walks.py",
        "keyed.sort(key=itemgetter(1), reverse=ties_backwards)",
        "keyed.sort(key=itemgetter(1), reverse=not ties_backwards)",
    ),
    Fault(
        "a search forgets how the walk is bounded",
        "storage/sought.py",
        "if at < last and (end is None or at >= end)",
        "if at < last",
    ),
    Fault(
        "columns that are kept are asked for rows that are not there",
        "storage/fetch.py",
        "[rowid - first for rowid in rowids if first <= rowid <= known[-1]]",
        "[rowid - first for rowid in rowids]",
    ),
    Fault(
        "a left join that looks ahead drops what has no row",
        "sql/compile/ahead.py",
        'if node.kind == "left":\n        frame.set(row,',
        "if False:\n        frame.set(row,",
    ),
    Fault(
        "a search leaves out the limit of a subquery",
        "sql/search.py",
        "if any(issubclass(each, Node) and each not in _CERTAIN for each in classes):",
        "if False:",
    ),
    # --- what an index finds in any order
    Fault(
        "of a walk for what an index finds, rows with the value of an open bound are handed out",
        "sql/compile/loose.py",
        '(high, node.high, "<" if node.high_open else "<="),',
        '(high, node.high, "<="),',
    ),
    Fault(
        "of a walk for what an index finds, all rows are handed out that the sieve lets pass",
        "storage/walks.py",
        "return rowids, those(self._sieved_by(sieve, other, columns))",
        "return rowids, self._sieved_by(sieve, other, columns)",
    ),
    Fault(
        "in a walk for what an index finds, the columns that tell it are not looked at",
        "storage/walks.py",
        "columns = {*columns, *(base_of(place) for _, place in sieve.keys)}",
        "pass",
    ),
    Fault(
        "a LIMIT takes the first rows of a walk where it takes others along the index",
        "sql/optimize/use_indexes.py",
        "limit, ordered = wanted(node), True",
        "limit, ordered = wanted(node), False",
    ),
    Fault(
        "of groups made early, the rows are not filtered that they are joined to",
        "sql/optimize/aggregate_early.py",
        "Join(filtered(split.lead, split.terms), early,",
        "Join(split.lead, early,",
    ),
    # --- storage: what is kept of rows
    Fault(
        "what is made of a column is taken for anything else that is made of it",
        "storage/derived.py",
        "self.name = name",
        'self.name = ""',
    ),
    Fault(
        "among kept values, those equal to a bound are not within it",
        "storage/sieves.py",
        "is not None and not value < low]",
        "is not None and not value <= low]",
    ),
    Fault(
        "among kept values, those above a bound are within it",
        "storage/sieves.py",
        "return found if high is None else _not_above(values, found, high, high_open)",
        "return found",
    ),
    Fault(
        "kept columns outlive a change of their rows",
        "storage/columns.py",
        "if block is not None:\n                    self._drop(block)",
        "if block is None:\n                    self._drop(block)",
    ),
    Fault(
        "of a leaf, the row before the one that passes is read",
        "storage/sifted_scan.py",
        "append(at - ends[leaf] + kept[0][leaf])",
        "append(max(at - ends[leaf] + kept[0][leaf] - 1, 0))",
    ),
    Fault(
        "a leaf that is loaded forgets the next one",
        "storage/recordwriter.py",
        "return record[start:end], record[end + len(_REFERENCE) : end + _REFERENCE_SIZE]",
        "return record[start:end], None",
    ),
    Fault(
        "a name stands for a column of a document whatever its path",
        "sql/compile/derived.py",
        "name = repr(expr)",
        'name = repr(expr).split("(")[0]',
    ),
    # --- storage: other transactions
    Fault(
        "a replay loses the rows that were inserted",
        "storage/catalog.py",
        "if new is not None:\n                        table.reapply(rowid, old, new)",
        "if new is not None and old is not None:\n                        table.reapply(rowid, old, new)",
    ),
    Fault(
        "a replay does not look at the row it changes",
        "storage/table.py",
        "if current != old:\n            if old is None:",
        "if current is None and old is not None:\n            if old is None:",
    ),
)
