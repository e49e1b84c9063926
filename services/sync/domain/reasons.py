"""Why something is as it is: a code for programs, and one or two sentences for people saying what happened and what follows."""

from dataclasses import dataclass
from enum import StrEnum


class ActionClass(StrEnum):
    """Who can do something about it."""

    WE_ARE_ON_IT = "we_are_on_it"
    YOU_CAN_FIX_THIS = "you_can_fix_this"
    PLATFORM_DOES_NOT_ALLOW_IT = "platform_does_not_allow_it"


@dataclass(frozen=True)
class Reason:
    """`link` is where the person can fix it or read why; empty where there is no such page."""

    code: str
    message: str
    action: ActionClass
    link: str = ""


_WE = ActionClass.WE_ARE_ON_IT
_YOU = ActionClass.YOU_CAN_FIX_THIS
_THEY = ActionClass.PLATFORM_DOES_NOT_ALLOW_IT


# Nothing is wrong


def rendering(platform: str) -> Reason:
    return Reason("RENDERING", f"The version for {platform} is being made. It is sent as soon as it is ready.", _WE)


def settling(platform: str) -> Reason:
    return Reason(
        "SETTLING", f"{platform} has taken the picture and does not show it yet. We look again in a moment.", _WE
    )


def looking(platform: str) -> Reason:
    return Reason(
        "LOOKING",
        f"You have set the picture. We look whether {platform} shows it, which may take it some minutes.",
        _WE,
    )


def already_right(platform: str) -> Reason:
    return Reason("ALREADY_RIGHT", f"{platform} shows this picture already, so nothing was sent.", _WE)


def on_its_way(platform: str) -> Reason:
    return Reason("ON_ITS_WAY", f"This picture is on its way to {platform} already.", _WE)


def in_review(platform: str) -> Reason:
    return Reason("IN_REVIEW", f"{platform} checks the picture before showing it. We look again by ourselves.", _WE)


def confirmed_by_owner(platform: str) -> Reason:
    return Reason(
        "CONFIRMED_BY_YOU", f"You have told us that {platform} shows the picture; we could not look for ourselves.", _WE
    )


def alt_text_shortened(place: str, limit: int, length: int) -> Reason:
    return Reason(
        "ALT_TEXT_SHORTENED",
        f"{place} takes descriptions of up to {limit} characters. Yours has {length}, so its end is left out there.",
        _WE,
    )


def alt_text_not_taken(place: str) -> Reason:
    return Reason(
        "ALT_TEXT_NOT_TAKEN", f"{place} takes no description with this picture, so yours is not sent there.", _THEY
    )


def picture_too_large(platform: str) -> Reason:
    return Reason(
        "PICTURE_TOO_LARGE",
        f"The picture that {platform} shows is too large for us to copy. Keep it yourself before you send another one: we could not put it back.",
        _YOU,
    )


def picture_not_kept(platform: str) -> Reason:
    return Reason(
        "PICTURE_UNREADABLE",
        f"What {platform} shows here is no picture that we can copy. Have a look there before you send another one: we could not put it back.",
        _YOU,
    )


# We go on by ourselves


def transient(platform: str) -> Reason:
    return Reason("PLATFORM_UNAVAILABLE", f"{platform} does not answer as it should. We try again by ourselves.", _WE)


def platform_down(platform: str) -> Reason:
    return Reason(
        "PLATFORM_DOWN",
        f"{platform} does not answer. We leave it alone for a while, then see whether it is back and go on by ourselves.",
        _WE,
    )


def outcome_unknown(platform: str) -> Reason:
    return Reason(
        "OUTCOME_UNKNOWN",
        f"The connection broke while the picture was on its way to {platform}. We look whether it arrived before sending it again.",
        _WE,
    )


def rate_limited(platform: str) -> Reason:
    return Reason("RATE_LIMITED", f"{platform} asks us to slow down. We go on by ourselves when it lets us.", _WE)


def cooling_down(platform: str) -> Reason:
    return Reason(
        "COOLDOWN", f"{platform} allows one change in a while. This one follows by itself as soon as it may.", _WE
    )


def sign_in_renewed(platform: str) -> Reason:
    return Reason("AUTH_EXPIRED", f"The access to {platform} has to be renewed. We do that and try again.", _WE)


def changed_meanwhile(platform: str) -> Reason:
    return Reason(
        "CONFLICT", f"The profile on {platform} was changed at the same moment. We read it again and go on.", _WE
    )


def ours_unavailable() -> Reason:
    return Reason("OUR_SIDE_UNAVAILABLE", "A part of Linkarooie does not answer. We try again by ourselves.", _WE)


def putting_back(platform: str) -> Reason:
    return Reason("PUTTING_BACK", f"{platform} showed another picture. As you have chosen, we put yours back.", _WE)


def left_there(platform: str) -> Reason:
    return Reason("LEFT_THERE", f"{platform} shows another picture now. As you have chosen, we leave it.", _WE)


# The person can do something


def access_over(platform: str) -> Reason:
    return Reason(
        "AUTH_REVOKED",
        f"{platform} gives access for a limited time, and that is over. Connect the account again: what waits here then goes on by itself.",
        _YOU,
    )


