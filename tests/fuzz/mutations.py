"""Ways to damage a file, from a flipped bit to whole parts in the wrong order. The same dice give the same file."""

import zlib
from collections.abc import Callable, Sequence
from random import Random

# Numbers at which sizes and counters turn over.
_ODD_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

Mutation = Callable[[Random, bytes, Sequence[bytes]], bytes]


def mutated(dice: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    """Returns the file with one to four damages; `others` are files to take parts from."""
    for _ in range(dice.choice((1, 1, 2, 4))):
        content = dice.choice(MUTATIONS)(dice, content, others)
    # With wrong sums a PNG is not read far enough for its other damages to matter.
    return _with_right_sums(content) if dice.random() < 0.7 else content


def _flip_bits(dice: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    damaged = bytearray(content)
    for _ in range(dice.choice((1, 2, 8, 64))):
        if damaged:
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def _flip_bits_in_the_header(dice: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    end = dice.choice((32, 128, 512))
    return _flip_bits(dice, content[:end], others) + content[end:]


def _cut(dice: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return content[: _place(dice, content)]


def _remove(dice: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start = _place(dice, content)
    return content[:start] + content[start + dice.choice((1, 4, 100)) :]


def _repeat(dice: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start = _place(dice, content)
    span = content[start : start + dice.choice((1, 12, 200))]
    return content[:start] + span * dice.choice((2, 3, 500)) + content[start:]


def _splice(dice: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    other = dice.choice(others)
    return content[: _place(dice, content)] + other[_place(dice, other) :]


def _edit_number(dice: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    width = dice.choice((1, 2, 4))
    number = dice.choice(_ODD_NUMBERS) & (1 << 8 * width) - 1
    start = _place(dice, content[: dice.choice((64, 512, len(content)))])
    return content[:start] + number.to_bytes(width, dice.choice(("big", "little"))) + content[start + width :]


def _shuffle_parts(dice: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    """Repeats, drops, swaps or takes over whole chunks, segments or boxes."""
    head, parts = split(content)
    if not parts:
        return _flip_bits(dice, content, others)
    here, there = dice.randrange(len(parts)), dice.randrange(len(parts))
    match dice.randrange(4):
        case 0:
            parts[here:here] = [parts[here]] * dice.choice((1, 2, 50, 1000))
        case 1:
            del parts[here]
        case 2:
            parts[here], parts[there] = parts[there], parts[here]
        case _:
            parts[here:here] = dice.choices(split(dice.choice(others))[1] or [b""], k=2)
    # A thousand large parts would only be refused for their bytes.
    return (head + b"".join(parts))[:2_000_000]


def _append(dice: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return content + dice.choice((b"PK\x03\x04", b"<script>1</script>", dice.randbytes(100), content))


MUTATIONS: tuple[Mutation, ...] = (
    _flip_bits,
    _flip_bits_in_the_header,
    _flip_bits_in_the_header,
    _cut,
    _remove,
    _repeat,
    _splice,
    _edit_number,
    _edit_number,
    _edit_number,
    _shuffle_parts,
    _shuffle_parts,
    _append,
)


def split(content: bytes) -> tuple[bytes, list[bytes]]:
    """Cuts a healthy file into its start and its parts; no parts where the container is not known."""
    if content.startswith(b"\x89PNG"):
        return content[:8], _parts(content, 8, lambda at: int.from_bytes(content[at : at + 4]) + 12)
    if content.startswith(b"RIFF"):
        return content[:12], _parts(
            content, 12, lambda at: _even(int.from_bytes(content[at + 4 : at + 8], "little")) + 8
        )
    if content[4:8] == b"ftyp":
        return b"", _parts(content, 0, lambda at: int.from_bytes(content[at : at + 4]))
    if content.startswith(b"\xff\xd8"):
        return content[:2], _parts(content, 2, lambda at: int.from_bytes(content[at + 2 : at + 4]) + 2)
    return content, []


def _parts(content: bytes, position: int, length: Callable[[int], int]) -> list[bytes]:
    parts = []
    while position < len(content):
        # The pixels of a JPEG are no segment: what cannot be cut is one part with all that follows.
        end = position + max(length(position), 1)
        if content.startswith(b"\xff\xda", position) or end > len(content):
            end = len(content)
        parts.append(content[position:end])
        position = end
    return parts


def _with_right_sums(content: bytes) -> bytes:
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return content
    head, parts = split(content)
    return head + b"".join(
        part[:-4] + zlib.crc32(part[4:-4]).to_bytes(4) if len(part) >= 12 else part for part in parts
    )  # fmt: skip


def _place(dice: Random, content: bytes) -> int:
    return dice.randrange(len(content)) if content else 0


def _even(number: int) -> int:
    return number + number % 2
