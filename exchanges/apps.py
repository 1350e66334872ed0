from django.apps import AppConfig
from django.core import checks


class ExchangesConfig(AppConfig):
    name = "exchanges"

    def ready(self) -> None:
        from .checks import credentials_key

        checks.register(credentials_key, checks.Tags.security)
