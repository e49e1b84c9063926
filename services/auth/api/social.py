"""Signing in with providers."""

from typing import Any

import grpc

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from servicekit.identity import caller_if_any, current_caller
from servicekit.protobuf import timestamp
from services.auth.api.messages import signed_in_message, user_message
from services.auth.domain.identity import Identity
from services.auth.use_cases.identities import Identities
from services.auth.use_cases.sessions import OpenedSession
from services.auth.use_cases.social import Outcome, SocialSignIn

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name


class SocialApi(auth_pb2_grpc.AuthServiceServicer):
    _social: SocialSignIn
    _identities: Identities

    async def ListSignInProviders(
        self, request: auth_pb2.ListSignInProvidersRequest, context: Context
    ) -> auth_pb2.ListSignInProvidersResponse:
        offered = (auth_pb2.SignInProvider(id=one.id, label=one.label) for one in self._social.offered())
        return auth_pb2.ListSignInProvidersResponse(providers=offered)

    async def BeginSocialSignIn(
        self, request: auth_pb2.BeginSocialSignInRequest, context: Context
    ) -> auth_pb2.BeginSocialSignInResponse:
        begun = await self._social.begin(
            request.provider, browser_secret=request.browser_secret, return_to=request.return_to
        )
        return auth_pb2.BeginSocialSignInResponse(
            authorize_url=begun.authorize_url, expire_time=timestamp(begun.expires_at)
        )

    async def FinishSocialSignIn(
        self, request: auth_pb2.FinishSocialSignInRequest, context: Context
    ) -> auth_pb2.FinishSocialSignInResponse:
        outcome, return_to = await self._social.finish(
            request.provider,
            dict(request.parameters),
            browser_secret=request.browser_secret,
            device_token=request.device_token,
            caller=caller_if_any(),
        )
        return self._finished(outcome, return_to)

    async def CompleteSocialSignUp(
        self, request: auth_pb2.CompleteSocialSignUpRequest, context: Context
    ) -> auth_pb2.CompleteSocialSignUpResponse:
        user = await self._social.complete(request.ticket, email=request.email, display_name=request.display_name)
        return auth_pb2.CompleteSocialSignUpResponse(user=user_message(user))

    async def ListIdentities(
        self, request: auth_pb2.ListIdentitiesRequest, context: Context
    ) -> auth_pb2.ListIdentitiesResponse:
        found = await self._identities.of(current_caller().user_id)
        return auth_pb2.ListIdentitiesResponse(identities=map(self._identity, found))

    async def BeginIdentityLink(
        self, request: auth_pb2.BeginIdentityLinkRequest, context: Context
    ) -> auth_pb2.BeginIdentityLinkResponse:
        begun = await self._social.begin(
            request.provider,
            browser_secret=request.browser_secret,
            return_to=request.return_to,
            link_for=current_caller(),
        )
        return auth_pb2.BeginIdentityLinkResponse(
            authorize_url=begun.authorize_url, expire_time=timestamp(begun.expires_at)
        )

    async def DeleteIdentity(
        self, request: auth_pb2.DeleteIdentityRequest, context: Context
    ) -> auth_pb2.DeleteIdentityResponse:
        await self._identities.remove(current_caller().user_id, request.id)
        return auth_pb2.DeleteIdentityResponse()

    def _finished(self, outcome: Outcome, return_to: str) -> auth_pb2.FinishSocialSignInResponse:
        if isinstance(outcome, OpenedSession):
            return auth_pb2.FinishSocialSignInResponse(signed_in=signed_in_message(outcome), return_to=return_to)
        if isinstance(outcome, Identity):
            return auth_pb2.FinishSocialSignInResponse(linked=self._identity(outcome), return_to=return_to)
        ticket = auth_pb2.SignUpTicket(
            ticket=outcome.token,
            provider_label=outcome.provider_label,
            email=outcome.email,
            display_name=outcome.display_name,
            expire_time=timestamp(outcome.expires_at),
        )
        return auth_pb2.FinishSocialSignInResponse(ticket=ticket, return_to=return_to)

    def _identity(self, identity: Identity) -> auth_pb2.Identity:
        return auth_pb2.Identity(
            id=identity.id,
            provider=identity.provider,
            provider_label=self._identities.providers.label_of(identity.provider),
            name=identity.name,
            create_time=timestamp(identity.created_at),
            last_used_time=timestamp(identity.last_used_at),
        )
