from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "cracktrader_site.api"
    label = "api"
    verbose_name = "Access"
