"""Random histories of consents, and what customers allow by them: the rule of docs/decisions.md, in plain Python."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

CHANNELS = ("email", "phone", "sms", "mail")
NOT_READABLE = None
# What is written: what it means. None cannot be read.
STATUSES = {
    "granted": "granted",
    "Granted": "granted",
    "opt-in": "granted",
    "SUBSCRIBED": "granted",
    "withdrawn": "withdrawn",
    "Withdrawn": "withdrawn",
    "revoked": "withdrawn",
    "opted_out": "withdrawn",
    " Unsubscribed ": "withdrawn",
    "pending": "withdrawn",
    "": NOT_READABLE,
    "1": NOT_READABLE,
    "maybe": NOT_READABLE,
}
CHANNEL_WORDS = {
    "email": "email",
    "e-mail": "email",
    "E-Mail": "email",
    "phone": "phone",
    "Telephone": "phone",
    "sms": "sms",
    "text message": "sms",
    "mail": "mail",
    "Post": "mail",
    "all": "all",
    "ALL": "all",
    "push": "other",
    "": NOT_READABLE,
    "pigeon": NOT_READABLE,
}
PURPOSES = {
    "marketing": "marketing",
    "Marketing": "marketing",
    "Newsletter": "marketing",
    "profiling": "profiling",
    "all": "all",
    "service": "service",
    "order updates 2": "unknown",
    "": NOT_READABLE,
}
TIMES_THAT_CANNOT_BE_READ = ("", "2024-02-30 10:00:00", "yesterday")
FIRST = datetime.fromisoformat("2023-01-02")


@dataclass(frozen=True)
class Row:
    """A row of the table of consents, as it is written and as it is meant."""

    customer: str
    channel: str
    purpose: str
    status: str
    at: str

    @property
    def meaning(self) -> tuple[str | None, str | None, str | None, datetime | None]:
        """Channel, purpose, status, time; None for each that cannot be read."""
        moment = None if self.at in TIMES_THAT_CANNOT_BE_READ else datetime.fromisoformat(self.at)
        return CHANNEL_WORDS[self.channel], PURPOSES[self.purpose], STATUSES[self.status], moment


@dataclass
class Person:
    """A customer: rows of consents by the phase in which they are delivered, and the phase of a deletion."""

    number: str
    rows: list[list[Row]] = field(default_factory=list)
    deleted_in: int | None = None

    def said(self, phase: int) -> list[Row]:
        """Rows delivered up to a phase."""
        return [row for rows in self.rows[: phase + 1] for row in rows]

    def is_deleted(self, phase: int) -> bool:
        """Deleted at the source by a phase."""
        return self.deleted_in is not None and self.deleted_in <= phase


def histories(people: int, phases: int, seed: int) -> list[Person]:
    """Make random people: most rows can be read, some cannot, some are of one instant."""
    draw = random.Random(seed)
    made = []
    for number in range(people):
        person = Person(f"c{number:05d}")
        for phase in range(phases):
            # Phases follow each other in time, apart from the rows that come late.
            start = FIRST + timedelta(days=300 * phase)
            person.rows.append([_row(draw, person.number, start) for _ in range(draw.choice((0, 1, 1, 2, 3)))])
            if draw.random() < 0.2 and person.rows[-1]:
                person.rows[-1].append(_contradiction(draw, person.rows[-1][-1]))
        if draw.random() < 0.05:
            person.deleted_in = draw.randrange(phases)
        made.append(person)
    return made


def _row(draw: random.Random, customer: str, start: datetime) -> Row:
    def word(words: dict[str, str | None], plain: str, plain_share: float) -> str:
        readable = [text for text, meaning in words.items() if meaning is not NOT_READABLE]
        broken = [text for text, meaning in words.items() if meaning is NOT_READABLE]
        if draw.random() < plain_share:
            return plain
        return draw.choice(broken if draw.random() < 0.1 else readable)

    at = str(start + timedelta(seconds=draw.randrange(250 * 86400)))
    return Row(
        customer,
        word(CHANNEL_WORDS, "email", 0.6),
        word(PURPOSES, "marketing", 0.7),
        word(STATUSES, "granted", 0.5),
        draw.choice(TIMES_THAT_CANNOT_BE_READ) if draw.random() < 0.03 else at,
    )


def _contradiction(draw: random.Random, row: Row) -> Row:
    """The same instant, channel and purpose, with another status."""
    return Row(row.customer, row.channel, row.purpose, draw.choice(("granted", "withdrawn", "revoked")), row.at)


def allows(rows: Iterable[Row], channel: str) -> bool:
    """Whether the last readable word about marketing in a channel is a grant, and every word of it can be read."""
    words = []
    for row in rows:
        of_channel, purpose, status, moment = row.meaning
        if of_channel not in (channel, "all", NOT_READABLE) or purpose in ("service", "profiling"):
            continue
        if purpose == "unknown" and None not in (of_channel, status, moment):
            if status == "withdrawn":
                words.append((moment, False))
            continue
        if None in (of_channel, purpose, status, moment):
            return False
        words.append((moment, status == "granted"))
    if not words:
        return False
    last = max(moment for moment, _ in words)
    return all(is_granted for moment, is_granted in words if moment == last)


def objects(rows: Iterable[Row]) -> bool:
    """Whether a customer objects to profiling, in some channel or in all."""
    meanings = [row.meaning for row in rows]
    for channel in CHANNELS:
        words = [
            (moment, status)
            for of_channel, purpose, status, moment in meanings
            if (purpose == "profiling" and of_channel in (channel, "all", NOT_READABLE))
            or (purpose == of_channel == "all")
        ]
        if any(None in word for word in words):
            return True
        if any(of_channel is NOT_READABLE and purpose == "profiling" for of_channel, purpose, _, _ in meanings):
            return True
        if words:
            last = max(moment for moment, _ in words)
            if any(status != "granted" for moment, status in words if moment == last):
                return True
    return False
