"""How each kind of server that connectorx reads writes what a load asks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pipeline.base.duck import quote_identifier
from pipeline.landing.readers.databases import faults
from pipeline.landing.readers.databases.faults import Fault


@dataclass(frozen=True)
class Dialect:
    """How a kind of server writes what a load asks for.

    Attributes
    ----------
    quote : callable
        Quotes a name.
    text : str
        SQL that turns `{0}` into text without loss.
    local, date, instant : str
        SQL that turns a time without a zone and a day into text, and a time with a zone into text of UTC with `+00:00`.
    moment, moment_of_instant : str
        SQL of a moment `{0}`, which is quoted text such as '2024-01-05 00:00:00': local time, and UTC.
    instants : set of str
        Types of times with a zone, or with one that the server keeps for them.
    as_it_is : set of str
        Types that connectorx hands over whole.
    special : dict
        SQL of the types that neither it nor `text` hands over without loss.
    here : str
        SQL of the schema in which tables without one are looked for.
    port : int or None
        Where the server listens when the connection does not say it. None: it cannot be told.
    codes : dict
        What its errors mean, by what `code` finds in the message of one.
    missing : str
        SQL: whether the cursor `{0}` has no time.
    ping : str
        A query that needs a login only.
    """

    quote: Callable[[str], str]
    text: str
    local: str
    date: str
    instant: str
    moment: str
    moment_of_instant: str
    instants: frozenset[str]
    as_it_is: frozenset[str]
    here: str
    port: int | None
    codes: Mapping[str, Fault]
    code: str
    special: Mapping[str, str] = field(default_factory=dict)
    missing: str = "{0} is null"
    ping: str = "select 1 as one"
    columns: str = """
        select column_name, data_type from information_schema.columns
        where table_name = {table} and table_schema = {schema} order by ordinal_position"""
    tables: str = "select table_name from information_schema.tables where table_schema = {schema} order by 1"


def _backticks(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _brackets(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"


# MySQL's 0000-00-00 stands for no date; a date with a day that does not exist stays what it is.
_ZERO_IS_NULL = "if(cast({0} as char) like '0000-00-00%', null, cast({0} as char))"
_GEOMETRIES = (
    *("geometry", "point", "linestring", "polygon", "geometrycollection", "geomcollection"),
    *("multipoint", "multilinestring", "multipolygon"),
)
_HEX_OF_SQL_SERVER = "convert(varchar(max), cast({0} as varbinary(max)), 1)"
_ANSI = Dialect(
    quote=quote_identifier,
    text="cast({0} as varchar)",
    local="cast({0} as varchar)",
    date="cast({0} as varchar)",
    instant="cast({0} at time zone 'UTC' as varchar) || '+00:00'",
    moment="cast({0} as timestamp)",
    moment_of_instant="(cast({0} as timestamp) at time zone 'UTC')",
    instants=frozenset({"timestamp with time zone", "timestamptz"}),
    as_it_is=frozenset({"smallint", "integer", "bigint", "character varying", "character", "text"}),
    here="current_schema()",
    port=5432,
    codes=faults.POSTGRESQL,
    code=r"SqlState\(E(\w{5})\)",
)
DIALECTS = {
    "postgresql": _ANSI,
    "redshift": replace(_ANSI, port=5439),
    "mysql": Dialect(
        quote=_backticks,
        text="cast({0} as char)",
        local=_ZERO_IS_NULL,
        date=_ZERO_IS_NULL,
        instant="concat(cast(convert_tz({0}, @@session.time_zone, '+00:00') as char), '+00:00')",
        moment="cast({0} as datetime)",
        moment_of_instant="convert_tz({0}, '+00:00', @@session.time_zone)",
        instants=frozenset({"timestamp"}),
        as_it_is=frozenset(
            {
                *("int", "bigint", "smallint", "mediumint", "float", "double"),
                *("varchar", "char", "tinytext", "text", "mediumtext", "longtext"),
                *("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"),
            }
        ),
        special={
            "bit": "cast({0} as unsigned)",
            **dict.fromkeys(_GEOMETRIES, "hex(st_aswkb({0}))"),
            "vector": "hex({0})",
        },
        missing="({0} is null or {0} < '1000-01-01')",  # the zero time, which is before all others
        here="database()",
        port=3306,
        codes=faults.MYSQL,
        code=r"ERROR (\d+) \(",
    ),
    "mssql": Dialect(
        quote=_brackets,
        text="convert(nvarchar(max), {0}, 121)",
        local="convert(nvarchar(27), {0}, 121)",
        date="convert(nvarchar(max), {0}, 121)",
        instant="convert(nvarchar(26), cast(switchoffset({0}, '+00:00') as datetime2(6)), 121) + '+00:00'",
        moment="cast({0} as datetime2)",
        moment_of_instant="todatetimeoffset(cast({0} as datetime2), '+00:00')",
        instants=frozenset({"datetimeoffset"}),
        as_it_is=frozenset({"int", "bigint", "smallint", "varchar", "nvarchar", "char", "nchar", "text", "ntext"}),
        special=dict.fromkeys(("binary", "varbinary", "image", "timestamp", "rowversion"), _HEX_OF_SQL_SERVER),
        here="schema_name()",
        port=None,  # a named instance has one of its own
        codes=faults.SQL_SERVER,
        code=r"code: (\d+)",
    ),
    "oracle": Dialect(
        quote=quote_identifier,
        text="to_char({0})",
        local="to_char(cast({0} as timestamp), 'YYYY-MM-DD HH24:MI:SS.FF6')",
        date="to_char({0})",
        instant="to_char(sys_extract_utc({0}), 'YYYY-MM-DD HH24:MI:SS.FF6') || '+00:00'",
        moment="to_timestamp({0}, 'YYYY-MM-DD HH24:MI:SS')",
        moment_of_instant="from_tz(to_timestamp({0}, 'YYYY-MM-DD HH24:MI:SS'), 'UTC')",
        instants=frozenset({"timestamp with time zone", "timestamp with local time zone"}),
        as_it_is=frozenset({"varchar2", "nvarchar2", "char", "nchar", "clob"}),
        special={"raw": "rawtohex({0})"},
        here="sys_context('userenv', 'current_schema')",
        port=1521,
        codes=faults.ORACLE,
        code=r"ORA-(\d{5})",
        ping="select 1 as one from dual",
        columns="""
        select column_name, lower(data_type) from all_tab_columns
        where table_name = {table} and owner = {schema} order by column_id""",
        tables="select table_name from all_tables where owner = {schema} order by 1",
    ),
}
