"""Settings for the verbs, and the names that completion offers."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.base.settings import Settings

Sources = Annotated[
    str,
    typer.Option(
        envvar="CRM_SOURCES",
        metavar="NAMES",
        help="The sources to use, comma-separated, with * and ?; each is a file in dags/sources/. Default: the demo "
        "company's.",
    ),
]


def active(sources: str = "") -> "Settings":
    """Settings with the sources that are named, in CRM_SOURCES or as an option."""
    from pipeline.base.settings import load_settings

    return load_settings({**os.environ, "CRM_SOURCES": sources or os.environ.get("CRM_SOURCES", "")})


def every() -> "Settings":
    """Settings for a verb that needs only the folders, whatever CRM_SOURCES says."""
    from pipeline.base.settings import every_source, load_settings

    return load_settings(every_source())


def up_to_date() -> "Settings":
    """Settings for a verb that only reads: a home at an address is fetched first."""
    from pipeline.base.lock import fetched

    return fetched(every())


def kept_releases(incomplete: str) -> list[str]:
    """Ids of the releases that are kept, for completion."""
    from pipeline.base.errors import UserError
    from pipeline.serving import releases

    try:
        return [path.name for path in releases.kept_releases(every()) if path.name.startswith(incomplete)]
    except (UserError, OSError):
        return []


def known_sources(incomplete: str) -> list[str]:
    """Names of the sources, for completion."""
    from pipeline.base.settings import known_sources as known

    return [name for name in known() if name.startswith(incomplete)]


def known_campaigns(incomplete: str) -> list[str]:
    """Names of the campaigns, for completion."""
    from pipeline.base.settings import CAMPAIGNS

    return sorted(path.stem for path in CAMPAIGNS.glob("[!.]*.yml") if path.stem.startswith(incomplete))
