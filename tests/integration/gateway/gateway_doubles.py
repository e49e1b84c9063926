"""Services that answer what a test tells them and remember what they were asked, and by whom."""

from typing import Any

from google.protobuf.message import Message

from linkarooie.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from linkarooie.processor.v1 import processor_pb2, processor_pb2_grpc
from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from servicekit.errors import ServiceError
from servicekit.identity import current_caller


class Double:
    """`answers` maps a method to what it returns or raises; `asked` holds each request with its caller."""

    PUBLIC: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.target = ""
        self.answers: dict[str, Message | ServiceError] = {}
        self.asked: list[tuple[str, Any, str | None]] = []

    def _answer(self, method: str, request: Message) -> Any:
        caller = None if method in self.PUBLIC else current_caller().user_id
        self.asked.append((method, request, caller))
        answer = self.answers[method]
        if isinstance(answer, ServiceError):
            raise answer
        return answer


def _methods(*names: str) -> dict[str, Any]:
    def method(name: str) -> Any:
        async def answer(self: Double, request: Message, context: object) -> Any:
            return self._answer(name, request)

        return answer

    return {name: method(name) for name in names}


def _names(descriptor: Any) -> list[str]:
    return [method.name for method in descriptor.methods]


class SyncDouble(
    type("_Sync", (), _methods(*_names(sync_pb2.DESCRIPTOR.services_by_name["SyncService"]))),  # type: ignore[misc]
    Double,
    sync_pb2_grpc.SyncServiceServicer,
):
    PUBLIC = ("GetClientMetadata",)


class ProcessorDouble(
    type("_Processor", (), _methods(*_names(processor_pb2.DESCRIPTOR.services_by_name["ProcessorService"]))),  # type: ignore[misc]
    Double,
    processor_pb2_grpc.ProcessorServiceServicer,
):
    pass


class AnalyticsDouble(
    type("_Analytics", (), _methods(*_names(analytics_pb2.DESCRIPTOR.services_by_name["AnalyticsService"]))),  # type: ignore[misc]
    Double,
    analytics_pb2_grpc.AnalyticsServiceServicer,
):
    pass
