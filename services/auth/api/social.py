"""Signing in with providers."""

from typing import Any

import grpc

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]  # the request and answer, which the signatures name


class SocialApi(auth_pb2_grpc.AuthServiceServicer):
    async def ListSignInProviders(
        self, request: auth_pb2.ListSignInProvidersRequest, context: Context
    ) -> auth_pb2.ListSignInProvidersResponse:
        raise NotImplementedError

    async def BeginSocialSignIn(
        self, request: auth_pb2.BeginSocialSignInRequest, context: Context
    ) -> auth_pb2.BeginSocialSignInResponse:
        raise NotImplementedError

    async def FinishSocialSignIn(
        self, request: auth_pb2.FinishSocialSignInRequest, context: Context
    ) -> auth_pb2.FinishSocialSignInResponse:
        raise NotImplementedError

    async def CompleteSocialSignUp(
        self, request: auth_pb2.CompleteSocialSignUpRequest, context: Context
    ) -> auth_pb2.CompleteSocialSignUpResponse:
        raise NotImplementedError

    async def ListIdentities(
        self, request: auth_pb2.ListIdentitiesRequest, context: Context
    ) -> auth_pb2.ListIdentitiesResponse:
        raise NotImplementedError

    async def BeginIdentityLink(
        self, request: auth_pb2.BeginIdentityLinkRequest, context: Context
    ) -> auth_pb2.BeginIdentityLinkResponse:
        raise NotImplementedError

    async def DeleteIdentity(
        self, request: auth_pb2.DeleteIdentityRequest, context: Context
    ) -> auth_pb2.DeleteIdentityResponse:
        raise NotImplementedError
