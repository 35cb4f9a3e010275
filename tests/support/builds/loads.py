"""What tests of loads share: two sales, days, what has landed, what is said."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.base.errors import UserError
from pipeline.base.settings import Settings

TWO_SALES = "id,sold_at,amount\n1,2024-01-05 10:00:00,5.00\n2,2024-01-07 23:30:00,7.50\n"


def said(action: Callable[..., Any], *arguments: Any, **keywords: Any) -> str:
    """Message of the UserError that an action raises."""
    with pytest.raises(UserError) as error:
        action(*arguments, **keywords)
    return str(error.value)


def day(number: int) -> datetime:
    """A midnight of January 2024, UTC."""
    return datetime(2024, 1, number, tzinfo=UTC)


def landed_files(settings: Settings) -> dict[str, bytes]:
    """All files of the landing, with their contents."""
    paths = sorted(path for path in settings.landing.rglob("[!.]*") if path.is_file())
    return {path.relative_to(settings.landing).as_posix(): path.read_bytes() for path in paths}
