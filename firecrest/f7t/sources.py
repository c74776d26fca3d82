"""Where settings come from: arguments, the environment, a YAML file that a variable names."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsError,
    YamlConfigSettingsSource,
)
from yaml import YAMLError

T = TypeVar("T", bound=BaseSettings)

SHARED_SECRET = r"^[\x21-\x7e]{16,}$"
"""Pattern of a secret between two parts: as long as it takes, and fit for an HTTP header."""


def with_file(
    variable: str, tree: type[BaseSettings], *others: PydanticBaseSettingsSource
) -> tuple[PydanticBaseSettingsSource, ...]:
    """`others`, which win, and behind them the file that `variable` names, if it is set."""
    config = os.environ.get(variable)
    return (*others, YamlConfigSettingsSource(tree, Path(config))) if config else others


def read_or_exit(read: Callable[[], T], where: str) -> T:
    """What `read` returns; else the process ends with status 1 and a line for every bad key.

    Values are never shown, for one of them may be a secret. `where` tells where they come from.
    """
    try:
        return read()
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}"
            for one in error.errors(include_input=False)
        ]
    except SettingsError as error:
        problems = [str(error)]
    except (YAMLError, OSError, TypeError, ValueError) as error:
        problems = [f"the file cannot be read: {type(error).__name__}"]
    lines = "\n".join(f"  {problem}" for problem in problems)
    sys.exit(f"The settings ({where}) are wrong:\n{lines}")
