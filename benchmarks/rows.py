"""What a benchmark returns for each thing that it measured."""

from typing import Any

Row = dict[str, Any]


def at_most(limit: float, name: str, value: float, unit: str, peers: str | None = None) -> Row:
    """Row of a value that should be no larger than its bound."""
    return _row(name, value, unit, limit, peers, is_ok=value <= limit)


def at_least(limit: float, name: str, value: float, unit: str, peers: str | None = None) -> Row:
    """Row of a value that should be no smaller than its bound."""
    return _row(name, value, unit, limit, peers, is_ok=value >= limit)


def _row(name: str, value: float, unit: str, bound: float, peers: str | None, *, is_ok: bool) -> Row:
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "bound": bound,
        "ok": is_ok,
        "peers": peers,
        "command": "make bench",
    }
