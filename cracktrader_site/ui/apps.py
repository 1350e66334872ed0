from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "cracktrader_site.ui"
    label = "ui"
    verbose_name = "Desk"
