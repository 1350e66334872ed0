"""Records, messages and files: the database, Redis, the artifacts."""

from cracktrader_site import artifact_storage, databases, env

from .places import ARTIFACTS_DIR, CRACKTRADER_HOME

DATABASES = {
    "default": env.database(
        "DATABASE_URL",
        "Where several machines work together: postgres://user:password@host:5432/name. "
        "Else a SQLite file in the home.",
    )
    or databases.sqlite(CRACKTRADER_HOME / "db.sqlite3")
}
if env.flag(
    "CRACKTRADER_DATABASE_POOLED",
    False,
    "Says that DATABASE_URL leads to a pooler which pools by transaction, such as PgBouncer.",
):
    DATABASES["default"] = databases.pooled(DATABASES["default"])
REDIS_URL = env.redis(
    "REDIS_URL",
    "Where several machines work together: redis://:password@host:6379/0, for the task queue and "
    "for counting requests. Else the database has the queue.",
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "artifacts": artifact_storage.storage(
        env.artifacts(
            "CRACKTRADER_ARTIFACTS",
            "Where finished runs' tables are: in CRACKTRADER_ARTIFACTS_DIR (else with SQLite), in "
            "the database (else with PostgreSQL), or in a bucket.",
        ),
        ARTIFACTS_DIR,
        DATABASES["default"]["ENGINE"],
    ),
}
