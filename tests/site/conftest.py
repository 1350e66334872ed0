from tests.emptying import deleted_only  # noqa: F401
