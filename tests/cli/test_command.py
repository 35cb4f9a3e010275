"""The command as a person types it: its help, its messages, its exit codes, completion."""

import os
import subprocess
import sys

import pytest
import typer

from cli import build
from cli.main import DEMO, VERBS, main, make_app
from cli.outcome import exit_code
from tests.support.programs.perennial import PERENNIAL

# The demo company may be deleted, and its verbs with it.
DEMO_HELPED = [["prove"], ["demo"], ["demo", "make"]] if DEMO.is_file() else []
LISTS = [["lists", verb] for verb in ("preview", "why", "check", "push")]
HELPED = [[], *([verb] for verbs in VERBS.values() for verb in verbs), *LISTS, *DEMO_HELPED]
DEMO_WRONG = [
    (["demo", "mak"], "No such command 'mak'"),
    (["demo", "make", "--seed", "one"], "DEMO_SEED is 'one': give a whole number"),
    (["prove", "--worlds", "moon"], "WORLDS names 'moon'"),
]
HEAVY = ("airflow", "dbt", "duckdb", "great_expectations", "matplotlib", "numpy", "pandas", "pyarrow", "rich")
BOXES = "─│╭╰┌└"


@pytest.mark.parametrize("words", HELPED, ids=" ".join)
def test_help_is_plain_and_whole(words, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*words, "--help"]) == 0
    said, wrong = capfd.readouterr()
    assert said.startswith(" ".join(["Usage: perennial", *words]))
    assert not any(character in said for character in BOXES)
    assert wrong == ""
    listed = [line for line in said.splitlines()[1:] if line.endswith("...")]
    assert listed == [], "a first sentence is too long for the list of verbs"


def test_without_words_the_help_is_shown(capfd):
    assert main([]) == 0
    said = capfd.readouterr().out
    assert [heading for heading in VERBS if said.count(f"\n{heading}:\n") == 1] == list(VERBS)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rollbak"], "No such command 'rollbak'"),
        (["--nothing"], "No such option: --nothing; see perennial --help."),
        (["rollback", "--relase", "x"], "No such option: --relase"),
        (["rollback", "one", "two"], "Got unexpected extra argument(s) (two); see perennial rollback --help."),
        (["backfill", "2026-01-01"], "Missing argument 'TO'; see perennial backfill --help."),
        (["backfill", "yesterday", "2026-01-31"], "FROM is 'yesterday': give a day"),
        (["accept", "--source"], "Option '--source' requires an argument"),
        (["lists", "why", "ana"], "Missing argument 'CAMPAIGN'; see perennial lists why --help."),
        (["lists", "preview", "nothing"], "There is no campaign 'nothing' in campaigns/: give one of birthday, "),
        (["lists", "preview", "winback", "--format", "xml"], "FORMAT is 'xml': give text or json."),
        (["lists", "preview", "winback"], "Nothing is published yet"),
        (["diff", "--format", "xml"], "FORMAT is 'xml': give text or json."),
        (["run", "--sources", "nowhere"], "CRM_SOURCES names an unknown source 'nowhere'"),
        *(DEMO_WRONG if DEMO.is_file() else []),
    ],
)
def test_a_wrong_word_is_one_sentence_and_exit_code_2(words, sentence, capfd, monkeypatch, tmp_path):
    monkeypatch.setenv("CRM_HOME", str(tmp_path))
    monkeypatch.setenv("CRM_SOURCES", "cdnow")
    assert main(words) == 2
    said, wrong = capfd.readouterr()
    assert said == ""
    assert wrong.strip().startswith(sentence)
    assert len(wrong.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["diff"],
        ["docs"],
        ["superset"],
        ["rollback"],
        ["accept", "--load", "a"],
        ["lists", "preview", "winback"],
    ],
)
def test_an_address_that_no_file_system_has_is_one_sentence_and_exit_code_2(words, capfd, monkeypatch, tmp_path):
    monkeypatch.setenv("CRM_HOME", "nfs4://crm")
    monkeypatch.setenv("CRM_WORK", str(tmp_path))
    monkeypatch.setenv("CRM_SOURCES", "cdnow")
    assert main(words) == 2
    said, wrong = capfd.readouterr()
    assert said == ""
    assert wrong.strip().startswith("CRM_HOME is 'nfs4://crm': no file system is called 'nfs4'. Set it to a folder")
    assert len(wrong.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("verb", "words"),
    [("docs", ["docs failed: no disk", "The whole log: "]), ("run", ["The run failed: no disk", "is untouched. The"])],
)
def test_what_no_user_can_put_right_ends_with_1_and_a_log(verb, words, capfd, monkeypatch, tmp_path):
    def fail() -> None:
        raise OSError("no disk")

    monkeypatch.setenv("CRM_HOME", str(tmp_path))
    assert exit_code([verb], fail) == 1
    wrong = capfd.readouterr().err
    for word in words:
        assert word in wrong
    log = tmp_path / "airflow" / "logs" / f"{verb}.log"
    assert str(log) in wrong
    assert "Traceback" not in wrong
    assert "OSError: no disk" in log.read_text(encoding="utf-8")


def test_ctrl_c_ends_with_130(capfd):
    app = make_app()
    command = typer.main.get_command(app)

    def interrupted() -> None:
        raise KeyboardInterrupt

    command.commands["docs"].callback = interrupted
    assert exit_code(["docs"], lambda: command(args=["docs"], prog_name="perennial", standalone_mode=False)) == 130
    assert capfd.readouterr().err == "\nStopped.\n"
    assert exit_code(["run"], interrupted) == 130
    assert "What was published before is untouched; the same command starts again." in capfd.readouterr().err


def test_a_message_is_seen_where_a_run_has_sent_its_streams_to_a_log(tmp_path):
    program = """
import os, sys
from cli.outcome import exit_code
from pipeline.base.errors import UserError
def run():
    for stream in (1, 2):
        os.dup2(os.open("log", os.O_WRONLY | os.O_CREAT), stream)
    raise UserError("orders.csv is not there.")
sys.exit(exit_code(["run"], run))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "\norders.csv is not there.\n")


def test_help_and_completion_import_nothing_heavy():
    program = f"""
import sys
from cli.main import main
assert main(["--help"]) == 0
print([name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("line", "word", "offered"), [("perennial ro", 1, "rollback"), ("perennial accept --source cdn", 3, "cdnow")]
)
def test_completion_offers_verbs_and_names(line, word, offered):
    asked = {"_PERENNIAL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(word)}
    done = subprocess.run([PERENNIAL], env={**os.environ, **asked}, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [offered]


def test_it_can_be_called_from_any_folder(tmp_path):
    done = subprocess.run([PERENNIAL, "run", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert build.run.__doc__.splitlines()[0] in done.stdout
