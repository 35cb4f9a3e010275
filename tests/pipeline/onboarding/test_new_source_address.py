"""The address of a server has a password, and `make new-source` shows no piece of it: not in what it says or writes."""

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

import psutil
import pytest

from cli.main import main
from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.base.settings import ROOT
from pipeline.landing.connections import Address, address_of
from pipeline.landing.readers.databases.other_sql import OtherSQL
from pipeline.onboarding.command import draft
from pipeline.onboarding.inspection.inspect_database import _stand_in
from tests.support.programs.makefile import makefile_folder
from tests.support.programs.perennial import PERENNIAL
from tests.support.programs.postgres import PASSWORD, Server

SIZE = 4
ARGUMENTS = {"NAME": "name", "FILE": "file", "CONNECTION": "login"}
PASSWORDS = [
    "s3cr3t-W0rd",
    "p@ssW0rdTail",
    "head:W0rdTail",
    "head/W0rdTail",
    "head#W0rdTail",
    "head?W0rdTail=x&y",
    "100%W0rdTail",
    "%41%42W0rdTail",
    "head W0rdTail",
    "he@d/W0rd@Tail#more?rest",
    "[head]W0rdTail",
    "pässwörtchen",
    "密码口令很长的",
    "head＠W0rdTail／x",  # noqa: RUF001 - full-width, as a Chinese keyboard writes them
    "head\\W0rdTail'\"$(W0rd)",
    "head\tW0rdTail",
]
KEPT = {name: value for name, value in os.environ.items() if not name.startswith(("CRM_", "AIRFLOW_"))}


def pieces(password: str) -> set[str]:
    """What must not be seen: each piece of a password, as it is and encoded."""
    forms = {password, quote(password, safe=""), quote_plus(password)}
    return {form[start : start + SIZE] for form in forms for start in range(len(form) - SIZE + 1)}


def shown(password: str, text: str) -> list[str]:
    return sorted(piece for piece in pieces(password) if piece in text)


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project for new sources."""
    for name, folder in {"SOURCE_FILES": tmp_path / "sources", "STAGING": tmp_path / "staging"}.items():
        folder.mkdir()
        monkeypatch.setattr(project, name, folder)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return tmp_path


def ask(address: str) -> int:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIRFLOW_CONN_SHOP_DB", address)
        return main(["new-source", "shop", "--connection", "shop_db"])


def addresses(password: str) -> list[str]:
    """Where a password may stand in an address: as written, encoded, in an option, in Airflow's JSON, cut off."""
    encoded = quote(password, safe="")
    login = {"conn_type": "postgres", "login": "ana", "password": password, "host": "127.0.0.1", "port": 1}
    return [
        f"postgresql://ana:{password}@127.0.0.1:1/shop",
        f"postgresql://ana:{encoded}@127.0.0.1:1/shop",
        f"postgresql://ana:{encoded}@127.0.0.1:port/shop",
        f"postgresql://ana@127.0.0.1:1/shop?sslpassword={encoded}",
        f"mysql://ana:{password}@127.0.0.1:1/shop",
        f"mysql://ana:{encoded}@127.0.0.1:1/shop",
        f"bigquery://ana:{password}@127.0.0.1:1/shop",
        f"postgresql+psycopg2://ana:{password}@127.0.0.1:1/shop",
        f"//ana:{password}@127.0.0.1:1/shop",
        json.dumps(login),
        json.dumps({**login, "port": "port"}),
        json.dumps({**login, "extra": "5"}),
        json.dumps({**login, "conn_type": None}),
        json.dumps(login)[:-2],
    ]


