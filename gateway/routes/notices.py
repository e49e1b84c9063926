"""What somebody should know."""

from fastapi import APIRouter

from gateway.admission import AdmittedRoute
from gateway.context import GatewayParts
from gateway.pages import PageSize, PageToken
from gateway.schemas.notices import Notice, NoticeList, ReadNotices, UnreadNotices
from linkarooie.notify.v1 import notify_pb2

router = APIRouter(prefix="/v1/notices", tags=["notices"], route_class=AdmittedRoute)


@router.get("")
async def list_notices(gateway: GatewayParts, page_size: PageSize = 0, page_token: PageToken = "") -> NoticeList:
    """Returns the caller's notices, newest first."""
    answer = await gateway.notify.ListNotices(notify_pb2.ListNoticesRequest(page_size=page_size, page_token=page_token))
    return NoticeList(
        items=[Notice.of(notice) for notice in answer.notices],
        next_page_token=answer.next_page_token,
        unread_count=answer.unread_count,
    )


@router.post("/read")
async def mark_notices_read(read: ReadNotices, gateway: GatewayParts) -> UnreadNotices:
    """Marks notices as read: those of `ids`, or all where there is no `ids`."""
    answer = await gateway.notify.MarkNoticesRead(notify_pb2.MarkNoticesReadRequest(ids=read.ids or ()))
    return UnreadNotices(unread_count=answer.unread_count)
