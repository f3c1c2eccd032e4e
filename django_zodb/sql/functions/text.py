"""Text: positions count from 1 and are code points. Byte strings where PostgreSQL takes them (LENGTH, MD5, SHA…)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

from ...errors import DataError
from ...values import BIGINT, BOOLEAN, BYTES, INTEGER, TEXT, Kind, SqlType, as_text, in_utf8
from ..patterns import like_text, prefix_end
from ..regexes import compiled
from .base import Function, guarded

MAX_LENGTH = 1 << 28
"""The longest text that REPEAT, LPAD and RPAD make; more is a DataError and not an exhausted memory."""


def _substring(value: Any, start: int, length: int | None = None) -> Any:
    """From position ``start``, which may lie before the text; ``length`` counts from there, as in PostgreSQL."""
    text = value if type(value) in (str, bytes) else as_text(value)
    if length is None:
        return text[max(start - 1, 0) :]
    if length < 0:
        raise DataError(f"SUBSTRING: negative length {length}")
    return text[max(start - 1, 0) : max(start - 1 + length, 0)]


def _text_type(types: tuple[SqlType, ...]) -> SqlType:
    return BYTES if types[0].kind is Kind.BYTES else TEXT


def _left(text: str, count: int) -> str:
    return text[:count]


def _right(text: str, count: int) -> str:
    if count < 0:
        return text[-count:]
    return text[-count:] if count else ""


def _pad(name: str, on_left: bool) -> Callable[..., str]:
    def pad(text: str, length: int, fill: str = " ") -> str:
        missing = length - len(text)
        if missing <= 0 or not fill:
            return text[: max(length, 0)]
        if length > MAX_LENGTH:
            raise DataError(f"{name}: the result would be longer than {MAX_LENGTH} characters")
        padding = (fill * (missing // len(fill) + 1))[:missing]
        return padding + text if on_left else text + padding

    return pad


def _repeat(text: str, count: int) -> str:
    if count > 0 and len(text) * count > MAX_LENGTH:
        raise DataError(f"REPEAT: the result would be longer than {MAX_LENGTH} characters")
    return text * count


def _replace(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


def _concat(*args: Any) -> str:
    return "".join([as_text(arg) for arg in args if arg is not None])


def _concat_with_separator(separator: str | None, *args: Any) -> str | None:
    if separator is None:
        return None
    return separator.join([as_text(arg) for arg in args if arg is not None])


def _chr(code: int) -> str:
    if code == 0:
        raise DataError("CHR(0): the null character is not allowed in text")
    if 0xD800 <= code < 0xE000:
        raise DataError(f"CHR({code}): half of a surrogate pair is no character")
    return chr(code)


def _ascii(text: str) -> int:
    return ord(text[0]) if text else 0


def _initcap(text: str) -> str:
    return re.sub(r"[^\W_]+", lambda word: word.group().capitalize(), text)


def _translate(text: str, old: str, new: str) -> str:
    table: dict[int, str | None] = {}
    for at, character in enumerate(old):
        table.setdefault(ord(character), new[at] if at < len(new) else None)
    return text.translate(table)


def _split_part(text: str, separator: str, number: int) -> str:
    if number == 0:
        raise DataError("SPLIT_PART: field position must not be zero")
    parts = text.split(separator) if separator else [text]
    at = number - 1 if number > 0 else len(parts) + number
    return parts[at] if 0 <= at < len(parts) else ""


def _length(value: Any) -> int:
    return len(value) if type(value) in (str, bytes) else len(as_text(value))


def _octets(value: Any) -> bytes:
    return value if type(value) is bytes else in_utf8(as_text(value))


def _check_encoding(name: str) -> None:
    if name.lower() != "hex":
        raise DataError(f"unknown encoding {name!r}; known is hex")


def _encode(data: bytes, name: str) -> str:
    _check_encoding(name)
    return data.hex()


def _decode(text: str, name: str) -> bytes:
    _check_encoding(name)
    return bytes.fromhex(text)


def _hash(name: str) -> Callable[[Any], str]:
    def digest(value: Any) -> str:
        return hashlib.new(name, _octets(value), usedforsecurity=False).hexdigest()

    return digest


def _flags(flags: str) -> re.RegexFlag:
    found = re.RegexFlag(0)
    for letter in flags.replace("g", ""):
        try:
            found |= _REGEX_FLAGS[letter]
        except KeyError:
            raise DataError(f"unknown regular expression option {letter!r}; known are g, i, m, n, s and x") from None
    return found


_REGEX_FLAGS = {
    "c": re.RegexFlag(0),
    "i": re.IGNORECASE,
    "m": re.MULTILINE,
    "n": re.MULTILINE,
    "s": re.DOTALL,
    "x": re.VERBOSE,
}


def _regexp_like(text: str, pattern: str, flags: str = "") -> bool:
    return compiled(pattern, _flags(flags)).search(text) is not None


def _regexp_replace(text: str, pattern: str, replacement: str, flags: str = "") -> str:
    """The first match is replaced, every one with the flag g; ``\\1`` and ``\\&`` stand for what was matched."""
    template = replacement.replace("\\&", "\\g<0>")
    try:
        return compiled(pattern, _flags(flags)).replace(template, text, 0 if "g" in flags else 1)
    except (re.error, IndexError) as error:
        raise DataError(f"invalid replacement {replacement!r}: {error}") from error


def _regexp_substr(text: str, pattern: str) -> str | None:
    expression = compiled(pattern)
    match = expression.search(text)
    if match is None:
        return None
    return match.group(1) if expression.groups else match.group()


_LENGTH = Function(_length, INTEGER)
_TRIM = Function(lambda text, characters=" ": text.strip(characters), TEXT, (TEXT,), 1, 2)
_SUBSTRING = Function(_substring, _text_type, (None, INTEGER), 2, 3)
_POSITION = Function(lambda text, part: text.find(part) + 1, INTEGER, (TEXT,), 2, 2, template="({0}.find({1}) + 1)")
_ASCII = Function(_ascii, INTEGER, (TEXT,))
_CHR = Function(guarded("CHR", _chr), TEXT, (BIGINT,))

FUNCTIONS: dict[str, Function] = {
    "ASCII": _ASCII,
    "BIT_LENGTH": Function(lambda value: len(_octets(value)) * 8, INTEGER),
    "BTRIM": _TRIM,
    "CHAR_LENGTH": _LENGTH,
    "CHARACTER_LENGTH": _LENGTH,
    "CHR": _CHR,
    "CASEFOLD": Function(str.casefold, TEXT, (TEXT,), template="{0}.casefold()"),
    "CHAR": _CHR,
    "CONCAT": Function(_concat, TEXT, (None,), 1, None, strict=False),
    "CONCAT_WS": Function(_concat_with_separator, TEXT, (TEXT, None), 2, None, strict=False, nullable=True),
    "DECODE": Function(guarded("DECODE", _decode), BYTES, (TEXT,), 2, 2),
    "ENCODE": Function(guarded("ENCODE", _encode), TEXT, (BYTES, TEXT), 2, 2),
    "INITCAP": Function(_initcap, TEXT, (TEXT,)),
    "INSTR": _POSITION,
    "LEFT": Function(_left, TEXT, (TEXT, INTEGER), 2, 2),
    "LENGTH": _LENGTH,
    "LIKE_TEXT": Function(like_text, TEXT, (TEXT,)),
    "LOWER": Function(str.lower, TEXT, (TEXT,), template="{0}.lower()"),
    "LPAD": Function(_pad("LPAD", on_left=True), TEXT, (TEXT, INTEGER, TEXT), 2, 3),
    "LTRIM": Function(lambda text, characters=" ": text.lstrip(characters), TEXT, (TEXT,), 1, 2),
    "MD5": Function(_hash("md5"), TEXT),
    "OCTET_LENGTH": Function(lambda value: len(_octets(value)), INTEGER),
    "ORD": _ASCII,
    "POSITION": _POSITION,
    "PREFIX_END": Function(prefix_end, TEXT, (TEXT,), nullable=True),
    "REGEXP_LIKE": Function(_regexp_like, BOOLEAN, (TEXT,), 2, 3),
    "REGEXP_REPLACE": Function(_regexp_replace, TEXT, (TEXT,), 3, 4),
    "REGEXP_SUBSTR": Function(_regexp_substr, TEXT, (TEXT,), 2, 2, nullable=True),
    "REPEAT": Function(_repeat, TEXT, (TEXT, INTEGER), 2, 2),
    "REPLACE": Function(_replace, TEXT, (TEXT,), 3, 3),
    "REVERSE": Function(lambda text: text[::-1], TEXT, (TEXT,), template="{0}[::-1]"),
    "RIGHT": Function(_right, TEXT, (TEXT, INTEGER), 2, 2),
    "RPAD": Function(_pad("RPAD", on_left=False), TEXT, (TEXT, INTEGER, TEXT), 2, 3),
    "RTRIM": Function(lambda text, characters=" ": text.rstrip(characters), TEXT, (TEXT,), 1, 2),
    "SHA1": Function(_hash("sha1"), TEXT),
    "SHA224": Function(_hash("sha224"), TEXT),
    "SHA256": Function(_hash("sha256"), TEXT),
    "SHA384": Function(_hash("sha384"), TEXT),
    "SHA512": Function(_hash("sha512"), TEXT),
    "SPLIT_PART": Function(_split_part, TEXT, (TEXT, TEXT, INTEGER), 3, 3),
    "STARTS_WITH": Function(str.startswith, BOOLEAN, (TEXT,), 2, 2, template="{0}.startswith({1})"),
    "STRPOS": _POSITION,
    "SUBSTR": _SUBSTRING,
    "SUBSTRING": _SUBSTRING,
    "TO_HEX": Function(lambda number: format(number & 0xFFFF_FFFF_FFFF_FFFF, "x"), TEXT, (BIGINT,)),
    "TRANSLATE": Function(_translate, TEXT, (TEXT,), 3, 3),
    "TRIM": _TRIM,
    "UPPER": Function(str.upper, TEXT, (TEXT,), template="{0}.upper()"),
}