@pytest.mark.parametrize("password", PASSWORDS, ids=[str(number) for number in range(len(PASSWORDS))])
def test_no_piece_of_a_password_is_said_whatever_is_wrong(
    password: str, desk: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectorx.read_sql", _repeats_what_it_was_given)  # its own timeout is half a minute
    for address in addresses(password):
        assert ask(address) == 2
        said = "".join(capfd.readouterr())
        assert said.strip()
        assert "Traceback" not in said
        assert shown(password, said) == [], address
    assert not list((desk / "sources").iterdir())


def _repeats_what_it_was_given(address: str, *_: object, **__: object) -> None:
    raise RuntimeError(f"no answer from {address}, which is {unquote(address)}, or {address[12:-14]}")


@pytest.mark.parametrize("word", ["NAME", "FILE", "CONNECTION"])
@pytest.mark.parametrize("password", PASSWORDS, ids=[str(number) for number in range(len(PASSWORDS))])
def test_an_address_in_the_place_of_another_word_is_not_repeated(password: str, word: str, capfd) -> None:
    words = {"name": "shop", "login": "" if word == "FILE" else "shop_db", "file": ""}
    with pytest.raises(UserError) as error:
        draft(**{**words, ARGUMENTS[word]: f"postgresql://ana:{password}@db/shop"})
    assert word in str(error.value)
    assert shown(password, str(error.value)) == []


@pytest.mark.parametrize("password", PASSWORDS, ids=[str(number) for number in range(len(PASSWORDS))])
@pytest.mark.parametrize(
    "words", [["{}"], ["shop", "{}"], ["shop", "--file", "{}"], ["shop", "--connection={}"], ["shop", "--url={}"]]
)
def test_the_command_refuses_an_address_in_any_place(words: list[str], password: str, capfd) -> None:
    address = f"postgresql://ana:{password}@db/shop"
    assert main(["new-source", *(word.format(address) for word in words)]) == 2
    said = "".join(capfd.readouterr())
    assert said.startswith("An address is not given on the command line")
    assert len(said.strip().splitlines()) == 1
    assert shown(password, said) == []


@pytest.mark.parametrize("password", PASSWORDS[:-1], ids=[str(number) for number in range(len(PASSWORDS) - 1)])
def test_an_encoded_password_is_read_as_it_is(password: str) -> None:
    env = {"AIRFLOW_CONN_SHOP_DB": f"postgresql://ana:{quote(password, safe='')}@db:5432/shop"}
    assert address_of(_stand_in("shop", "shop_db"), env).password == password


def test_a_piece_of_a_secret_in_a_message_is_hidden_and_the_rest_stays() -> None:
    address = Address("postgresql", "db", 5432, "shop", "ana", "he@d/W0rdTail", {"sslpassword": "0therSecret"})
    said = "no host W0rdTa in he%40d/W0rdTail (0therSecret), port 5432: user ana"
    assert address.without_secrets(said) == "no host *** in *** (***), port 5432: user ana"
    assert Address("mysql", "db", None, "shop", "ana", "").without_secrets(said) == said
    assert Address("mysql", "db", None, "shop", "ana", "ab").without_secrets("tab of ana") == "t*** of ana"


def test_what_a_server_says_of_a_wrong_password_is_shown_without_it(postgres: Server, capfd) -> None:
    postgres.new_database("drafts")
    for password in PASSWORDS[:-1]:
        assert ask(postgres.uri("drafts", password=quote(password, safe=""))) == 2
        said = "".join(capfd.readouterr())
        assert "refused the login" in said
        assert shown(password, said) == []


def test_a_draft_has_no_password(postgres: Server, desk: Path, capfd, caplog) -> None:
    address = postgres.new_database("drafts")
    orders = "create table orders (id int primary key, customer text, amount numeric, placed_at timestamp)"
    postgres.run(orders, "insert into orders values (1, 'K1', 9.5, '2024-01-05')", database="drafts")
    assert ask(address) == 0
    files = [*(desk / "sources").iterdir(), *(desk / "staging").rglob("*.*")]
    assert files
    for text in ["".join(capfd.readouterr()), caplog.text, *(path.read_text("utf-8") for path in files)]:
        assert [piece for piece in shown(PASSWORD, text) if piece != "word"] == []
    assert "connection: shop_db\n" in (desk / "sources" / "shop.yml").read_text("utf-8")


def test_other_kinds_of_server_are_named_without_the_password() -> None:
    with pytest.raises(UserError, match="bigquery://db/shop: kind sql reads"):
        OtherSQL(Address("bigquery", "db", None, "shop", "ana", "s3cr3t-W0rd"))


def test_without_an_address_and_a_terminal_the_variable_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert ask("") == 2
    assert "AIRFLOW_CONN_SHOP_DB" in capfd.readouterr().err


def test_in_a_terminal_the_address_is_asked_for_and_seen_neither_there_nor_in_the_process_list(tmp_path: Path) -> None:
    parent, terminal = pty.openpty()
    running = subprocess.Popen(
        ["setsid", "--ctty", PERENNIAL, "new-source", "shop_of_nobody", "--connection", "shop_db"],
        cwd=ROOT,
        env=KEPT,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    said = ""
    while "not shown" not in said:
        said += os.read(parent, 1000).decode()
    os.write(parent, b"postgresql://ana:s3cr3t-W0rd@127.0.0.1:1/shop\n")
    listed = ""
    while running.poll() is None:
        listed += " ".join(word for child in _family(running.pid) for word in _command_line(child))
        said += _read(parent)
    said += _read(parent)
    os.close(parent)
    assert running.returncode == 2
    assert "cannot be reached" in said
    assert shown("s3cr3t-W0rd", said) == []
    assert "s3cr3t-W0rd@127.0.0.1:1" not in listed


def _family(number: int) -> list[psutil.Process]:
    """A process and what it has started."""
    try:
        process = psutil.Process(number)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _read(descriptor: int) -> str:
    try:
        return os.read(descriptor, 10_000).decode()
    except OSError:  # the other side has closed it
        return ""


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []  # it ended meanwhile


@pytest.fixture
def makefile(tmp_path: Path) -> Path:
    """A folder with the Makefile, whose command says what it was given."""
    return makefile_folder(tmp_path / "make", 'printf "[%s]" "$@"')


def make(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    done = subprocess.run(
        ["make", "--silent", "new-source", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **(env or {})},
        capture_output=True,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("password", PASSWORDS, ids=[str(number) for number in range(len(PASSWORDS))])
@pytest.mark.parametrize("where", ["URL=", "FILE=", "CONNECTION=", "NAME=", "DATABASE=", ""])
def test_an_address_on_the_command_line_is_refused_and_not_repeated(makefile: Path, where: str, password: str) -> None:
    code, said = make(makefile, "NAME=shop", f"{where}postgresql://ana:{password}@db.example.com/shop")
    assert code == 2
    assert "An address is not given on the command line" in said
    assert len(said.strip().splitlines()) == 1
    assert "[new-source]" not in said
    assert shown(password, said) == []


def test_url_is_refused_in_any_form(makefile: Path) -> None:
    code, said = make(makefile, "NAME=shop", "URL=db.example.com/s3cr3t-W0rd")
    assert code == 2
    assert shown("s3cr3t-W0rd", said) == []


def test_make_hands_over_the_name_of_the_connection(makefile: Path) -> None:
    assert make(makefile, "NAME=shop", "CONNECTION=shop_db") == (
        0,
        "[new-source][--file=][--connection=shop_db][--][shop]",
    )
    for file in ("$x y.csv", "o'brien's \"x\".csv", "-x.csv", "a,b $(c) `d`.csv"):
        said = f"[new-source][--file={file}][--connection=][--][shop]"
        assert make(makefile, "NAME=shop", f"FILE={file}") == (0, said)


@pytest.mark.parametrize("variable", ["NAME", "FILE", "CONNECTION"])
def test_an_address_in_the_environment_is_handed_to_no_command_line(makefile: Path, variable: str) -> None:
    code, said = make(makefile, env={variable: "postgresql://ana:s3cr3t-W0rd@db/shop"})
    assert code == 2
    assert "An address is not given on the command line" in said
    assert shown("s3cr3t-W0rd", said) == []
