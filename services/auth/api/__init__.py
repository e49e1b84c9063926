"""The gRPC face of the auth service: translate, call a use case, translate back."""

from services.auth.api.accounts import AccountsApi
from services.auth.api.keys import KeysApi
from services.auth.api.social import SocialApi
from services.auth.api.staff import StaffApi
from services.auth.keys import SigningKeys
from services.auth.use_cases.account import OwnAccount
from services.auth.use_cases.api_keys import ApiKeys
from services.auth.use_cases.confirmation import Confirmation
from services.auth.use_cases.email_change import EmailChange
from services.auth.use_cases.identities import Identities
from services.auth.use_cases.passwords import NewPasswords
from services.auth.use_cases.registration import Registration
from services.auth.use_cases.sessions import Sessions
from services.auth.use_cases.sign_in import SignIn
from services.auth.use_cases.signing_keys import Endings
from services.auth.use_cases.social import SocialSignIn
from services.auth.use_cases.staff import Staff


class AuthApi(AccountsApi, SocialApi, KeysApi, StaffApi):
    """All of it."""

    def __init__(
        self,
        *,
        registration: Registration,
        confirmation: Confirmation,
        sign_in: SignIn,
        sessions: Sessions,
        new_passwords: NewPasswords,
        email_change: EmailChange,
        own_account: OwnAccount,
        keys: SigningKeys,
        api_keys: ApiKeys,
        endings: Endings,
        staff: Staff,
        social: SocialSignIn,
        identities: Identities,
    ) -> None:
        self._registration = registration
        self._confirmation = confirmation
        self._sign_in = sign_in
        self._sessions = sessions
        self._new_passwords = new_passwords
        self._email_change = email_change
        self._own_account = own_account
        self._keys = keys
        self._api_keys = api_keys
        self._endings = endings
        self._staff = staff
        self._social = social
        self._identities = identities
