"""Shapes of the JSON files that the project writes and reads again: their keys and types.

A file has a checksum, unless an earlier version wrote it. Its shape lists what every version has written, so that other
content is reported as damage, and does not appear later as a missing key.
"""

from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

# A local midnight is at most this far from the same time in UTC.
MARGIN = timedelta(days=2)


def _day(value: str) -> str:
    date.fromisoformat(value)
    return value


def _instant(value: str) -> str:
    if datetime.fromisoformat(value).tzinfo is None:
        raise ValueError("a time without a zone")
    return value


def _end(value: str) -> str:
    found = datetime.fromisoformat(_instant(value))
    try:
        assert found - MARGIN < found + MARGIN
    except OverflowError as error:
        raise ValueError("a time that not every zone can say") from error
    return value


Text = Annotated[str, Field(min_length=1)]
Day = Annotated[str, AfterValidator(_day)]
Instant = Annotated[str, AfterValidator(_instant)]
End = Annotated[str, AfterValidator(_end)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class Shape(BaseModel):
    """Keys and types of a JSON object; other keys are allowed. A default stands for a key of a later version."""

    model_config = ConfigDict(extra="allow", strict=True)

    @classmethod
    def problem(cls, content: object) -> str | None:
        """Return how some content differs from the shape; None where it does not."""
        if not isinstance(content, dict):
            return "it is no JSON object"
        try:
            cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            return f"it has no {key}" if first["type"] == "missing" else f"its {key} is no value that a run writes"
        return None

    @classmethod
    def completed(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Return content with the defaults of its missing keys."""
        defaults = {
            field.alias or name: field.get_default(call_default_factory=True)
            for name, field in cls.model_fields.items()
            if not field.is_required()
        }
        return {**defaults, **content}


class FileState(Shape):
    """Size and hash of a file."""

    size: Count = Field(alias="bytes")
    sha256: Text


class Object(Shape):
    """Any JSON object: its content is compared with its checksum only."""
