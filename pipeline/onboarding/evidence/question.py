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
