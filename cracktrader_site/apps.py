from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "cracktrader_site"
    verbose_name = "Cracktrader"

    def ready(self) -> None:
        from . import checks, logins  # noqa: F401 - they register themselves
