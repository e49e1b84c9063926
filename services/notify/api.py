"""The gRPC face of the notify service: translate, call a use case, translate back."""

from typing import Any

import grpc

from linkarooie.notify.v1 import notify_pb2, notify_pb2_grpc
from servicekit.identity import current_caller
from servicekit.pages import PageRequest
from servicekit.protobuf import timestamp
from services.notify.domain.news import Notice, NoticeLevel
from services.notify.use_cases import Notifier

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name

LEVELS = {
    NoticeLevel.SUCCESS: notify_pb2.NOTICE_LEVEL_SUCCESS,
    NoticeLevel.INFO: notify_pb2.NOTICE_LEVEL_INFO,
    NoticeLevel.ACTION_NEEDED: notify_pb2.NOTICE_LEVEL_ACTION_NEEDED,
}


class NotifyApi(notify_pb2_grpc.NotifyServiceServicer):
    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    async def ListNotices(
        self, request: notify_pb2.ListNoticesRequest, context: Context
    ) -> notify_pb2.ListNoticesResponse:
        wanted = PageRequest.parse(request.page_size, request.page_token, default=30)
        page, unread_count = await self._notifier.page(wanted, owner_id=current_caller().user_id)
        return notify_pb2.ListNoticesResponse(
            notices=[_notice(notice) for notice in page.items],
            next_page_token=page.next_page_token,
            unread_count=unread_count,
        )

    async def MarkNoticesRead(
        self, request: notify_pb2.MarkNoticesReadRequest, context: Context
    ) -> notify_pb2.MarkNoticesReadResponse:
        unread_count = await self._notifier.mark_read(request.ids, owner_id=current_caller().user_id)
        return notify_pb2.MarkNoticesReadResponse(unread_count=unread_count)


def _notice(notice: Notice) -> notify_pb2.Notice:
    return notify_pb2.Notice(
        id=notice.id,
        kind=notice.kind,
        level=LEVELS[notice.level],
        title=notice.title,
        body=notice.body,
        action_path=notice.action_path,
        action_label=notice.action_label,
        create_time=timestamp(notice.created_at),
        read_time=timestamp(notice.read_at),
    )
