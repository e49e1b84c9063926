"""What a request says of the copy that it has, the part that it wants and the formats that it can show (RFC 9110). Pure: no I/O."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ETAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)
_WEIGHT = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
# What a browser sends has about 100 characters, and the longest ones of programs a few hundred.
MAX_HEADER_CHARACTERS = 4096


def is_known(if_none_match: str, etag: str) -> bool:
    """Tells whether `If-None-Match` names a version. Weak ones count, as the comparison for it is weak; `*` is any version."""
    if if_none_match == etag:
        return True
    if if_none_match.strip() == "*":
        return True
    # Not split at commas: a tag may hold one.
    return any(match[2] == etag for match in _ETAG.finditer(if_none_match[:MAX_HEADER_CHARACTERS]))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file. `end` is the byte after the last."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


class UnsatisfiableError(Exception):
    """The part that is asked for begins behind the end."""


def wanted_part(range_header: str, if_range: str, *, etag: str, size: int) -> Part | None:
    """Returns the part that a request wants, or None when it is to get the whole.

    That is so for several parts at once and for what makes no sense, as the standard allows, and when `If-Range` names another version; a date
    there never matches, since we send none. Raises `UnsatisfiableError`.
    """
    if not range_header or (if_range and if_range.strip() != etag):
        return None
    match = _RANGE.fullmatch(range_header.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        length = min(int(match[2]), size)
        if length == 0:
            raise UnsatisfiableError
        return Part(size - length, size)
    start = int(match[1])
    if match[2] and int(match[2]) < start:
        return None
    if start >= size:
        raise UnsatisfiableError
    return Part(start, min(int(match[2]) + 1, size) if match[2] else size)


def preferred(accept: str, offers: Sequence[str], *, safest: str) -> str:
    """Returns the media type to answer with: the best of `offers` that is asked for by name, else `safest`.

    A pattern such as `image/*` speaks for the safest alone: programs that send it have said nothing of formats that came after them. Of
    equals the earlier offer wins. What accepts none of them gets the safest as well: a picture is worth more than an error.
    """
    weights = _weights(accept)
    kind = safest.partition("/")[0]
    best, best_weight = safest, weights.get(safest, weights.get(f"{kind}/*", weights.get("*/*", 0.0)))
    for offer in reversed(offers):
        weight = weights.get(offer, 0.0)
        if weight > 0 and weight >= best_weight:
            best, best_weight = offer, weight
    return best


def _weights(accept: str) -> Mapping[str, float]:
    """Returns how much each media type or pattern is wanted, 0 to 1; what cannot be read is left out."""
    weights: dict[str, float] = {}
    for part in accept[:MAX_HEADER_CHARACTERS].split(","):
        media_type, *parameters = (word.strip().lower() for word in part.split(";"))
        weight = "1"
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                weight = value.strip()
        if media_type and _WEIGHT.fullmatch(weight):
            weights[media_type] = float(weight)
    return weights
