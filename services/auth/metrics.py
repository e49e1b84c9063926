"""The metrics of the auth service."""

from prometheus_client import Counter

ACTIVITIES = Counter(
    "linkarooie_account_activities_total", "Lines of the audit trail, by action.", ("action",)
)  # fmt: skip
SIGN_INS_REFUSED = Counter(
    "linkarooie_sign_ins_refused_total", "Sign-ins that led to no session, by way (password, or a provider) and reason.", ("way", "reason")
)  # fmt: skip
LETTERS = Counter(
    "linkarooie_account_letters_total", "Letters that somebody asked for, by purpose and outcome (sent, withheld).", ("purpose", "outcome")
)  # fmt: skip
