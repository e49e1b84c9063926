"""The gRPC face of the processor: what it makes."""

from typing import Any

import grpc

from linkarooie.processor.v1 import processor_pb2, processor_pb2_grpc
from services.processor.use_cases import Darkroom

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name


class ProcessorApi(processor_pb2_grpc.ProcessorServiceServicer):
    def __init__(self, darkroom: Darkroom) -> None:
        self._darkroom = darkroom

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
                for recipe in self._darkroom.recipes
            ]
        )
