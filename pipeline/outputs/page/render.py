"""A template becomes one HTML file: nothing from the network, equal values give equal bytes."""

from pathlib import Path
from typing import Any

import jinja2

SHARED = Path(__file__).parent


def render(template: Path, values: dict[str, Any]) -> bytes:
    """Return the page of a template, which may include `style.css`.

    Parameters
    ----------
    template
        A Jinja template. Values are escaped, except those of `markupsafe.Markup`.
    values
        What it shows; a name that is missing is an error.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, SHARED]), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(template.name).render(values).encode()
