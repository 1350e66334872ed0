"""What operators do with webhooks."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from exchanges import audit
from exchanges.domain import InvalidInput

from . import alerts, signing
from .models import Run, Webhook
from .posting import Answer, check_url

logger = logging.getLogger(__name__)

TEST = "test"
COMMAND = "command"


@sensitive_variables("secret")
def add(
    url: str,
    *,
    name: str = "",
    run: Run | None = None,
    kinds: Sequence[str] = (),
    by: str = COMMAND,
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
    with transaction.atomic():
        webhook.save()
        audit.record(by, "webhook.added", webhook.name, receiver=host(url))
    return webhook, secret


def give_secret(webhook: Webhook) -> str:
    """To one that is not saved yet; returns the secret to show once."""
    secret, webhook.sealed_secret = signing.new_secret()
    return secret


@transaction.atomic
def set_enabled(webhook: Webhook, enabled: bool, by: str = COMMAND) -> None:
    """A disabled one hears nothing; what still waits for it fails."""
    audit.record(by, "webhook.enabled" if enabled else "webhook.disabled", webhook.name)
    Webhook.objects.filter(id=webhook.id).update(enabled=enabled)


@transaction.atomic
def remove(webhook: Webhook, by: str = COMMAND) -> None:
    """With the record of its deliveries."""
    audit.record(by, "webhook.deleted", webhook.name)
    webhook.delete()


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
