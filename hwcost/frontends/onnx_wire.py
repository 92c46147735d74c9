"""How much memory a protobuf file will take, found by walking its fields and before parsing it.

Two bytes of a file can stand for a message of 150 bytes in memory, so a file of a few megabytes can fill a machine. Files too
small to do harm are not looked at; in a larger file of a real network nearly all bytes are weights, which are stepped over.
Source of the format: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from typing import Any

from hwcost.errors import InputError

HARMLESS_BYTES = 2 << 20
"""Up to here no file can take more than about 200 MiB (2 bytes become 190 in the worst case measured)."""
MOST_BYTES = 640 << 20
"""What the parsed messages may take, the bytes of weights included."""

MOST_FIELDS = 500_000
"""Fields of all messages together: ten thousand operators, the most that are read, have no more."""

MESSAGE_BYTES = 150
ENTRY_BYTES = 16
PACKED_GROWTH = 8
"""A number packed into one byte takes eight when parsed."""

_STRING, _MESSAGE, _BYTES = 9, 11, 12
"""Types of field, as descriptors number them."""


def require_modest(data: bytes, descriptor: Any, where: str) -> None:
    """Raise InputError if parsing `data` as a message of `descriptor` would take too much memory, or if it is cut off."""
    if len(data) <= HARMLESS_BYTES:
        return
    taken = fields_seen = 0
    todo = [(0, len(data), descriptor)]
    while todo:
        at, stop, kind = todo.pop()
        fields = kind.fields_by_number
        while at < stop:
            key, at = _varint(data, at, stop, where)
            start, at = _field(data, at, stop, key & 7, where)
            field = fields.get(key >> 3)
            taken += ENTRY_BYTES
            fields_seen += 1
            if key & 7 == 2 and field is not None and field.type == _MESSAGE:
                taken += MESSAGE_BYTES
                todo.append((start, at, field.message_type))
            elif key & 7 == 2:
                taken += (at - start) * (1 if field is None or field.type in {_STRING, _BYTES} else PACKED_GROWTH // _packed_width(field))
            if taken > MOST_BYTES or fields_seen > MOST_FIELDS:
                raise InputError(f"{where} would take too much memory when parsed ({fields_seen:,} entries so far); no real network does")


def _packed_width(field: Any) -> int:
    """Bytes of a packed number in the file that are certain: fixed widths take what they are stored in."""
    fixed = {1: 8, 2: 8, 6: 8, 7: 8, 15: 8, 16: 8}  # double and float take no more memory than in the file
    return fixed.get(field.type, 1)


def _varint(data: bytes, at: int, stop: int, where: str) -> tuple[int, int]:
    value = shift = 0
    while at < stop and shift < 64:
        byte = data[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
    raise _damaged(where)


def _field(data: bytes, at: int, stop: int, wire_type: int, where: str) -> tuple[int, int]:
    """Where the contents of a field start and stop."""
    if wire_type == 0:
        return at, _varint(data, at, stop, where)[1]
    if wire_type == 2:
        length, at = _varint(data, at, stop, where)
    elif wire_type in {1, 5}:
        length = 8 if wire_type == 1 else 4
    else:
        raise _damaged(where)
    if at + length > stop:
        raise _damaged(where)
    return at, at + length


def _damaged(where: str) -> InputError:
    return InputError(f"{where} is no ONNX model, or is damaged: it does not parse")
