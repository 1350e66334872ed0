"""Runs one cluster of task workers."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections


class Command(BaseCommand):
    help = "Runs a cluster of task workers that start with the engine loaded."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("cluster", choices=["jobs", "live"])

    def handle(self, *args: Any, cluster: str, **options: Any) -> None:
        # Both are read when django-q2 and the leases are imported, and by every fork.
        os.environ["Q_CLUSTER_NAME"] = os.environ["CRACKTRADER_CLUSTER"] = cluster
        from django_q.cluster import Cluster

        from runs import clusters, runner

        runner.preload()
        workers = settings.JOB_WORKERS if cluster == clusters.JOBS else settings.LIVE_WORKERS
        clusters.announce(cluster, workers)
        connections.close_all()
        running = Cluster()
        running.start()
        running.sentinel.join()
