"""The gRPC face of the sync service: translate, call a use case, translate back."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

from linkarooie.sync.v1 import sync_pb2, sync_pb2_grpc
from servicekit.errors import NotFoundError
from servicekit.identity import current_caller
from servicekit.pages import PageRequest
from servicekit.protobuf import timestamp
from services.sync.domain import reasons
from services.sync.domain.connection import ConnectionState, Place
from services.sync.domain.reasons import Reason
from services.sync.domain.server import ServerTerms
from services.sync.domain.target import OFF, TOO_LARGE, Seen, Target
from services.sync.fitting import notes_on
from services.sync.lifecycle import reason_message, state_message
from services.sync.places import Platforms
from services.sync.store.targets import TargetStep
from services.sync.use_cases.choices import Offer, picture_type
from services.sync.use_cases.connections import Connections, ShownConnection
from services.sync.use_cases.pictures import Pictures
from services.sync.use_cases.syncs import ShownSync, Syncs

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name

CONNECTION_STATES = {
    ConnectionState.HEALTHY: sync_pb2.CONNECTION_STATE_HEALTHY,
    ConnectionState.NEEDS_RECONNECT: sync_pb2.CONNECTION_STATE_NEEDS_RECONNECT,
}


class SyncApi(sync_pb2_grpc.SyncServiceServicer):
    def __init__(self, connections: Connections, syncs: Syncs, pictures: Pictures, platforms: Platforms) -> None:
        self._connections = connections
        self._syncs = syncs
        self._pictures = pictures
        self._platforms = platforms

    # Platforms

    async def ListPlatforms(
        self, request: sync_pb2.ListPlatformsRequest, context: Context
    ) -> sync_pb2.ListPlatformsResponse:
        offers = [self._offer(platform_id) for platform_id in self._platforms.catalogue.platforms]
        return sync_pb2.ListPlatformsResponse(platforms=sorted(offers, key=lambda offer: offer.name.casefold()))

    def _offer(self, platform_id: str) -> sync_pb2.PlatformOffer:
        platform = self._platforms.catalogue.platforms[platform_id]
        adapter = self._platforms.adapters.get(platform_id)
        return sync_pb2.PlatformOffer(
            id=platform.id,
            name=platform.name,
            can_connect=adapter is not None,
            cannot_connect_reason=self._platforms.why_not(platform_id),
            takes_instance=platform.takes_instance,
            suggested_instances=adapter.suggested_instances if adapter else (),
            catalogue=_struct(platform.public()),
        )

    async def GetClientMetadata(
        self, request: sync_pb2.GetClientMetadataRequest, context: Context
    ) -> sync_pb2.GetClientMetadataResponse:
        adapter = self._platforms.adapters.get(request.platform)
        document = adapter.client_metadata() if adapter else None
        if document is None:
            raise NotFoundError("This platform asks for no such document.", reason="NO_CLIENT_METADATA")
        return sync_pb2.GetClientMetadataResponse(document_json=document)

    # Connections

    async def BeginConnection(
        self, request: sync_pb2.BeginConnectionRequest, context: Context
    ) -> sync_pb2.BeginConnectionResponse:
        begun = await self._connections.begin(request.platform, request.instance, owner_id=_caller())
        return sync_pb2.BeginConnectionResponse(
            authorize_url=begun.authorize_url, expire_time=timestamp(begun.attempt.expires_at)
        )

    async def FinishConnection(
        self, request: sync_pb2.FinishConnectionRequest, context: Context
    ) -> sync_pb2.FinishConnectionResponse:
        finished = await self._connections.finish(request.platform, dict(request.parameters), owner_id=_caller())
        return sync_pb2.FinishConnectionResponse(
            connection=self._connection(finished.shown) if finished.shown else None,
            reconnected=finished.reconnected,
            choice_id=finished.choice_id,
        )

    async def GetConnectionChoice(
        self, request: sync_pb2.GetConnectionChoiceRequest, context: Context
    ) -> sync_pb2.GetConnectionChoiceResponse:
        choice = await self._connections.offered(request.id, owner_id=_caller())
        return sync_pb2.GetConnectionChoiceResponse(
            platform=choice.platform,
            accounts=[_offered(offer) for offer in choice.offers],
            expire_time=timestamp(choice.expires_at),
        )

    async def ChooseConnections(
        self, request: sync_pb2.ChooseConnectionsRequest, context: Context
    ) -> sync_pb2.ChooseConnectionsResponse:
        connected = await self._connections.choose(request.id, list(request.remote_ids), owner_id=_caller())
        return sync_pb2.ChooseConnectionsResponse(connections=[self._connection(shown) for shown in connected])

    async def ListConnections(
        self, request: sync_pb2.ListConnectionsRequest, context: Context
    ) -> sync_pb2.ListConnectionsResponse:
        wanted = PageRequest.parse(request.page_size, request.page_token, default=100)
        page = await self._connections.page(wanted, owner_id=_caller())
        return sync_pb2.ListConnectionsResponse(
            connections=[self._connection(shown) for shown in page.items], next_page_token=page.next_page_token
        )

    async def GetConnection(
        self, request: sync_pb2.GetConnectionRequest, context: Context
    ) -> sync_pb2.GetConnectionResponse:
        shown = await self._connections.get(request.id, owner_id=_caller())
        return sync_pb2.GetConnectionResponse(connection=self._connection(shown))

    async def CheckConnection(
        self, request: sync_pb2.CheckConnectionRequest, context: Context
    ) -> sync_pb2.CheckConnectionResponse:
        shown = await self._connections.check(request.id, owner_id=_caller())
        return sync_pb2.CheckConnectionResponse(connection=self._connection(shown))

    async def DeleteConnection(
        self, request: sync_pb2.DeleteConnectionRequest, context: Context
    ) -> sync_pb2.DeleteConnectionResponse:
        await self._connections.remove(request.id, owner_id=_caller())
        return sync_pb2.DeleteConnectionResponse()

    # Syncs

    async def CreateSync(self, request: sync_pb2.CreateSyncRequest, context: Context) -> sync_pb2.CreateSyncResponse:
        shown = await self._syncs.create(
            request.image_id,
            request.slot,
            list(request.connection_ids),
            owner_id=_caller(),
            dry_run=request.dry_run,
            idempotency_key=request.idempotency_key,
        )
        return sync_pb2.CreateSyncResponse(sync=self._sync(shown))

    async def GetSync(self, request: sync_pb2.GetSyncRequest, context: Context) -> sync_pb2.GetSyncResponse:
        return sync_pb2.GetSyncResponse(sync=self._sync(await self._syncs.get(request.id, owner_id=_caller())))

    async def ListSyncs(self, request: sync_pb2.ListSyncsRequest, context: Context) -> sync_pb2.ListSyncsResponse:
        wanted = PageRequest.parse(request.page_size, request.page_token, default=20)
        page = await self._syncs.page(wanted, owner_id=_caller())
        return sync_pb2.ListSyncsResponse(
            syncs=[self._sync(shown) for shown in page.items], next_page_token=page.next_page_token
        )

    async def CancelSync(self, request: sync_pb2.CancelSyncRequest, context: Context) -> sync_pb2.CancelSyncResponse:
        shown = await self._syncs.cancel(request.id, owner_id=_caller())
        return sync_pb2.CancelSyncResponse(sync=self._sync(shown))

    async def RetryTarget(self, request: sync_pb2.RetryTargetRequest, context: Context) -> sync_pb2.RetryTargetResponse:
        target = await self._syncs.retry(request.id, owner_id=_caller())
        return sync_pb2.RetryTargetResponse(target=self._target(target))

    async def ConfirmTarget(
        self, request: sync_pb2.ConfirmTargetRequest, context: Context
    ) -> sync_pb2.ConfirmTargetResponse:
        target = await self._syncs.confirm(request.id, owner_id=_caller())
        return sync_pb2.ConfirmTargetResponse(target=self._target(target))

    async def ListTargetSteps(
        self, request: sync_pb2.ListTargetStepsRequest, context: Context
    ) -> sync_pb2.ListTargetStepsResponse:
        wanted = PageRequest.parse(request.page_size, request.page_token, default=100, maximum=500)
        page = await self._syncs.history(request.target_id, wanted, owner_id=_caller())
        return sync_pb2.ListTargetStepsResponse(
            steps=[_step(step) for step in page.items], next_page_token=page.next_page_token
        )

    # Pictures

    async def ImportPicture(
        self, request: sync_pb2.ImportPictureRequest, context: Context
    ) -> sync_pb2.ImportPictureResponse:
        image_id = await self._pictures.take_shown(request.connection_id, request.slot, owner_id=_caller())
        return sync_pb2.ImportPictureResponse(image_id=image_id)

    async def ListPicturePlaces(
        self, request: sync_pb2.ListPicturePlacesRequest, context: Context
    ) -> sync_pb2.ListPicturePlacesResponse:
        targets = await self._pictures.places_of(request.image_id, owner_id=_caller())
        return sync_pb2.ListPicturePlacesResponse(targets=[self._target(target) for target in targets])

    # Translations that need the catalogue

    def _connection(self, shown: ShownConnection) -> sync_pb2.Connection:
        connection, account = shown.connection, shown.connection.account
        return sync_pb2.Connection(
            id=connection.id,
            platform=connection.platform,
            instance=account.instance,
            remote_id=account.remote_id,
            remote_handle=account.handle,
            remote_url=account.url,
            state=CONNECTION_STATES[connection.state],
            reason=reason_message(connection.reason),
            slots=[self._slot(connection.platform, place, shown.terms) for place in shown.places],
            create_time=timestamp(connection.created_at),
            check_time=timestamp(connection.checked_at),
            server_software="" if shown.terms is None else shown.terms.software,
        )

    def _slot(self, platform: str, place: Place, terms: ServerTerms | None) -> sync_pb2.ConnectionSlot:
        observed, notice = _observed(place.seen), reason_message(self._notice(platform, place.seen))
        slot = self._platforms.slot(platform, place.slot, terms)
        if slot is None:
            return sync_pb2.ConnectionSlot(slot=place.slot, mode="none", observed=observed, notice=notice)
        return sync_pb2.ConnectionSlot(
            slot=place.slot,
            mode=slot.mode,
            observed=observed,
            notice=notice,
            max_bytes=slot.max_bytes,
            formats=slot.formats,
            alt_text_max=slot.alt_text_max or 0,
        )

    def _notice(self, platform: str, seen: Seen | None) -> Reason | None:
        """Returns what is odd about the picture that is there, if anything is."""
        if seen is None or not seen.trouble:
            return None
        name = self._platforms.name(platform)
        return reasons.picture_too_large(name) if seen.trouble == TOO_LARGE else reasons.picture_not_kept(name)

    def _sync(self, shown: ShownSync) -> sync_pb2.Sync:
        sync = shown.sync
        return sync_pb2.Sync(
            # A plan is no thing that could be asked for later.
            id="" if shown.dry_run else sync.id,
            image_id=sync.image_id,
            slot=sync.slot,
            targets=[self._target(target, shown.terms, planned=shown.dry_run) for target in shown.targets],
            create_time=timestamp(sync.created_at),
            finish_time=timestamp(sync.finished_at),
            dry_run=shown.dry_run,
        )

    def _target(
        self, target: Target, terms: Mapping[str, ServerTerms] | None = None, *, planned: bool = False
    ) -> sync_pb2.Target:
        by_hand = self._platforms.instructions(target.platform, target.slot) if target.waits_for_hand else ()
        return sync_pb2.Target(
            id="" if planned else target.id,
            sync_id="" if planned else target.sync_id,
            connection_id=target.connection_id,
            platform=target.platform,
            slot=target.slot,
            remote_handle=target.remote_handle,
            state=state_message(target.state),
            reason=reason_message(target.reason),
            attempts=target.attempts,
            next_attempt_time=timestamp(target.next_attempt_at),
            observed=_observed(target.seen),
            update_time=timestamp(target.updated_at),
            version=target.version,
            instructions=by_hand,
            alt_text=target.alt_text,
            notes=filter(None, map(reason_message, self._notes(target, terms or {}))),
        )

    def _notes(self, target: Target, terms: Mapping[str, ServerTerms]) -> Sequence[Reason]:
        """Returns what a target's owner should know although all goes well. `terms` are those of servers, by connection."""
        slot = self._platforms.slot(target.platform, target.slot, terms.get(target.connection_id))
        # With what is called off goes no description either.
        if slot is None or target.state in OFF:
            return ()
        return notes_on(target.alt_text, slot, place=self._platforms.name(target.platform))


def _caller() -> str:
    return current_caller().user_id


def _offered(offer: Offer) -> sync_pb2.OfferedAccount:
    account, picture = offer.opened.account, offer.picture_bytes
    return sync_pb2.OfferedAccount(
        remote_id=account.remote_id,
        remote_handle=account.handle,
        remote_url=account.url,
        picture=picture,
        picture_type=picture_type(picture),
        connection_id=offer.connection_id,
    )


def _observed(seen: Seen | None) -> sync_pb2.ObservedPicture | None:
    if seen is None:
        return None
    return sync_pb2.ObservedPicture(
        observe_time=timestamp(seen.at),
        url=seen.url,
        perceptual_hash=seen.perceptual_hash,
        distance=seen.distance,
        object_key=seen.object_key,
    )


def _step(step: TargetStep) -> sync_pb2.TargetStep:
    return sync_pb2.TargetStep(
        step_time=timestamp(step.at), state=state_message(step.state), reason=reason_message(step.reason)
    )


def _struct(values: Mapping[str, Any]) -> Struct:  # JSON
    return json_format.ParseDict(dict(values), Struct())
