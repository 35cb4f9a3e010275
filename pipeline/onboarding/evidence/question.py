"""A question that the data do not answer."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """What a person has to decide.

    Attributes
    ----------
    text
        The question, with its figures.
    answers
        What may be answered, and what each answer does to the totals; the first is what the draft does.
    about
        Text in the model or the yml that it is about.
    """

    text: str
    answers: Sequence[str] = ()
    about: str = ""


def about_second_table(name: str, entity: str, rows: int) -> Question:
    """Ask about a table of an entity that another one has already."""
    return Question(
        f"{name} has {entity}, too ({rows:,} rows), and a source has one table of them",
        [
            "it is left out: make a source of its own of it",
            "they belong together: give the files the same columns, so that they are one table",
        ],
    )
