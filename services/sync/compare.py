"""Whether what a place shows is the picture that a target wants."""

from dataclasses import dataclass, replace

from catalog import Slot
from servicekit.pictures.perceptual import PerceptualHash, distance
from services.sync.domain.connection import Place
from services.sync.domain.target import Seen, Submission


@dataclass(frozen=True)
class Wanted:
    """The file that a place shall show; an empty one says that it shall show none.

    `content_id` is the tag that it has there, where the platform makes it from the content; `found_tag` the one that it had there when
    it was found.
    """

    sha256: str
    perceptual_hash: str
    content_id: str | None = None
    found_tag: str = ""


NOTHING = Wanted("", "")


def compared(seen: Seen, wanted: Wanted | None, *, slot: Slot, place: Place | None, sent: Submission | None) -> Seen:
    """Returns the look with its distance to the wanted file, and whether it is that.

    Platforms re-encode, so pictures are compared by how they look. A picture that is known to be an older one is not the
    wanted one, however alike they are: after a small retouch they nearly are the same.
    """
    if wanted == NOTHING:
        return replace(seen, is_wanted=not seen.tag and not seen.url)
    if wanted is None or not seen.tag:
        return seen
    bits = _distance(seen.perceptual_hash, wanted.perceptual_hash)
    if seen.tag == wanted.found_tag:
        return replace(seen, distance=bits, is_wanted=True)
    if wanted.content_id is not None:
        return replace(seen, distance=bits, is_wanted=seen.tag == wanted.content_id)
    is_other_file_of_ours = place is not None and place.ours_tag == seen.tag and place.ours_sha256 != wanted.sha256
    is_from_before = (
        slot.read_back == "changed" and sent is not None and sent.may_be_out and sent.before_tag == seen.tag
    )
    alike = bits is not None and bits <= slot.perceptual_distance_max
    return replace(seen, distance=bits, is_wanted=alike and not is_other_file_of_ours and not is_from_before)


def _distance(first: str, second: str) -> int | None:
    if not first or not second:
        return None
    return distance(PerceptualHash.from_hex(first), PerceptualHash.from_hex(second))
