"""Adds, lists, tests, disables and removes webhooks."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count, Q

from exchanges.domain import CracktraderError
from runs import alerts, formats, signing, webhooks
from runs.lookup import find_run
from runs.models import Delivery, Webhook
from runs.terminal import table

HEADERS = ("Id", "Name", "Receiver", "Run", "Alerts", "State", "Delivered", "Waiting", "Failed")


class Command(BaseCommand):
    help = "Where a run's start, stop, failure, limit hit and stale data are posted to."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        add = actions.add_parser("add", help="Adds one and prints its secret, once.")
        add.add_argument("url", metavar="URL")
        add.add_argument("--name", default="", help="Default: the URL's host.")
        add.add_argument("--run", metavar="RUN", help="Of this run only, by its id's beginning.")
        add.add_argument(
            "--kinds", nargs="+", default=[], choices=alerts.KINDS, help="Default: all."
        )
        actions.add_parser("list", help="Lists them.")
        for action, text in (
            ("test", "Sends a message of type test now."),
            ("remove", "Deletes it with the record of its deliveries."),
            ("disable", "Sends it nothing from now on."),
            ("enable", "Sends to it again."),
        ):
            actions.add_parser(action, help=text).add_argument("id", type=int, metavar="ID")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            if action == "add":
                self._add(options)
            elif action == "list":
                self._list()
            else:
                self._change(action, _find(options["id"]))
        except CracktraderError as error:
            raise CommandError(formats.printable(error)) from None

    def _add(self, options: dict[str, Any]) -> None:
        run = find_run(options["run"]) if options["run"] else None
        webhook, secret = webhooks.add(
            options["url"], name=options["name"], run=run, kinds=options["kinds"]
        )
        self.stderr.write(f"Webhook {webhook.id}. Its secret, which is never shown again:")
        self.stdout.write(secret)

    def _list(self) -> None:
        status = Delivery.Status
        counts = {name: Count("deliveries", Q(deliveries__status=name)) for name in status.values}
        found = Webhook.objects.select_related("run").annotate(**counts)
        rows = [
            (
                webhook.id,
                webhook.name,
                webhooks.host(webhook.url),
                str(webhook.run.public_id)[:8] if webhook.run else "all paper and live",
                ", ".join(webhook.kinds) or "all",
                _state(webhook),
                *(getattr(webhook, name) for name in ("delivered", "waiting", "failed")),
            )
            for webhook in found
        ]
        if rows:
            self.stdout.write(table(HEADERS, rows, right=(0, 6, 7, 8)))
        else:
            self.stderr.write("There are no webhooks.", self.style.NOTICE)

    def _change(self, action: str, webhook: Webhook) -> None:
        if action == "test":
            answer = webhooks.send_test(webhook)
            if not answer.accepted:
                raise CommandError(formats.printable(answer.error))
            self.stdout.write(f"The receiver answered {answer.status}.")
        elif action == "remove":
            webhooks.remove(webhook)
        else:
            webhooks.set_enabled(webhook, action == "enable")


def _state(webhook: Webhook) -> str:
    if not signing.readable(webhook.sealed_secret):
        return "secret unreadable"
    return "enabled" if webhook.enabled else "disabled"


def _find(webhook_id: int) -> Webhook:
    webhook = Webhook.objects.filter(id=webhook_id).first()
    if webhook is None:
        raise CommandError(f"There is no webhook {webhook_id}; `webhook list` shows them.")
    return webhook
