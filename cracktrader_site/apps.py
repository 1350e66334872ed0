from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "cracktrader_site"
    verbose_name = "Cracktrader"
