"""Between the contract and the domain."""

from typing import Any, TypeAlias

import grpc

from linkarooie.processor.v1 import processor_pb2
from linkarooie.upload.v1 import upload_pb2
from servicekit.protobuf import timestamp
from services.upload.domain.image import ImageState, Variant
from services.upload.looks import write_frame, write_look
from services.upload.use_cases.shown import ShownImage

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"  # the request and answer, which the signatures name

STATES = {
    ImageState.PROCESSING: upload_pb2.IMAGE_STATE_PROCESSING,
    ImageState.READY: upload_pb2.IMAGE_STATE_READY,
    ImageState.FAILED: upload_pb2.IMAGE_STATE_FAILED,
}


def image_message(shown: ShownImage) -> upload_pb2.Image:
    image = shown.image
    return upload_pb2.Image(
        id=image.id,
        owner_id=image.owner_id,
        state=STATES[image.state],
        failure_reason=image.failure_reason,
        failure_message=image.failure_message,
        width=image.width,
        height=image.height,
        bytes=image.bytes,
        content_type=image.content_type,
        sha256=image.sha256,
        revision=image.revision,
        alt_text=image.alt_text,
        file_name=image.file_name,
        create_time=timestamp(image.created_at),
        ready_time=timestamp(image.ready_at),
        thumbnails=[variant_message(variant) for variant in shown.thumbnails],
        look=write_look(image.look) if image.state is ImageState.READY else None,
        title=image.title,
        published=image.published,
        etag=image.etag,
        edited=image.edited,
        delete_time=timestamp(image.deleted_at),
        purge_time=timestamp(shown.restorable_until),
        outdated=shown.outdated,
    )


def variant_message(variant: Variant) -> processor_pb2.Variant:
    return processor_pb2.Variant(
        key=variant.key,
        platform=variant.platform,
        slot=variant.slot,
        content_type=variant.content_type,
        width=variant.width,
        height=variant.height,
        bytes=variant.bytes,
        sha256=variant.sha256,
        perceptual_hash=variant.perceptual_hash,
        object_key=variant.object_key,
        recipe_version=variant.recipe_version,
        notes=[processor_pb2.VariantNote(code=code, text=text) for code, text in variant.notes],
        frame=write_frame(variant.frame),
    )
