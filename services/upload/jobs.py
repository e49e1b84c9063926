"""Jobs for the processor: to make the variants of a picture that was uploaded before."""

from linkarooie.processor.v1 import processor_pb2
from services.upload.domain.image import Image
from services.upload.store import Store


def ask(store: Store, image: Image, *, subject: str) -> None:
    """Records with the transaction that the processor is asked for the picture's present revision, on one of its lanes."""
    job = processor_pb2.RenderImage(
        image_id=image.id,
        owner_id=image.owner_id,
        object_key=image.object_key,
        sha256=image.sha256,
        revision=image.revision,
        attempt=image.attempt,
    )
    store.record(job, owner_id=image.owner_id, subject=subject)
