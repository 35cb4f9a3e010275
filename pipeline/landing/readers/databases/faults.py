"""What a database server's errors mean, by their code: what has happened, what to do, and what helps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.base.errors import UserError
from pipeline.landing.connections import Address

Remedy = Literal["person", "time", "reconnect"]


class UnavailableError(UserError):
    """A server that does not answer now: trying again later may help."""


class InterruptedReadError(UnavailableError):
    """A read that was interrupted: trying again at once, on a new connection, may help."""


@dataclass(frozen=True)
class Fault:
    """What an error of a server means.

    Attributes
    ----------
    what : str
        What has happened, with `{place}`, `{user}` and `{limit}`.
    advice : str
        What to do, with `{definition}` and `{user}`.
    remedy : {'person', 'time', 'reconnect'}
        Who or what ends it: a person, time, or a new connection at once.
    is_stale : bool
        Whether it is the moment of the reading that is over, not the connection: what follows needs a later one.
    """

    what: str
    advice: str
    remedy: Remedy
    is_stale: bool = False

    @property
    def is_end(self) -> bool:
        """Whether it is the end of the connection."""
        return self.remedy == "reconnect" and not self.is_stale

    def error(self, label: str, said: str, **names: str) -> UserError:
        """Return the error of a read; `label` names what was read, `said` is the server's own message."""
        kind = {"person": UserError, "time": UnavailableError, "reconnect": InterruptedReadError}[self.remedy]
        begin = f"{label}: " if label else ""
        quoted = f" ({said})" if said else ""
        return kind(f"{begin}{self.what.format_map(names)}{quoted}. {self.advice.format_map(names)}")


def names_in_messages(address: Address) -> dict[str, str]:
    """What the messages of a server's faults name, before it is known what is read."""
    return {"place": address.label, "user": address.user, "definition": "the source", "limit": ""}


LATER = "Nothing is wrong with the source's definition: run again later."
WRONG_LOGIN = Fault(
    "{place} refused the login of user '{user}'",
    "Correct user and password of the connection, in Airflow or in its environment variable.",
    "person",
)
NO_DATABASE = Fault("{place} has no such database", "Correct the connection.", "person")
NO_CONNECT = Fault(
    "{place} does not let the user '{user}' into the database", "Ask for the right to connect to it.", "person"
)
UNKNOWN_HOST = Fault(
    "{place} cannot be reached: its host name is not known here",
    "Correct the host of the connection, or have the name service looked at.",
    "time",
)
UNREACHABLE = Fault(
    "{place} cannot be reached", "Is the server up, and are host and port of the connection right?", "time"
)
REFUSED = Fault(
    "{place} refused the connection of user '{user}'", "Its own words say why; it is tried again later.", "time"
)
NO_SLOT = Fault(
    "{place} has no connection free for the user '{user}'",
    "Lower `max_connections` of the source, or have the server's or the user's limit raised.",
    "time",
)
STARTING = Fault("{place} is starting or stopping", LATER, "time")
NO_RIGHT = Fault(
    "{place} does not let the user '{user}' read the table", "Ask for the right to select from it.", "person"
)
GONE = Fault(
    "{place} no longer has what was asked for: it was dropped or renamed meanwhile",
    "Run again; if it stays away, correct {definition}.",
    "reconnect",
    is_stale=True,
)
REWRITTEN = Fault(
    "the table was emptied or rewritten in {place} after the load had begun, so that its snapshot has no rows of it",
    "Run again when the reload is over.",
    "reconnect",
    is_stale=True,
)
STATEMENT_TIMEOUT = Fault(
    "{place} stopped the query at its limit{limit} for queries of user '{user}'",
    "Have that limit raised for the user (statement_timeout, max_statement_time), or read a smaller view.",
    "person",
)
CANCELLED = Fault("the query was cancelled in {place}", LATER, "time")
IDLE = Fault(
    "{place} ended the session because it had been idle, or open, for longer than it allows",
    "Have idle_in_transaction_session_timeout (or transaction_timeout) raised for the user '{user}', or lower "
    "`max_connections` of the source, so that no connection waits.",
    "reconnect",
)
ENDED = Fault("{place} ended the session: a person ended it, or the server stops or starts again", LATER, "reconnect")
LOST = Fault("the connection to {place} broke", LATER, "reconnect")
CONFLICT = Fault(
    "{place} could not keep the rows of this moment any longer (a replica that had to go on, or a deadlock)",
    "Run again; if a replica does it often, have hot_standby_feedback or max_standby_streaming_delay set there.",
    "reconnect",
    is_stale=True,
)
LOCKED = Fault("another session holds a lock on the table in {place}", LATER, "time")
EXHAUSTED = Fault("{place} has too little memory or disk for the query", LATER, "time")
LIMITED = Fault(
    "{place} stopped the query at a limit of its configuration",
    "Have that limit raised for the user '{user}', or read a smaller view.",
    "person",
)
BAD_VALUE = Fault(
    "a value of the table or view cannot be computed in {place}", "Have the view or the row corrected.", "person"
)
DAMAGED = Fault("{place} says that its data are damaged", "Have its owner look at it.", "person")
SYSTEM = Fault("{place} has an error of its own", LATER, "reconnect", is_stale=True)
UNCLEAR = Fault("{place} could not answer", "Is the server up, and is the connection right?", "time")
UNANSWERED = Fault("{place} could not answer", "Check {definition}.", "person")

