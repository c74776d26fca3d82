"""Points in time as users of the accounting call may write them (compute.md C6, D10)."""

from __future__ import annotations

import re
from datetime import datetime

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
_MERIDIEM = r"(?:\s*(?P<half>[AaPp])[Mm])?"
_YEAR = r"(?P<year>\d{4}|\d{2})"
_FORMATS = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        _CLOCK + _MERIDIEM,
        r"(?P<month>\d{2})(?P<day>\d{2})(?P<year>\d{2})?",
        rf"(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}})(?:/{_YEAR})?(?:-{_CLOCK}{_MERIDIEM})?",
        rf"(?P<month>\d{{1,2}})\.(?P<day>\d{{1,2}})(?:\.{_YEAR})?",
        rf"(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})(?:T{_CLOCK})?",
    )
)
FORMATS = (
    "HH:MM[:SS] [AM|PM], MMDD[YY], MM/DD[/YY], MM.DD[.YY], MM/DD[/YY]-HH:MM[:SS], "
    "YYYY-MM-DD[THH:MM[:SS]]"
)


def parse_time(text: str, now: datetime) -> datetime:
    """The moment that `text` means, in the machine's local time, without zone.

    As Slurm reads times of accounting queries: a time without date is today's; a date without time
    is its midnight; a date without year is the last one, today included; two digits of a year
    belong to this century.

    Args:
        text: in one of `FORMATS`.
        now: the machine's local time, without zone.

    Raises:
        ValueError: the text has another form or names no moment; says which forms there are.
    """
    for form in _FORMATS:
        found = form.fullmatch(text.strip())
        if found is not None:
            try:
                return _moment(found.groupdict(), now)
            except ValueError as error:
                raise ValueError(f"No such time; known formats: {FORMATS}") from error
    raise ValueError(f"Known formats: {FORMATS}")


def _moment(parts: dict[str, str | None], now: datetime) -> datetime:
    hour = int(parts.get("hour") or 0)
    half = parts.get("half")
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("12-hour clock")
        hour = hour % 12 + (12 if half in "Pp" else 0)
    minute, second = int(parts.get("minute") or 0), int(parts.get("second") or 0)
    month, day, year = parts.get("month"), parts.get("day"), parts.get("year")
    if month is None or day is None:
        return now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if year is not None:
        whole = int(year) if len(year) == 4 else 2000 + int(year)
    else:
        later = (int(month), int(day)) > (now.month, now.day)
        whole = now.year - 1 if later else now.year
    return datetime(whole, int(month), int(day), hour, minute, second)