def revoked(platform: str) -> Reason:
    return Reason(
        "AUTH_REVOKED",
        f"{platform} has ended our access to this account. Connect it again: what waits here then goes on by itself.",
        _YOU,
    )


def missing_permission(platform: str) -> Reason:
    return Reason(
        "MISSING_PERMISSION",
        f"{platform} says that you have not allowed us to change pictures. Connect the account again and allow it.",
        _YOU,
    )


def account_locked(platform: str, link: str) -> Reason:
    return Reason(
        "ACCOUNT_LOCKED",
        f"{platform} has locked this account until its owner does something. Sign in there, follow what it asks, then try again here.",
        _YOU,
        link,
    )


def image_rejected(platform: str, message: str) -> Reason:
    return Reason("IMAGE_REJECTED", f"{platform} does not take the file. {message}", _YOU)


def image_failed(message: str) -> Reason:
    return Reason("IMAGE_FAILED", f"Nothing was sent: the picture could not be prepared. {message}".strip(), _YOU)


def rendition_missing(platform: str) -> Reason:
    return Reason(
        "RENDITION_MISSING",
        f"Nothing was sent: there is no version of this picture for {platform}. Upload the picture again.",
        _YOU,
    )


def gave_up(platform: str) -> Reason:
    return Reason(
        "GAVE_UP", f"{platform} has not answered as it should for a whole day. Try again when it is back.", _YOU
    )


def not_taken_over(platform: str) -> Reason:
    return Reason(
        "NOT_TAKEN_OVER",
        f"{platform} said yes but still shows the old picture. It may come late, so we look again; you can also send it again.",
        _YOU,
    )


def shows_another(platform: str) -> Reason:
    return Reason(
        "SHOWS_ANOTHER",
        f"{platform} shows neither the old picture nor ours: somebody may have changed it there. Send ours again if it should be shown.",
        _YOU,
    )


def changed_there(platform: str, *, is_gone: bool) -> Reason:
    found = "no picture any more" if is_gone else "another picture now"
    return Reason(
        "CHANGED_THERE",
        f"{platform} shows {found}: somebody has changed it there. Send yours again, or leave it as it is.",
        _YOU,
    )


def not_seen(platform: str) -> Reason:
    return Reason(
        "NOT_SEEN",
        f"You have set the picture, but {platform} shows another one. We look again; have a look there.",
        _YOU,
    )


def unreadable(platform: str) -> Reason:
    return Reason(
        "PICTURE_UNREADABLE",
        f"{platform} shows a picture in a format that we cannot read yet, so we cannot tell whether it is ours. Have a look there.",
        _YOU,
    )


def by_hand(platform: str, link: str) -> Reason:
    return Reason(
        "SET_BY_HAND",
        f"{platform} does not let apps change this picture. Set it yourself with the prepared file, then tell us here.",
        _YOU,
        link,
    )


def remove_by_hand(platform: str, link: str) -> Reason:
    return Reason(
        "REMOVE_BY_HAND",
        f"{platform} showed no picture here before, and we cannot take one away there. Remove it yourself, then tell us here.",
        _YOU,
        link,
    )


def no_snapshot(platform: str) -> Reason:
    return Reason(
        "NO_SNAPSHOT",
        f"We have not seen what {platform} showed here before, so there is nothing that we could put back. What is there stays.",
        _YOU,
    )


def snapshot_unreadable(platform: str) -> Reason:
    return Reason(
        "SNAPSHOT_UNREADABLE",
        f"What {platform} showed here could not be copied or read, so we cannot put it back. Set it there yourself if you have it.",
        _YOU,
    )


def snapshot_missing(platform: str) -> Reason:
    return Reason(
        "SNAPSHOT_MISSING",
        f"Nothing was sent: our copy of what {platform} showed here is gone. Set it there yourself if you have it.",
        _YOU,
    )


# Nobody here can do anything


def not_served(code: str, message: str) -> Reason:
    return Reason(code, message, _THEY if code == "SLOT_NOT_WRITABLE" else _YOU)


def refused_by_platform(platform: str, message: str, link: str) -> Reason:
    return Reason("NOT_ALLOWED", f"{platform} does not let this app change the picture. {message}".strip(), _THEY, link)


def policy(platform: str, link: str) -> Reason:
    return Reason("POLICY_REJECTED", f"{platform} has refused the picture by its own rules.", _THEY, link)


# Called off


def cancelled_by_owner() -> Reason:
    return Reason("CANCELLED_BY_YOU", "You have called this off.", _WE)


def image_deleted() -> Reason:
    return Reason("IMAGE_DELETED", "You have deleted the picture before it was sent, so nothing was sent.", _WE)


def connection_removed(platform: str) -> Reason:
    return Reason(
        "CONNECTION_REMOVED",
        f"You have disconnected this account. What was on its way may still arrive on {platform}.",
        _WE,
    )


def kept_there(platform: str) -> Reason:
    return Reason("KEPT_THERE", f"You have chosen to leave what {platform} shows.", _WE)


def superseded() -> Reason:
    return Reason("SUPERSEDED", "You have chosen a newer picture for the same place.", _WE)
