"""Arithmetic of decimals: exact where it can be, whatever ``decimal.getcontext()`` says in the thread of the caller.

Python's operators round to the caller's precision, which is 28 digits by default. A column may hold more, and a caller
who computes with fewer does not mean the table.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext

EXACT = Context(prec=1000)
"""Sums, differences and products lose no digit."""
_DIGITS, _PLACES = 28, 20
_USUAL = Context(prec=_DIGITS)
_ROUGH = Context(prec=6)

add = EXACT.add
subtract = EXACT.subtract
multiply = EXACT.multiply
minus = EXACT.minus
modulo = EXACT.remainder


def _context(whole: int) -> Context:
    """What rounds a result of so many digits before the point: to 28 digits, and never to less than 20 places."""
    return _USUAL if whole <= _DIGITS - _PLACES else Context(prec=min(whole + _PLACES, EXACT.prec))


def over(left: Decimal, right: Decimal | int) -> Decimal:
    """The quotient; ArithmeticError if ``right`` is zero."""
    right = Decimal(right)
    return _context(left.adjusted() - right.adjusted() + 1).divide(left, right)


def root(number: Decimal) -> Decimal:
    """The square root; ArithmeticError for a negative number."""
    return number.sqrt(_context(number.adjusted() // 2 + 1))


def power(base: Decimal, exponent: Decimal) -> Decimal:
    """``base ^ exponent``; ArithmeticError where there is none, or none of so few digits."""
    whole = _ROUGH.multiply(base.copy_abs().log10(_ROUGH), exponent) if base else Decimal()
    with localcontext(_context(int(min(whole, Decimal(EXACT.prec))) + 1)):
        return base**exponent
