"""The gRPC face of the auth service: translate, call a use case, translate back."""

from services.auth.api.accounts import AccountsApi
from services.auth.api.keys import KeysApi
from services.auth.api.social import SocialApi
from services.auth.api.staff import StaffApi


class AuthApi(AccountsApi, SocialApi, KeysApi, StaffApi):
    """All of it."""
