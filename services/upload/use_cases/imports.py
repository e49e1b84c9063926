"""Pictures that are fetched from an address that their owner has named."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import structlog

from servicekit.database import OpenStore
from servicekit.errors import AlreadyExistsError, InvalidInputError, PreconditionError
from servicekit.outbound import (
    AnswerTooLargeError,
    Outbound,
    OutboundError,
    OverdueError,
    RefusedHostError,
    TooManyRedirectsError,
)
from services.upload.domain.image import Image, check_alt_text
from services.upload.domain.limits import too_many_bytes
from services.upload.staging import filled
from services.upload.store import Store
from services.upload.use_cases.intake import Intake
from services.upload.use_cases.shown import ShownImage, existing_image, show

log = structlog.get_logger()

# Sites need one or two (to https, to www, to where files are); more is a loop or a trap.
MAX_REDIRECTS = 5
# As long as addresses get that people paste; browsers and servers take little more.
URL_MAX_CHARACTERS = 2000
NOT_THERE = (404, 410)


class _CameFirstError(Exception):
    """The same key came twice at once, and the other import was first."""


@dataclass(frozen=True)
class Imports:
    """Dependencies of the use cases."""

    stores: OpenStore[Store]
    intake: Intake
    outbound: Outbound
    timeout_seconds: float

    async def fetch(self, url: str, *, owner_id: str, alt_text: str, idempotency_key: str | None) -> ShownImage:
        """Fetches a picture and takes it into the library, like one that was sent.

        Raises `InvalidInputError` (IMPORT_ADDRESS_REFUSED, IMPORT_TOO_MANY_REDIRECTS, or the refusal of the picture), `PreconditionError`
        (IMPORT_NO_ANSWER, IMPORT_NOT_FOUND, IMPORT_TIMEOUT, QUOTA_EXCEEDED), and `AlreadyExistsError` when the key came before with another address.
        """
        url = _check_address(url)
        alt_text = check_alt_text(alt_text)
        if idempotency_key is not None:
            earlier = await self._earlier(url, owner_id, idempotency_key)
            if earlier is not None:
                return earlier
        try:
            async with filled(partial(self._download, url)) as file:
                return await self.intake.upload(
                    file,
                    owner_id=owner_id,
                    alt_text=alt_text,
                    file_name=_file_name(url),
                    idempotency_key=None,
                    along=None if idempotency_key is None else partial(_note, url, idempotency_key),
                )
        except _CameFirstError:
            earlier = await self._earlier(url, owner_id, idempotency_key or "")
            if earlier is None:
                raise
            return earlier

    async def _earlier(self, url: str, owner_id: str, key: str) -> ShownImage | None:
        async with self.stores() as store:
            found = await store.import_by_key(owner_id, key)
            if found is None:
                return None
            url_sha256, image_id = found
            if url_sha256 != _hash(url):
                raise AlreadyExistsError(
                    "This Idempotency-Key was used before with another address. Use a new key for a new import.",
                    reason="IDEMPOTENCY_KEY_REUSED",
                )
            image = await existing_image(store, image_id, owner_id)
            [shown] = await show(store, [image])
            return shown

    async def _download(self, url: str, path: Path) -> None:
        """Fetches what is behind an address into a file. What goes wrong is told without what we see of our own network."""
        max_bytes = self.intake.limits.max_bytes
        try:
            status = await self.outbound.download(
                url, path, timeout_seconds=self.timeout_seconds, max_bytes=max_bytes, max_redirects=MAX_REDIRECTS
            )
        except RefusedHostError as error:
            log.info("import_address_refused", problem=str(error))
            raise InvalidInputError(
                "Pictures are fetched by https from the public internet alone, and this address is not there or leads somewhere else."
                " Download the picture, and upload the file.",
                reason="IMPORT_ADDRESS_REFUSED",
            ) from error
        except TooManyRedirectsError as error:
            raise InvalidInputError(
                f"This address leads on to another one more than {MAX_REDIRECTS} times. Use the address of the picture itself.",
                reason="IMPORT_TOO_MANY_REDIRECTS",
                metadata={"max_redirects": str(MAX_REDIRECTS)},
            ) from error
        except AnswerTooLargeError as error:
            raise too_many_bytes(max_bytes) from error
        except OverdueError as error:
            raise PreconditionError(
                f"The picture did not arrive within {self.timeout_seconds:g} seconds. Try again, or download it and upload the file.",
                reason="IMPORT_TIMEOUT",
                metadata={"limit_seconds": f"{self.timeout_seconds:g}"},
            ) from error
        except OutboundError as error:
            log.info("import_not_answered", problem=str(error))
            raise PreconditionError(
                "The host does not answer, or breaks off. Check the address, and try again later.",
                reason="IMPORT_NO_ANSWER",
            ) from error
        _check_status(status)


def _check_address(url: str) -> str:
    url = url.strip()
    if not url or len(url) > URL_MAX_CHARACTERS or not url.isprintable():
        raise InvalidInputError.of_field(
            "url",
            f"Give the address of a picture: it begins with https:// and has at most {URL_MAX_CHARACTERS:,} characters.",
            reason="IMPORT_ADDRESS_REFUSED",
        )
    return url


def _check_status(status: int) -> None:
    if status == 200:
        return
    metadata = {"status": str(status)}
    if status in NOT_THERE:
        raise PreconditionError(
            f"There is nothing at this address: its host answers {status}. Check it in a browser.",
            reason="IMPORT_NOT_FOUND",
            metadata=metadata,
        )
    raise PreconditionError(
        f"The host does not give the picture: it answers {status}. Where one has to sign in, download the picture and upload the file.",
        reason="IMPORT_NO_ANSWER",
        metadata=metadata,
    )


def _file_name(url: str) -> str:
    return unquote(urlsplit(url).path).rstrip("/").rsplit("/", 1)[-1]


def _hash(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


async def _note(url: str, key: str, store: Store, image: Image) -> None:
    """Notes what an import has made in the transaction in which its picture comes to be."""
    if not await store.add_import(image.owner_id, key, url_sha256=_hash(url), image_id=image.id):
        raise _CameFirstError
