"""Jobs for the processor: to make the variants of pictures that were uploaded before."""

from collections.abc import Sequence

from linkarooie.processor.v1 import processor_pb2
from services.upload.domain.image import Image
from services.upload.edit_messages import write_edit, write_overrides
from services.upload.store import Store


async def ask(store: Store, images: Sequence[Image], *, subject: str) -> None:
    """Records with the transaction that the processor is asked for the pictures' present revisions, on one of its lanes."""
    edits = await store.edits_of(images)
    for image in images:
        job = processor_pb2.RenderImage(
            image_id=image.id,
            owner_id=image.owner_id,
            object_key=image.object_key,
            sha256=image.sha256,
            revision=image.revision,
            attempt=image.attempt,
            edit=write_edit(edits[image.id].base),
            overrides=write_overrides(edits[image.id]),
        )
        store.record(job, owner_id=image.owner_id, subject=subject)
