"""Signing in and out: the admin's users, with the admin's limits on failed logins."""

from __future__ import annotations

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path, reverse_lazy


class SignInForm(AdminAuthenticationForm):
    error_messages = AdminAuthenticationForm.error_messages | {
        "invalid_login": "No staff user has this name and password. Capitals matter in both."
    }


class SignIn(LoginView):
    template_name = "ui/login.html"
    authentication_form = SignInForm
    next_page = reverse_lazy("ui:home")


class SignOut(LogoutView):
    next_page = reverse_lazy("ui:login")


urlpatterns = [
    path("login", SignIn.as_view(), name="login"),
    path("logout", SignOut.as_view(), name="logout"),
]
