"""The gRPC face of the processor: what it makes, and how that would look."""

from collections.abc import Sequence
from typing import Any

import grpc

from linkarooie.processor.v1 import processor_pb2, processor_pb2_grpc
from servicekit.errors import InvalidInputError
from servicekit.identity import current_caller
from services.processor.domain import Recipe
from services.processor.messages import edit_of
from services.processor.use_cases.previews import Previews

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name


class ProcessorApi(processor_pb2_grpc.ProcessorServiceServicer):
    def __init__(self, recipes: Sequence[Recipe], previews: Previews) -> None:
        self._recipes = recipes
        self._previews = previews

    async def ListRecipes(
        self, request: processor_pb2.ListRecipesRequest, context: Context
    ) -> processor_pb2.ListRecipesResponse:
        return processor_pb2.ListRecipesResponse(
            recipes=[
                processor_pb2.Recipe(
                    key=recipe.key,
                    width=recipe.spec.width,
                    height=recipe.spec.height,
                    formats=recipe.spec.formats,
                    max_bytes=recipe.spec.max_bytes or 0,
                    version=recipe.version,
                )
                for recipe in self._recipes
            ]
        )

    async def PreviewVariant(
        self, request: processor_pb2.PreviewVariantRequest, context: Context
    ) -> processor_pb2.PreviewVariantResponse:
        try:
            edit = edit_of(request.edit)
        except ValueError as error:
            raise InvalidInputError.of_field(
                "edit", f"This edit cannot be applied to a picture: {error}.", reason="EDIT_INVALID"
            ) from error
        made = await self._previews.make(current_caller().user_id, request.sha256, request.key, edit)
        return processor_pb2.PreviewVariantResponse(variant=made.variant, file=made.file)
