"""What becomes of events of signing in that cannot be told."""

import base64
from typing import cast

import pytest
from google.protobuf.message import Message
from pydantic import SecretStr

from linkarooie.events.v1 import events_pb2 as events
from servicekit.consumers import Delivery, PoisonedMessageError
from servicekit.ids import new_id, utc_now
from servicekit.vault import Vault, VaultError
from services.notify.consumers import handlers
from services.notify.use_cases import Notifier


def vault(key: int) -> Vault:
    return Vault(SecretStr("test:" + base64.b64encode(bytes([key]) * 32).decode()), setting="LINKAROOIE_LETTER_KEYS")


async def handle(event: Message) -> None:
    unreached = cast(Notifier, None)  # none of these events may get as far
    delivery = Delivery(new_id(), "notify", "evt", event, new_id(), 1, utc_now())
    await handlers(unreached, {}, vault(1))[type(event)](delivery)


def reset(letter_id: str, sealed: bytes) -> events.AccountLetterRequested:
    return events.AccountLetterRequested(
        letter_id=letter_id, kind=events.ACCOUNT_LETTER_KIND_RESET_PASSWORD, sealed_token=sealed
    )


async def test_a_token_that_was_sealed_for_another_letter_is_not_sent() -> None:
    sealed = vault(1).seal({"token": "t"}, user=new_id(), thing="letter", field="token")
    with pytest.raises(VaultError):
        await handle(reset(new_id(), sealed))


async def test_a_token_under_a_key_that_is_not_ours_is_tried_again_since_settings_may_be_mended() -> None:
    letter_id = new_id()
    sealed = vault(2).seal({"token": "t"}, user=letter_id, thing="letter", field="token")
    with pytest.raises(VaultError):
        await handle(reset(letter_id, sealed))


@pytest.mark.parametrize("kind", [events.ACCOUNT_LETTER_KIND_UNSPECIFIED, 77])
async def test_a_kind_of_letter_without_words_is_laid_aside(kind: events.AccountLetterKind.ValueType) -> None:
    with pytest.raises(PoisonedMessageError, match=str(int(kind))):
        await handle(events.AccountLetterRequested(letter_id=new_id(), kind=kind))


@pytest.mark.parametrize("action", [0, 1, 99])
async def test_an_action_without_words_is_laid_aside(action: int) -> None:
    event = events.AccountSecurityNoted(activity_id=new_id(), user_id=new_id())
    event.action = action  # type: ignore[assignment]  # as a newer release may send it
    with pytest.raises(PoisonedMessageError, match=str(action)):
        await handle(event)
