"""What operators do with webhooks."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from exchanges.domain import InvalidInput

from . import alerts, signing
from .models import Run, Webhook
from .posting import Answer, check_url

logger = logging.getLogger(__name__)

TEST = "test"


@sensitive_variables("secret")
def add(
    url: str, *, name: str = "", run: Run | None = None, kinds: Sequence[str] = ()
) -> tuple[Webhook, str]:
    """The webhook and its secret, which nothing shows again.

    Raises INVALID_URL, and INVALID_VALUE for a kind that is no alert's or a long name.
    """
    unknown = sorted(set(kinds) - set(alerts.KINDS))
    if unknown:
        raise InvalidInput(
            "INVALID_VALUE", f"{unknown[0]:.40} is no alert", available=list(alerts.KINDS)
        )
    check_url(url)
    longest = Webhook._meta.get_field("name").max_length
    if len(name) > longest:
        raise InvalidInput("INVALID_VALUE", f"A name has at most {longest} characters")
    name = name or host(url)[:longest]
    webhook = Webhook(name=name, url=url, run=run, kinds=list(kinds))
    secret = give_secret(webhook)
    webhook.save()
    return webhook, secret


def give_secret(webhook: Webhook) -> str:
    """To one that is not saved yet; returns the secret to show once."""
    secret, webhook.sealed_secret = signing.new_secret()
    return secret


def set_enabled(webhook: Webhook, enabled: bool) -> None:
    """A disabled one hears nothing; what still waits for it fails."""
    Webhook.objects.filter(id=webhook.id).update(enabled=enabled)


def send_test(webhook: Webhook) -> Answer:
    """Posts a message of type `test` now, once, even to a disabled webhook."""
    content = {
        "type": TEST,
        "timestamp": alerts.moment(timezone.now()),
        "data": {"webhook": webhook.name},
    }
    try:
        answer = alerts.send(webhook, uuid.uuid4(), content)
    except signing.SecretUnreadable as error:
        answer = Answer(None, str(error))
    logger.info("webhook %s: test: %s", webhook.id, answer.error or answer.status)
    return answer


def host(url: str) -> str:
    """All of a URL that lists and logs show: its path may be a secret."""
    return urlsplit(url).netloc
