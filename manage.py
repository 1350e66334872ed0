#!/usr/bin/env python
"""Cracktrader's command line: `manage.py help` lists the commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cracktrader_site.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A setting that is wrong; its sentence says what to set.
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
