"""The companies a sandbox can start with, by name. Each keeps its own books.

`sample` is the generated company of the demonstration, `landscaping` the vendor's own demonstration
company, `blank` an org and a company without a record: what is made for them is in the data folder.
Any other name is a folder of JSON records of yours in the folder `companies` beside the sandbox's
data folder, where their books are too.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.errors import ConfigurationError
from pipelines.folders import make_private

BOOKS = "books.log"
SAMPLE = "sample"


@dataclass(frozen=True)
class Company:
    """What a sandbox serves: its first records (None: no record) and where changes are kept."""

    seed: Path | None
    books: Path


def sample_company(folder: Path, *, anew: bool = False) -> Path:
    """The sample company's seed folder below `folder`; generated if not there yet, or if `anew`."""

    def generate(place: Path) -> None:
        from pipelines.sandbox.company import generate as write

        write(place, folder / "answer_key.json")

    return _generated(folder / "sample_company", generate, anew)


def company(name: str, data_dir: Path) -> Company:
    """The company of that name, generated if it is not there yet.

    Raises `ConfigurationError` with the known names for an unknown one.
    """
    home = data_dir.parent
    if name == SAMPLE:
        return Company(sample_company(home), data_dir / BOOKS)
    if name == "blank":
        return Company(None, data_dir / "blank.log")
    if name == "landscaping":
        seed = _generated(data_dir / "landscaping_company", _landscaping)
        return Company(seed, data_dir / "landscaping.log")
    own = _own(home)
    if name in own:
        return Company(own[name], home / "companies" / f"{name}.log")
    known = ", ".join([SAMPLE, "landscaping", "blank", *own])
    raise ConfigurationError(
        "sandbox",
        f"--company {name}",
        f"there is no company of that name; known are {known}",
        f"Name one of these, or put a folder of JSON records at {home / 'companies'}.",
    )


def _own(home: Path) -> dict[str, Path]:
    folder = home / "companies"
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return {place.name: place for place in found if place.is_dir()}


def _landscaping(place: Path) -> None:
    from pipelines.sandbox.quickbooks import landscaping

    landscaping.write(place, datetime.now(UTC).replace(microsecond=0).isoformat())


def _generated(seed: Path, generate: Callable[[Path], None], anew: bool = False) -> Path:
    """A generated seed folder: made beside and renamed, so that none is ever half there, also when
    two of us begin at once."""
    if anew or not (seed / "manifest.json").exists():
        make_private(seed.parent)
        with tempfile.TemporaryDirectory(prefix=f"{seed.name}.", dir=seed.parent) as beside:
            generate(Path(beside) / "new")
            if anew:
                shutil.rmtree(seed, ignore_errors=True)
            # Another process may have been faster: then its company, the same, is there now.
            with suppress(OSError):
                (Path(beside) / "new").rename(seed)
    return seed
