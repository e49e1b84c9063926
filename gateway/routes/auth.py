"""Signing up, in and out."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response, status
from fastapi.responses import RedirectResponse

from gateway.admission import AdmittedRoute
from gateway.context import Gateway, GatewayParts
from gateway.problems import SessionEndedError, fields_named, told
from gateway.schemas.auth import (
    AccessToken,
    Credentials,
    ForgottenPassword,
    LetterSent,
    LetterToken,
    PasswordReset,
    RefreshToken,
    Registration,
    ReturnTo,
    SignInProvider,
    SignInProviderList,
    SocialSignUp,
    User,
)
from gateway.sign_in import keep_sign_in, return_from_provider, send_to_provider
from linkarooie.auth.v1 import auth_pb2
from servicekit.errors import PreconditionError, UnauthenticatedError
from servicekit.grpc_client import remote_errors
from servicekit.protobuf import moment

router = APIRouter(prefix="/v1/auth", tags=["auth"], route_class=AdmittedRoute)

SessionByName = Annotated[RefreshToken | None, Body(description="Only where no cookie names the session.")]


@router.post("/register", status_code=status.HTTP_201_CREATED)
async def register(registration: Registration, gateway: GatewayParts) -> User:
    """Asks for an account and has a letter sent. The account exists once the link in there is opened: sign in after that.

    The answer is the same whether the address has an account or not.
    """
    answer = await gateway.auth.Register(
        auth_pb2.RegisterRequest(
            email=registration.email, password=registration.password, display_name=registration.display_name
        )
    )
    return User.of(answer.user)


@router.post("/email/verify", responses=told(409))
async def verify_email(letter: LetterToken, gateway: GatewayParts) -> User:
    """Opens the link of a letter that confirms an address: makes the account, or changes its address. Signs nobody in."""
    answer = await gateway.auth.ConfirmEmail(auth_pb2.ConfirmEmailRequest(token=letter.token))
    return User.of(answer.user)


@router.post("/login", responses=told(401))
async def log_in(credentials: Credentials, request: Request, response: Response, gateway: GatewayParts) -> AccessToken:
    """Opens a session: answers with an access token and sets the browser's cookies, which a refresh needs.

    A session that the browser had before ends.
    """
    answer = await gateway.auth.LogIn(
        auth_pb2.LogInRequest(
            email=credentials.email,
            password=credentials.password,
            device_token=gateway.cookies.device_token(request),
        )
    )
    await keep_sign_in(request, response, gateway, answer.signed_in)
    return _access_token(gateway, answer.signed_in.tokens)


@router.post("/refresh", responses=told(401))
async def refresh(
    request: Request, response: Response, gateway: GatewayParts, session: SessionByName = None
) -> AccessToken:
    """Exchanges the refresh token, of the cookie or of the body, for the next pair."""
    token = session.refresh_token if session else gateway.cookies.refresh_token(request)
    if token is None:
        raise SessionEndedError("There is no session to go on with. Sign in.")
    try:
        with remote_errors():
            answer = await gateway.auth.RefreshSession(auth_pb2.RefreshSessionRequest(refresh_token=token))
    except UnauthenticatedError as error:
        raise SessionEndedError(error.message, reason=error.reason) from error
    if session:
        return _access_token(gateway, answer.tokens, refresh_token=answer.tokens.refresh_token)
    gateway.cookies.keep(response, answer.tokens)
    return _access_token(gateway, answer.tokens)


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT)
async def log_out(request: Request, response: Response, gateway: GatewayParts, session: SessionByName = None) -> None:
    """Ends the session of the refresh token, of the cookie or of the body. A session that is gone already is no error."""
    token = session.refresh_token if session else gateway.cookies.refresh_token(request)
    if token is not None:
        await gateway.auth.LogOut(auth_pb2.LogOutRequest(refresh_token=token))
    gateway.cookies.forget(response)


@router.post("/password/forgot", status_code=status.HTTP_202_ACCEPTED)
async def forget_password(forgotten: ForgottenPassword, gateway: GatewayParts) -> LetterSent:
    """Has a letter sent with which a new password can be set. The answer is the same for every address."""
    await gateway.auth.RequestPasswordReset(auth_pb2.RequestPasswordResetRequest(email=forgotten.email))
    return LetterSent()


@router.post("/password/reset", status_code=status.HTTP_204_NO_CONTENT, responses=told(409))
async def reset_password(reset: PasswordReset, gateway: GatewayParts) -> None:
    """Sets a new password by the link of such a letter and ends all sessions of the account."""
    with fields_named(new_password="password"):  # noqa: S106  # the name of a field
        await gateway.auth.ResetPassword(auth_pb2.ResetPasswordRequest(token=reset.token, new_password=reset.password))


@router.get("/providers")
async def list_sign_in_providers(gateway: GatewayParts) -> SignInProviderList:
    """Returns where else people can have an account to sign in with here; empty where nothing is set up."""
    answer = await gateway.auth.ListSignInProviders(auth_pb2.ListSignInProvidersRequest())
    return SignInProviderList(
        items=[SignInProvider(id=provider.id, label=provider.label) for provider in answer.providers],
        next_page_token="",
        public_url=gateway.settings.public_url,
    )


@router.get("/oauth/{provider}/start", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
async def start_social_sign_in(
    provider: str,
    request: Request,
    gateway: GatewayParts,
    return_to: Annotated[ReturnTo, Query(description="Where in the web client to go on when it is done.")] = "/",
) -> RedirectResponse:
    """Sends the browser to a provider to sign in there, or to `/login?problem=REASON&provider=…` of the web client."""
    return await send_to_provider(provider, return_to, request, gateway)


@router.get("/oauth/{provider}/callback", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
async def finish_social_sign_in(provider: str, request: Request, gateway: GatewayParts) -> RedirectResponse:
    """Takes the browser back from a provider: signed in, with one more way to sign in, or on to `/complete-sign-up`.

    What went wrong is told by `/login` or, for a link, by `/settings/sign-in`, in `?problem=REASON&provider=…`.
    """
    return await return_from_provider(provider, request, gateway)


@router.post("/oauth/complete", status_code=status.HTTP_202_ACCEPTED, responses=told(409))
async def complete_social_sign_up(
    sign_up: SocialSignUp, request: Request, response: Response, gateway: GatewayParts
) -> User:
    """Asks for an account for who has come back from a provider that vouches for no address. Goes on as registering does."""
    ticket = gateway.cookies.ticket(request)
    if not ticket:
        raise PreconditionError(
            "This sign-up has ended, or was begun in another browser. Start again.", reason="FLOW_NOT_VALID"
        )
    answer = await gateway.auth.CompleteSocialSignUp(
        auth_pb2.CompleteSocialSignUpRequest(ticket=ticket, email=sign_up.email, display_name=sign_up.display_name)
    )
    gateway.cookies.forget_ticket(response)
    return User.of(answer.user)


def _access_token(gateway: Gateway, tokens: auth_pb2.SessionTokens, refresh_token: str | None = None) -> AccessToken:
    left = moment(tokens.access_expire_time) - gateway.clock()
    return AccessToken(
        access_token=tokens.access_token,
        token_type="Bearer",  # noqa: S106  # the name of the scheme
        expires_in=max(0, int(left.total_seconds())),
        refresh_token=refresh_token,
    )