# By SQLSTATE, or its first letters: postgresql.org/docs/current/errcodes-appendix.html.
POSTGRESQL = {
    "08": LOST,
    "22": BAD_VALUE,
    **dict.fromkeys(("25P03", "25P04", "57P05"), IDLE),
    **dict.fromkeys(("28000", "28P01"), WRONG_LOGIN),
    "3D000": NO_DATABASE,
    "40": CONFLICT,
    "42501": NO_RIGHT,
    **dict.fromkeys(("42P01", "42703", "42704"), GONE),
    "53": EXHAUSTED,
    "53300": NO_SLOT,
    "53400": LIMITED,
    "55": LOCKED,
    "57014": CANCELLED,
    "57P": ENDED,
    "57P03": STARTING,
    "58": SYSTEM,
    "XX": SYSTEM,
    **dict.fromkeys(("XX001", "XX002"), DAMAGED),
}
# By the number of the error: mariadb.com/kb/en/mariadb-error-code-reference.
MYSQL = {
    **dict.fromkeys(("1045", "1130", "1251", "1524", "1698", "1862", "3118", "4151"), WRONG_LOGIN),
    "1044": NO_CONNECT,
    "1049": NO_DATABASE,
    **dict.fromkeys(("1142", "1143", "1227", "1370"), NO_RIGHT),
    **dict.fromkeys(("1040", "1203", "1226"), NO_SLOT),
    **dict.fromkeys(("1146", "1054", "1356", "1412"), GONE),
    **dict.fromkeys(("1969", "3024"), STATEMENT_TIMEOUT),
    "1317": CANCELLED,
    **dict.fromkeys(("1053", "1077", "1079", "1927"), ENDED),
    **dict.fromkeys(("1158", "1159", "1160", "1161", "2006", "2013"), LOST),
    "1213": CONFLICT,
    "1205": LOCKED,
    **dict.fromkeys(("1021", "1037", "1038", "1041", "1114", "1135"), EXHAUSTED),
    **dict.fromkeys(("1034", "1194", "1195"), DAMAGED),
}
# learn.microsoft.com/sql/relational-databases/errors-events
SQL_SERVER = {
    **dict.fromkeys(("18452", "18456", "18470", "18486", "18487", "18488"), WRONG_LOGIN),
    "4060": NO_DATABASE,
    **dict.fromkeys(("229", "230", "300", "916"), NO_RIGHT),
    **dict.fromkeys(("10928", "10929", "17809"), NO_SLOT),
    **dict.fromkeys(("207", "208"), GONE),
    "1205": CONFLICT,
    "1222": LOCKED,
    **dict.fromkeys(("701", "802", "1105"), EXHAUSTED),
    **dict.fromkeys(("823", "824"), DAMAGED),
}
# docs.oracle.com/error-help/db
ORACLE = {
    **dict.fromkeys(("01005", "01017", "28000", "28001"), WRONG_LOGIN),
    "01045": NO_CONNECT,
    **dict.fromkeys(("12505", "12514"), NO_DATABASE),
    **dict.fromkeys(("01031", "41900"), NO_RIGHT),
    **dict.fromkeys(("00018", "00020", "02391", "12516", "12519", "12520"), NO_SLOT),
    **dict.fromkeys(("00904", "00942"), GONE),
    **dict.fromkeys(("01033", "01034", "01089", "12528"), STARTING),
    **dict.fromkeys(("00028", "02396", "02399"), ENDED),
    **dict.fromkeys(("03113", "03114", "03135", "12537"), LOST),
    "01555": CONFLICT,
    "01013": CANCELLED,
    **dict.fromkeys(("00054", "04021"), LOCKED),
    "12154": UNKNOWN_HOST,
}


def fault_of(codes: Mapping[str, Fault], code: str | None, *, unknown: Fault = UNANSWERED) -> Fault:
    """Return what a code means; of a SQLSTATE that is not listed, what its class means."""
    if code is None:
        return unknown
    beginnings = [code, code[:3], code[:2]] if codes is POSTGRESQL else [code]
    return next((codes[begin] for begin in beginnings if begin in codes), unknown)


# Errors that come without a code, such as libpq's when a connection is refused. What is not here, or in a language that
# is not, counts as something that time may help.
WORDS = {
    "authentication failed": WRONG_LOGIN,
    "no password supplied": WRONG_LOGIN,
    "no pg_hba.conf entry": WRONG_LOGIN,
    "is not permitted to log in": WRONG_LOGIN,
    'FATAL: role "': WRONG_LOGIN,  # … does not exist
    "is not currently accepting connections": STARTING,
    'FATAL: database "': NO_DATABASE,  # … does not exist
    "permission denied for database": NO_CONNECT,
    "too many connections": NO_SLOT,
    "too many clients already": NO_SLOT,
    "connection slots are reserved": NO_SLOT,
    "the database system is": STARTING,
    "could not translate host name": UNKNOWN_HOST,
    "failed to lookup address": UNKNOWN_HOST,
    "FATAL:": REFUSED,
    "permission denied": NO_RIGHT,
    "timed out waiting for connection": UNREACHABLE,
    "IO error": LOST,
    "Broken pipe": LOST,
    "connection closed": LOST,
    "Connection reset": LOST,
}


def fault_in(said: str) -> Fault | None:
    """Return what a message without a code means; None where it is not known."""
    text = " ".join(said.split())
    return next((fault for words, fault in WORDS.items() if words in text), None)
