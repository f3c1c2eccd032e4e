"""Text of the values of an IN list, computed once where they are known before the first row."""

from __future__ import annotations

from collections.abc import Sequence

from .. import expr as x
from ..expr import Expr, is_nullable
from .frame import Frame


def key_set(frame: Frame, keys: Sequence[Expr]) -> str:
    """Text of a set, or a like collection, of the keys that are not NULL."""
    params = [key for key in keys if isinstance(key, x.Param)]
    if params and len(params) == len(keys) and (run := frame.unit.param_run(params)) is not None:
        return frame.once("keys", f"not_null({run})" if frame.unit.nullable else f"set({run})")
    keys = [key for key in keys if not (isinstance(key, x.Constant) and key.value is None)]
    texts = list(dict.fromkeys(_key_text(frame, key) for key in keys))
    items = f"{{{', '.join(texts)}}}" if texts else "()"
    if any(is_nullable(key) for key in keys):
        items = f"not_null({items})"
    if all(isinstance(key, x.Param | x.Constant) for key in keys) and texts:
        return frame.once("keys", items)
    return items


def _key_text(frame: Frame, key: Expr) -> str:
    return f"*{frame.unit.param_run([key])}" if isinstance(key, x.Param) and key.many else frame.value(key)
