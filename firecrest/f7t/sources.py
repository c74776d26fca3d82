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
from yaml import MarkedYAMLError, YAMLError

T = TypeVar("T", bound=BaseSettings)

SHARED_SECRET = r"^[\x21-\x7e]{16,}$"
"""Pattern of a secret between two parts: as long as it takes, and fit for an HTTP header."""


def with_file(
    variable: str, tree: type[BaseSettings], *others: PydanticBaseSettingsSource
) -> tuple[PydanticBaseSettingsSource, ...]:
    """`others`, which win, and behind them the file that `variable` names, if it is set.

    Raises:
        OSError, YAMLError, ValueError, TypeError: there is no such file, or it holds no YAML map.
    """
    config = os.environ.get(variable)
    if not config:
        return others
    if not Path(config).is_file():
        raise FileNotFoundError(f"{config}: there is no such file")
    return *others, YamlConfigSettingsSource(tree, Path(config))


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
    except (SettingsError, OSError) as error:
        problems = [str(error)]
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problems = [f"the file is not YAML: {error.problem} in line {line}"]
    except (YAMLError, TypeError, ValueError):
        problems = ["the file holds no YAML map"]
    lines = "\n".join(f"  {problem}" for problem in problems)
    sys.exit(f"The settings ({where}) are wrong:\n{lines}")
