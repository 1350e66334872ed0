"""Runs one cluster of task workers."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections


class Command(BaseCommand):
    help = "Runs a cluster of task workers that start with the engine loaded."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("cluster", choices=["jobs", "live"])

    def handle(self, *args: Any, cluster: str, **options: Any) -> None:
        if os.environ.get("Q_CLUSTER_NAME") != cluster:
            # django-q2 has read it long before a command begins.
            os.environ["Q_CLUSTER_NAME"] = cluster
            os.execv(sys.executable, [sys.executable, *sys.argv])
        # Every fork tells by it where it belongs.
        os.environ["CRACKTRADER_CLUSTER"] = cluster
        from django_q.cluster import Cluster

        from runs import clusters, runner, turns

        if cluster == clusters.JOBS:
            runner.preload()
            workers = settings.JOB_WORKERS
        else:
            turns.preload()
            workers = settings.LIVE_WORKERS
        clusters.announce(cluster, workers)
        connections.close_all()
        running = Cluster()
        running.start()
        running.sentinel.join()
