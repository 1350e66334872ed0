"""All settings of a Cracktrader server, by what they concern.

What an operator may set is read through `cracktrader_site.env`, with its
default and one line of help; docs/settings.md lists them all, in this order.
"""

from .places import *  # noqa: F403, I001
from .access import *  # noqa: F403
from .logins import *  # noqa: F403
from .browsers import *  # noqa: F403
from .applications import *  # noqa: F403
from .storage import *  # noqa: F403
from .tasks import *  # noqa: F403
from .trading import *  # noqa: F403
from .api import *  # noqa: F403
from .watching import *  # noqa: F403
