"""What a switch tells of its call in texts: ids, numbers, fields of its own; all bounded, none believed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from daemon.media.dialects.dialect import MOST_FIELDS_BYTES, Begun, DialectError, Pressed
from daemon.media.keys import DIGITS

MOST_TEXT_BYTES = 65_536
"""Of one message: a description with a call's SIP headers has some thousand, 20 ms of audio some hundred."""
MOST_ID_CHARACTERS = 256
"""Of a call's id or a number: longer than any switch makes one."""
MOST_DIGITS = 15
"""Of a number: in milliseconds 30,000 years, and exact as a float."""

CALL_IDS = ("callSid", "call_sid", "callId", "callid", "call_id", "uuid", "Unique-ID")
CALLERS = ("from", "caller", "callerId", "caller_id", "callerNumber", "caller_number", "caller_id_number")
DIDS = ("to", "did", "called", "calledNumber", "called_number", "destination_number")
"""The keys under which switches and dialplans say these; the first that is there counts."""

_ANY_NUMBER = 10**MOST_ID_CHARACTERS
_NO_TEXT = "\\u0000"  # as JSON writes the character that PostgreSQL keeps in no text


def checked(text: str) -> str:
    """The text itself. Raises DialectError where it is too long, or cannot be written as UTF-8."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise DialectError("a text that is not Unicode") from None
    if size > MOST_TEXT_BYTES:
        raise DialectError(f"a text of {size} bytes: at most {MOST_TEXT_BYTES}")
    return text


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is; None for any other text. Raises DialectError as `checked` does."""
    try:
        value = from_json(checked(text), allow_inf_nan=False)
    except ValueError:  # no JSON, or deeper than anybody means it, or half a surrogate pair
        return None
    return value if isinstance(value, dict) else None


def an_id(value: object) -> str | None:
    """A value as an id or a number; None where it is none: empty, too long, with what cannot be printed."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _ANY_NUMBER:
        value = str(value)
    if not isinstance(value, str) or not value.isprintable():
        return None
    value = value.strip()
    return value if 0 < len(value) <= MOST_ID_CHARACTERS else None


def taken(said: dict[str, Any], keys: Sequence[str]) -> str | None:
    """The first of `keys` that holds an id, which is taken out of `said`; None where none does."""
    for key in keys:
        if (found := an_id(said.get(key))) is not None:
            del said[key]
            return found
    return None


def bounded(said: Mapping[str, Any]) -> dict[str, Any]:
    """As many whole fields as MOST_FIELDS_BYTES hold, written as JSON; what has no place is left out."""
    kept, left = {}, MOST_FIELDS_BYTES - len("{}")
    for key, value in said.items():
        try:
            written = json.dumps({key: value}, allow_nan=False)
        except ValueError:
            continue  # 1e999 is JSON, but no number that we could write
        if len(written) <= left and _NO_TEXT not in written:
            kept[key] = value
            left -= len(written)  # its braces stand for the comma and the blank before the next
    return kept


def told(text: str) -> Begun:
    """What the text says of a call: a JSON object by the usual keys, any other text as the field `text`."""
    said = json_object(text)
    if said is None:
        return Begun(fields=bounded({"text": text}))
    call_id, caller_id, did = (taken(said, keys) for keys in (CALL_IDS, CALLERS, DIDS))
    return Begun(call_id=call_id, caller_id=caller_id, did=did, fields=bounded(said))


def whole(value: object) -> int | None:
    """A whole number from 0 on, or the text of one, of MOST_DIGITS at most; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= MOST_DIGITS:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**MOST_DIGITS:
        return value
    return None


def pressed(value: object) -> Pressed | None:
    """The key that a value names; None where it is none of DIGITS."""
    key = str(value).upper() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return Pressed(key) if len(key) == 1 and key in DIGITS else None
