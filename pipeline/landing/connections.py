"""Where a database server is and who logs in: from the environment, never from a source file, never into a log."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlencode, urlsplit

from pipeline.base.errors import UserError
from pipeline.sources.definitions import Source

SCHEMES = {"postgres": "postgresql", "mariadb": "mysql", "sqlserver": "mssql"}
CONNECT_SECONDS = "10"
EXAMPLE = "postgresql://user:password@host:5432/database"
SECRET_OPTIONS = ("pass", "secret", "token", "key")
# A piece of a secret that is as long as this is not shown either: drivers quote parts of what they were given.
SHORTEST_PIECE = 4
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Address:
    """A server, a database on it, and who logs in. Its repr and its `label` have no password."""

    scheme: str
    host: str
    port: int | None
    database: str
    user: str
    password: str = field(repr=False)
    options: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """How messages name the server."""
        host = self.host or self.options.get("host", "")
        return f"{self.scheme}://{host}{f':{self.port}' if self.port else ''}/{self.database}"

    @property
    def url(self) -> str:
        """The whole address, password included: for a driver only."""
        login = quote(self.user, safe="") + (f":{quote(self.password, safe='')}" if self.password else "")
        place = f"{self.host}{f':{self.port}' if self.port else ''}"
        options = f"?{urlencode(self.options)}" if self.options else ""
        return f"{self.scheme}://{f'{login}@' if login else ''}{place}/{quote(self.database)}{options}"

    def with_defaults(self, **options: str) -> "Address":
        """Return the address with options that it does not set itself."""
        return replace(self, options={**options, **self.options})

    def without_secrets(self, text: str) -> str:
        """Return a driver's message with *** in the place of the password, of other secrets, and of pieces of them."""
        named = [value for name, value in self.options.items() if any(word in name.lower() for word in SECRET_OPTIONS)]
        forms = {form(secret) for secret in [self.password, *named] if secret for form in (str, quote, quote_plus)}
        hidden = {
            place
            for form in forms
            for size in [min(SHORTEST_PIECE, len(form))]
            for pieces in [{form[start : start + size] for start in range(len(form) - size + 1)}]
            for start in range(len(text) - size + 1)
            if text[start : start + size] in pieces
            for place in range(start, start + size)
        }
        return re.sub("\0+", "***", "".join("\0" if at in hidden else letter for at, letter in enumerate(text)))


def variable_of(connection: str) -> str:
    """Name of the environment variable of a connection, which is Airflow's."""
    return f"AIRFLOW_CONN_{connection.upper()}"


def address_of(source: Source, env: Mapping[str, str] = os.environ) -> Address:
    """Return the address of a source's server.

    Raises
    ------
    UserError
        The connection is not set, or cannot be understood; the message does not repeat it.
    """
    assert source.connection is not None  # the model of the definition says so
    variable = variable_of(source.connection)
    text = env.get(variable, "").strip()
    if not text:
        raise UserError(
            f"Source '{source.name}' needs the connection '{source.connection}', which is not set. Add it in Airflow "
            f"(Admin > Connections), or set the environment variable {variable}, for example to {EXAMPLE}."
        )
    try:
        return _of_json(json.loads(text)) if text.startswith("{") else _of_url(text)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"Source '{source.name}': the connection '{source.connection}' ({variable}) is not an address "
            f"({type(error).__name__}). Write it as {EXAMPLE}, with special characters of user and password encoded "
            "(@ is %40, / is %2F, # is %23, ? is %3F), or as Airflow's JSON."
        ) from None  # the cause would show the address


def _of_url(text: str) -> Address:
    parts = urlsplit(text)
    if not parts.scheme:
        raise ValueError("no scheme")
    # A password with one of / ? # would end before its @: the tail would be taken for a host, a database or an option.
    if CONTROL.search(text) or "#" in text or "@" in parts.path + parts.query:
        raise ValueError("a character that is not encoded")
    options = dict(parse_qsl(parts.query))
    extra = json.loads(options.pop("__extra__", "{}"))
    return Address(
        scheme=_scheme(parts.scheme),
        host=unquote(parts.hostname or ""),
        port=parts.port,
        database=unquote(parts.path.lstrip("/")),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        options={**options, **{name: str(value) for name, value in extra.items()}},
    )


def _of_json(content: dict[str, Any]) -> Address:
    extra = content.get("extra") or {}
    extra = json.loads(extra) if isinstance(extra, str) else extra
    return Address(
        scheme=_scheme(content["conn_type"]),
        host=content.get("host") or "",
        port=int(content["port"]) if content.get("port") else None,
        database=content.get("schema") or "",
        user=content.get("login") or "",
        password=content.get("password") or "",
        options={name: str(value) for name, value in extra.items()},
    )


def _scheme(scheme: str) -> str:
    name = scheme.replace("-", "").lower()
    return SCHEMES.get(name, name)
