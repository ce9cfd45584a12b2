"""Where the SQL and the templates are: inside the package in a wheel, beside it in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _directory(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def sql_dir() -> Path:
    """Return the folder that holds schema/, functions/, partitions/, views/ and ledger/."""
    return _directory("sql")


def templates_dir() -> Path:
    """Return the folder of the Jinja2 templates."""
    return _directory("templates")


def package_version() -> str:
    """Return the installed distribution's version."""
    from importlib.metadata import version

    return version("esdb")
