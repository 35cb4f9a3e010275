"""A first look in a few lines of text."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.numbers import counted
from pipeline.onboarding.first_look.grading import verdict
from pipeline.onboarding.first_look.page import Page, command
from pipeline.onboarding.first_look.understood import left_out

WIDTH = 100
INDENT = 15


def summary(page: Page, target: Path, files: Sequence[str]) -> str:
    """Return what the terminal shows: the figures, the grade, the questions, the page, and the next command."""
    look = page.look
    outcome = look.outcome
    questions = [note for note in look.notes if note.answers]
    lines = [
        ("Rows", f"{sum(outcome.received.values()):,}, {sum(fate.rows for fate in left_out(look)):,} left out"),
        ("Customers", f"{outcome.customers:,}, {outcome.buyers:,} of them bought"),
        ("Purchases", f"{outcome.orders:,}, {look.plan.first_event_date} to {look.plan.as_of_date}"),
        ("Net sales", page.priced(outcome.net_sales) + ("" if page.currency else ", in a currency that is not known")),
        ("Refunds", page.priced(outcome.refunds)),
        ("Grade", verdict(page.grade)),
    ]
    lines += [("To decide", note.text) for note in questions]
    said = [f"{', '.join(look.files)}: {counted(len(questions), 'question')}", ""]
    for name, text in lines:
        said += textwrap.wrap(text, WIDTH, initial_indent=f"  {name:<{INDENT - 2}}", subsequent_indent=" " * INDENT)
    return "\n".join([*said, "", f"The page: {target}", f"Next:     {command(look, files)}"])
