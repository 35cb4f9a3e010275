"""How every verb ends: what is said on standard error, and the exit code."""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from typer import TyperException

from pipeline.base.errors import UserError

WRONG, FAILED, STOPPED = 2, 1, 130
BUILDS = ("run", "backfill")
UNTOUCHED = "What was published before is untouched"
AFTER_STOP = {
    **dict.fromkeys(BUILDS, f"{UNTOUCHED}; the same command starts again."),
    "prove": "What was run is kept; the same command goes on from there.",
}
ADDRESS = (
    "An address is not given on the command line, where every user of this machine sees its password: put it into the "
    "environment variable AIRFLOW_CONN_SHOP_DB, or let perennial new-source ask for it, and give --connection shop_db."
)


def exit_code(words: Sequence[str], action: Callable[[], Any]) -> int:
    """Do what the words of a command line ask for; return the exit code.

    0: done. 2: something that the user can put right, said in one sentence. 1: anything else, with the log to look at.
    130: stopped by Ctrl-C.
    """
    verb = next((word for word in words if not word.startswith("-")), "perennial")
    error_output = os.dup(2)  # a run sends the stream itself to its log
    try:
        _refuse_addresses(verb, words)
        code = int(action() or 0)
    except TyperException as error:
        _say(error_output, _usage(error), style="red")
        return WRONG
    except UserError as error:
        _say(error_output, f"\n{error}" if verb in BUILDS else str(error), style="red")
        return WRONG
    except KeyboardInterrupt:
        code = STOPPED
    except BrokenPipeError:  # what read the output has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001 - its stack trace is in the log
        _say(error_output, f"\nThe run failed: {error}" if verb in BUILDS else f"{verb} failed: {error}", style="red")
        kept = f"{UNTOUCHED}. " if verb in BUILDS else ""
        _say(error_output, f"{kept}The whole log: {_log(verb, error)}")
        return FAILED
    if code == STOPPED:
        _say(error_output, f"\nStopped. {AFTER_STOP.get(verb, '')}".rstrip())
    return code


def _refuse_addresses(verb: str, words: Sequence[str]) -> None:
    if verb == "new-source" and any("://" in word for word in words):
        raise UserError(ADDRESS)


def _usage(error: TyperException) -> str:
    """Say in one sentence what is wrong with the words, and where the right ones are."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "perennial"
    return f"{error.format_message().rstrip('.')}; see {path} --help."


def _say(descriptor: int, text: str, style: str | None = None) -> None:
    from rich.console import Console
    from rich.text import Text

    with os.fdopen(os.dup(descriptor), "w", encoding="utf-8") as file:
        Console(file=file, highlight=False).print(Text(text, style=style or ""), soft_wrap=True)


def _log(verb: str, error: Exception) -> Path:
    """Append the stack trace to the log of the verb."""
    from pipeline.base.settings import every_source, load_settings
    from pipeline.orchestration.airflow_settings import log_file

    log = log_file(load_settings(every_source()), "run" if verb in BUILDS else verb)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    return log
